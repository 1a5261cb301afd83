package config

import (
	"bytes"
	"errors"
	"fmt"
)

// Bounds of what one configuration may read. They are far above any file written by a
// person, and stop a file that includes itself.
const (
	maxFileSize = 1 << 20 // bytes of one file
	maxFiles    = 64      // files read for one configuration, the first one included
	maxIncludes = 8       // files between the first one and an included one
	maxNesting  = 16      // blocks inside blocks
)

// Directive is one statement of a configuration file: a leaf `name args;` or a block
// `name args { ... }`. Block is nil for a leaf, and not nil for a block, even an empty one.
type Directive struct {
	Name  string
	Args  []string
	Block []*Directive
	File  string
	Line  int
}

// Parse reads a configuration file and all it includes through open, and returns its
// directives in the order in which they were written. Every error is an *Error.
//
// A token ends at white space, ';' or '{', so `}` or `#` in the middle of a word is part of
// the word. A directive stands on one line. Included paths are handed to open as written.
func Parse(file string, open func(path string) ([]byte, error)) ([]*Directive, error) {
	files := 0
	return parseFile(file, open, &files, 0)
}

func parseFile(file string, open func(string) ([]byte, error), files *int, depth int) ([]*Directive, error) {
	if *files++; *files > maxFiles {
		return nil, &Error{File: file, Text: fmt.Sprintf("more than %d files are included", maxFiles)}
	}
	text, err := open(file)
	if err != nil {
		return nil, &Error{File: file, Text: "cannot be read: " + err.Error(), cause: err}
	}
	if len(text) > maxFileSize {
		return nil, &Error{File: file, Text: fmt.Sprintf("is longer than %d bytes", maxFileSize)}
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors on Windows put a mark in front
	p := &parser{file: file, text: text, line: 1, open: open, files: files, includes: depth}
	return p.block(nil)
}

// parser walks one file.
type parser struct {
	// Set at construction.
	file     string
	text     []byte
	open     func(string) ([]byte, error)
	files    *int // shared by all files of one configuration
	includes int  // how many includes led here

	pos     int
	line    int
	nesting int
}

// block reads directives up to the '}' which ends the block of owner, or, for a nil owner,
// up to the end of the file.
func (p *parser) block(owner *Directive) ([]*Directive, error) {
	list := []*Directive{}
	if p.nesting++; p.nesting > maxNesting {
		return nil, p.fail(p.line, "blocks are nested more than %d deep", maxNesting)
	}
	defer func() { p.nesting-- }()
	for {
		d, end, err := p.directive()
		switch {
		case err != nil:
			return nil, err
		case end == 0 && owner != nil:
			return nil, p.fail(owner.Line, "the block of %s is not closed: a '}' is missing", owner.Name)
		case end == '}' && owner == nil:
			return nil, p.fail(p.line, "unexpected '}': no block is open")
		case end == 0, end == '}':
			return list, nil
		case end == '{':
			if d.Name == "include" {
				return nil, p.fail(d.Line, "include names files and has no block")
			}
			if d.Block, err = p.block(d); err != nil {
				return nil, err
			}
		case d.Name == "include":
			included, err := p.include(d)
			if err != nil {
				return nil, err
			}
			list = append(list, included...)
			continue
		}
		list = append(list, d)
	}
}

// include reads the files which d names, in place. Each must be balanced by itself.
func (p *parser) include(d *Directive) ([]*Directive, error) {
	if len(d.Args) == 0 {
		return nil, p.fail(d.Line, "include needs the name of a file")
	}
	if p.includes >= maxIncludes {
		return nil, p.fail(d.Line, "includes are nested more than %d deep; does a file include itself?", maxIncludes)
	}
	var list []*Directive
	for _, name := range d.Args {
		included, err := parseFile(name, p.open, p.files, p.includes+1)
		if e := (*Error)(nil); errors.As(err, &e) && e.Line == 0 { // about the file as a whole: say who asked for it
			return nil, &Error{File: p.file, Line: d.Line, Text: "included file " + e.Error(), cause: e.cause}
		}
		if err != nil {
			return nil, err
		}
		list = append(list, included...)
	}
	return list, nil
}

// directive reads the tokens of one directive. The end is ';' or '{' after a directive, '}'
// at the end of a block, and 0 at the end of the file; the last two come with no directive.
func (p *parser) directive() (*Directive, byte, error) {
	var words []string
	line := p.line
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch c {
		case ' ', '\t':
			p.pos++
			continue
		case '\r', '\n':
			if len(words) > 0 {
				return nil, 0, p.unfinished(line, words)
			}
			p.newline()
			line = p.line
			continue
		case '#':
			p.comment()
			continue
		case ';', '{':
			if len(words) == 0 {
				return nil, 0, p.fail(p.line, "unexpected '%c': nothing stands before it", c)
			}
			p.pos++
			return &Directive{Name: words[0], Args: words[1:], File: p.file, Line: line}, c, nil
		case '}':
			if len(words) > 0 {
				return nil, 0, p.fail(line, "directive %s does not end with ';' before '}'", words[0])
			}
			p.pos++
			return nil, c, nil
		}
		word, err := p.word(c)
		if err != nil {
			return nil, 0, err
		}
		if word != "" { // "" is dropped
			words = append(words, word)
		}
	}
	if len(words) > 0 {
		return nil, 0, p.unfinished(line, words)
	}
	return nil, 0, nil
}

// word reads one token whose first byte is c.
func (p *parser) word(c byte) (string, error) {
	if c == '"' || c == '\'' {
		return p.quoted(c)
	}
	start := p.pos
	for p.pos < len(p.text) && !endsWord(p.text[p.pos]) {
		p.pos++
	}
	return string(p.text[start:p.pos]), nil
}

// quoted reads a token between two quotes. There are no escapes.
func (p *parser) quoted(quote byte) (string, error) {
	rest := p.text[p.pos+1:]
	n := bytes.IndexAny(rest, string(quote)+"\r\n")
	if n < 0 || rest[n] != quote {
		return "", p.fail(p.line, "a quote %c is not closed on its line", quote)
	}
	p.pos += n + 2
	if p.pos < len(p.text) && !endsWord(p.text[p.pos]) {
		return "", p.fail(p.line, "unexpected %q after the closing quote", p.text[p.pos:p.pos+1])
	}
	return string(rest[:n]), nil
}

func (p *parser) comment() {
	for p.pos < len(p.text) && p.text[p.pos] != '\n' && p.text[p.pos] != '\r' {
		p.pos++
	}
}

func (p *parser) newline() {
	if p.text[p.pos] == '\n' {
		p.line++
	}
	p.pos++
}

func (p *parser) unfinished(line int, words []string) error {
	return p.fail(line, "directive %s does not end with ';' on its line (and a block opens with '{' on the same line)", words[0])
}

func (p *parser) fail(line int, format string, args ...any) error {
	return &Error{File: p.file, Line: line, Text: fmt.Sprintf(format, args...)}
}

func endsWord(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ';', '{':
		return true
	}
	return false
}
