package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
)

// Markdown is the manual of the configuration, docs/config.md, made from the declarations.
func Markdown() []byte {
	var out bytes.Buffer
	out.WriteString(manualHead)
	fields := declarations()
	manualSection(&out, "Top level", "", fields)
	for _, f := range fields {
		manualBlock(&out, f)
	}
	out.WriteString("\n## Accepted without effect\n\nDirectives of former versions; each is named in the log when it is given.\n\n")
	for _, f := range fields {
		f.each(func(f *field) {
			if f.ignored {
				fmt.Fprintf(&out, "- `%s`: %s\n", f.path, lowerFirst(f.doc))
			}
		})
	}
	return out.Bytes()
}

const manualHead = `# Configuration

The server is configured by a file, by environment variables, or by both; a variable wins
over the file. Check a file with ` + "`weir -t -c FILE`" + `. What is misspelt, out of range or of the
wrong type is refused with the name of the file and the line, so nothing is overlooked in silence.

## The file

    # a comment, to the end of the line
    listen 1935 [::1]:1936;
    vhost __defaultVhost__ {
        play { gop_cache off; }
    }
    include conf/more.conf;

- A directive is a name with values and ends with ` + "`;`" + `, or opens a block with ` + "`{`" + `. It stands on one line.
- Values with spaces, ` + "`;`" + ` or ` + "`{`" + ` go between ` + "`\"`" + ` or ` + "`'`" + `; there are no escapes.
- ` + "`include`" + ` puts other files in its place. Their paths begin at the working directory.
- A switch is ` + "`on`" + ` or ` + "`off`" + `. Numbers and times are bare numbers, in the unit the table names.
- A listen address is a port, or ` + "`ip:port`" + `, or ` + "`[ip]:port`" + ` for IPv6. Several may be given.
- When a directive is given twice, the first one counts, and the log says so.
- Clients of a vhost which is not configured get ` + "`__defaultVhost__`" + `. Nothing is merged between vhosts.
- Spellings of former versions still work, with a note in the log that says what to write today.

## Variables

Each directive has a variable: SRS_ and its path in capitals, such as ` + "`SRS_VHOST_PLAY_GOP_CACHE`" + `.
Those of a vhost apply to every vhost. An empty variable counts as not set, and lists are split at
spaces. A variable that begins with SRS_ and is not known is refused, except those which Kubernetes makes
for services. Besides, SRS_CONFIG_FILE names the file in place of ` + "`-c`" + `, and SRS_ENV_ONLY, with any
value, reads no file, as ` + "`-e`" + ` does: then one default vhost exists, RTMP listens on 1935, and the server
stays in the foreground and logs to the console.

## Reading the tables

*Reload* says when a changed value is felt after a reload: **live** at once, **new** by the next
connection, stream or request, **restart** after a restart of the server. *Later* marks directives which are read and
checked, but not in effect yet; the log names those which a configuration asks for.
`

// manualBlock writes the sections of a block and of the blocks in it.
func manualBlock(out *bytes.Buffer, f *field) {
	if !f.block {
		return
	}
	title := f.path
	switch f.arg {
	case "required":
		title += " NAME"
	case "optional":
		title += " [NAME]"
	}
	manualSection(out, "`"+title+"`", f.doc, f.fields)
	for _, child := range f.fields {
		manualBlock(out, child)
	}
}

func manualSection(out *bytes.Buffer, title, doc string, fields []*field) {
	fmt.Fprintf(out, "\n## %s\n\n", title)
	if doc != "" {
		fmt.Fprintf(out, "%s\n\n", doc)
	}
	out.WriteString("| Directive | Value | Default | Variable | Reload | Meaning |\n|---|---|---|---|---|---|\n")
	for _, f := range fields {
		if f.block || f.ignored {
			continue
		}
		reload := string(f.reload)
		if f.later {
			reload += ", later"
		}
		cells := []string{code(f.name), f.value(), code(strings.TrimPrefix(f.def, "= ")), code(strings.Join(f.env, ", ")), reload, f.doc}
		if strings.HasPrefix(f.def, "= ") {
			cells[2] = "as " + cells[2]
		}
		for _, cell := range cells {
			out.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		out.WriteString("|\n")
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// value names the values of a directive for the manual.
func (f *field) value() string {
	switch {
	case len(f.enum) > 0 || f.expects() != "a value":
		return f.expects()
	case f.isMap():
		return "block of options"
	case f.typ == reflect.TypeFor[[]Rule]():
		return "`publish` or `play`, then `all`, an address or a network"
	case f.repeat:
		return "command"
	case f.typ.Kind() == reflect.Slice:
		return "list"
	}
	return "text"
}
