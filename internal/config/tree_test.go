package config

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// grammar has a row for each rule of the grammar: a file, and the tree as show writes it or,
// after "!", the error. Other files that may be included are in included.
var grammar = map[string]struct{ text, want string }{
	"leaf":                      {"listen 1935;", "listen 1935;"},
	"leaf without argument":     {"re;", "re;"},
	"several arguments":         {"a b\tc  d ;", "a b c d;"},
	"several on one line":       {"a 1;b 2; c 3;", "a 1; b 2; c 3;"},
	"glued block":               {"vhost a{play{x on;}}", "vhost a { play { x on; } }"},
	"block on lines":            {"vhost a {\n\tx on;\r\n}\r\n", "vhost a { x on; }"},
	"empty block":               {"vhost a { }", "vhost a { }"},
	"brace in a word":           {"a b}c;", "a b}c;"},
	"comment lines":             {"# one\n a 1; # two\n#three", "a 1;"},
	"comment after brace":       {"a { # why\n}", "a { }"},
	"hash in a word":            {"a b#c;", "a b#c;"},
	"double quotes":             {`a "b ';{# c";`, `a b ';{# c;`},
	"single quotes":             {`a 'b ";{# c'{}`, `a b ";{# c { }`},
	"quote in a word":           {`a b"c";`, `a b"c";`},
	"no escapes":                {`a "b\";`, `a b\;`},
	"empty quotes":              {`a "" b '';`, "a b;"},
	"empty file":                {"", ""},
	"byte order mark":           {"\ufeffa 1;", "a 1;"},
	"include":                   {"a 1; include one; b 2;", "a 1; one 1; b 2;"},
	"include several":           {"v { include one two; }", "v { one 1; one 1; two { x; } }"},
	"wrapped directive":         {"a 1\n  2;", "!main: line 1: directive a does not end with ';' on its line (and a block opens with '{' on the same line)"},
	"wrapped with CR":           {"a 1\r2;", "!main: line 1: directive a does not end with"},
	"forgotten semicolon":       {"x 1;\n\nmax_connections 1000\nlisten 1935;", "!main: line 3: directive max_connections does not end with ';'"},
	"forgotten before comment":  {"a 1 # why\n;", "!main: line 1: directive a does not end with ';'"},
	"forgotten before brace":    {"v {\n a on }", "!main: line 2: directive a does not end with ';' before '}'"},
	"brace on the next line":    {"vhost a\n{ }", "!main: line 1: directive vhost does not end"},
	"end inside a directive":    {"a 1", "!main: line 1: directive a does not end"},
	"semicolon alone":           {"a 1;\n;", "!main: line 2: unexpected ';': nothing stands before it"},
	"semicolon after empty":     {`"";`, "!main: line 1: unexpected ';'"},
	"brace alone":               {"{ }", "!main: line 1: unexpected '{'"},
	"closing too much":          {"a { }\n}", "!main: line 2: unexpected '}': no block is open"},
	"not closed":                {"x 1;\na {\n b {\n }\n", "!main: line 2: the block of a is not closed: a '}' is missing"},
	"quote not closed":          {"a \"b;\n\";", "!main: line 1: a quote \" is not closed on its line"},
	"quote not closed at end":   {"a 'b;", "!main: line 1: a quote ' is not closed on its line"},
	"word after quote":          {`a "b"c;`, `!main: line 1: unexpected "c" after the closing quote`},
	"include nothing":           {"include;", "!main: line 1: include needs the name of a file"},
	"include a missing file":    {"\ninclude none;", "!main: line 2: included file none: cannot be read"},
	"include a broken file":     {"include broken;", "!broken: line 2: the block of v"},
	"include with a block":      {"include one { }", "!main: line 1: include names files and has no block"},
	"include itself":            {"include main;", "!main: line 1: includes are nested more than 8 deep; does a file include itself?"},
	"include too often":         {"include wide;", "!wide: line 1: included file one: more than 64 files are included"},
	"nested too deep":           {strings.Repeat("a {", 50), "!main: line 1: blocks are nested more than 16 deep"},
	"longer than a file may be": {strings.Repeat("a 1;", maxFileSize/4+1), "!main: is longer than 1048576 bytes"},
}

func included(main string) func(string) ([]byte, error) {
	files := map[string]string{
		"main": main, "one": "one 1;", "two": "include one;two {x;}", "broken": "\nv {", "wide": strings.Repeat("include one;", 90),
	}
	return func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, os.ErrNotExist
		}
		return []byte(text), nil
	}
}

func show(tree []*Directive) string {
	var all []string
	for _, d := range tree {
		s := strings.Join(append([]string{d.Name}, d.Args...), " ")
		if d.Block == nil {
			s += ";"
		} else {
			s += strings.TrimSuffix(" { "+show(d.Block), " ") + " }"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func TestParse(t *testing.T) {
	for name, row := range grammar {
		tree, err := Parse("main", included(row.text))
		if want, bad := strings.CutPrefix(row.want, "!"); bad {
			var e *Error
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: error %v; want %s", name, err, want)
			}
		} else if err != nil || show(tree) != row.want {
			t.Errorf("%s: %s, %v; want %s", name, show(tree), err, row.want)
		}
	}
}

func TestParsePosition(t *testing.T) {
	tree, err := Parse("main", included("\n\na {\n# c\n  b 1; include one;\n}"))
	if err != nil {
		t.Fatal(err)
	}
	want := []*Directive{{Name: "a", Args: []string{}, File: "main", Line: 3, Block: []*Directive{
		{Name: "b", Args: []string{"1"}, File: "main", Line: 5},
		{Name: "one", Args: []string{"1"}, File: "one", Line: 1},
	}}}
	if !reflect.DeepEqual(tree, want) {
		t.Errorf("tree %+v %+v", tree[0], tree[0].Block)
	}
}

// FuzzParse checks that what was read and is written again is read as the same tree.
func FuzzParse(f *testing.F) {
	for _, row := range grammar {
		if len(row.text) < 4096 {
			f.Add(row.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := Parse("main", included(text))
		if err != nil {
			return
		}
		w := &writer{}
		w.tree(tree, "")
		again, err := Parse("main", included(w.out.String()))
		if err != nil || show(again) != show(tree) {
			t.Errorf("%q was read as %s and written as %q: %v", text, show(tree), w.out.String(), err)
		}
	})
}

func (w *writer) tree(tree []*Directive, indent string) {
	for _, d := range tree {
		if d.Block == nil {
			w.line(indent, d.Name, d.Args)
			continue
		}
		w.out.WriteString(indent + quote(d.Name))
		for _, arg := range d.Args {
			w.out.WriteString(" " + quote(arg))
		}
		w.out.WriteString(" {\n")
		w.tree(d.Block, indent+" ")
		w.out.WriteString(indent + "}\n")
	}
}
