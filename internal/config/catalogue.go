package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Catalogue is a configuration file with every directive and its default value, made from
// the declarations. It is marked so that no server runs it.
func Catalogue() []byte {
	w := &writer{catalogue: true}
	w.comment("", "The catalogue: every directive with its default value. The server refuses this file, see is_full; copy what you need. docs/config.md has the same as tables.")
	s := fileDefaults()
	s.IsFull = true
	w.fields(reflect.ValueOf(s).Elem(), declarations(), "")
	return w.out.Bytes()
}

// fileDefaults are the values of a file which says nothing but which vhost there is.
func fileDefaults() *Settings {
	l := &loader{fields: declarations(), given: map[any]source{}}
	setDefaults(reflect.ValueOf(&l.cfg.Settings).Elem(), l.fields)
	l.addVhost()
	l.resolve()
	return &l.cfg.Settings
}

// writer writes settings as a configuration file.
type writer struct {
	out       bytes.Buffer
	catalogue bool // with explanations, and an example where there is no default
}

func (w *writer) fields(v reflect.Value, fields []*field, indent string) {
	for _, f := range fields {
		if f.ignored {
			continue
		}
		value := v.Field(f.index)
		if w.catalogue {
			w.explain(f, value, indent)
		}
		switch {
		case f.block && f.repeat:
			w.repeated(value, f, indent)
		case f.block:
			fmt.Fprintf(&w.out, "%s%s {\n", indent, f.name)
			w.fields(value, f.fields, indent+"    ")
			fmt.Fprintf(&w.out, "%s}\n", indent)
		case f.isMap():
			w.params(value, f, indent)
		default:
			w.leaf(value, f, indent)
		}
	}
}

// repeated writes every block of a list; the catalogue has one where there is none.
func (w *writer) repeated(list reflect.Value, f *field, indent string) {
	if w.catalogue && list.Len() == 0 {
		elem := reflect.New(f.typ.Elem().Elem())
		setDefaults(elem.Elem(), f.fields)
		if f.arg != "" {
			elem.Elem().FieldByName("Name").SetString(f.example)
		}
		list = reflect.Append(list, elem)
	}
	for i := range list.Len() {
		elem, name := list.Index(i).Elem(), f.name
		if f.arg != "" && elem.FieldByName("Name").String() != "" {
			name += " " + quote(elem.FieldByName("Name").String())
		}
		fmt.Fprintf(&w.out, "%s%s {\n", indent, name)
		w.fields(elem, f.fields, indent+"    ")
		fmt.Fprintf(&w.out, "%s}\n", indent)
	}
}

func (w *writer) params(v reflect.Value, f *field, indent string) {
	if w.catalogue {
		fmt.Fprintf(&w.out, "%s%s { %s }\n", indent, f.name, f.example)
		return
	}
	fmt.Fprintf(&w.out, "%s%s {\n", indent, f.name)
	for _, p := range v.Interface().([]Param) {
		w.line(indent+"    ", p.Name, p.Args)
	}
	fmt.Fprintf(&w.out, "%s}\n", indent)
}

func (w *writer) leaf(v reflect.Value, f *field, indent string) {
	lines := words(v, f)
	switch {
	case len(lines) > 0:
		for _, args := range lines {
			w.line(indent, f.name, args)
		}
	case w.catalogue && f.example != "":
		fmt.Fprintf(&w.out, "%s%s %s;\n", indent, f.name, f.example)
	case w.catalogue:
		fmt.Fprintf(&w.out, "%s%s \"\";\n", indent, f.name)
	}
}

func (w *writer) line(indent, name string, args []string) {
	w.out.WriteString(indent + quote(name))
	for _, arg := range args {
		w.out.WriteString(" " + quote(arg))
	}
	w.out.WriteString(";\n")
}

func (w *writer) explain(f *field, v reflect.Value, indent string) {
	text := f.doc
	if !f.block && !f.isMap() && f.example != "" && len(words(v, f)) == 0 {
		text += " Empty by default; an example:"
	}
	if f.later {
		text = "(Not in effect yet.) " + text
	}
	w.out.WriteString("\n")
	w.comment(indent, text)
}

// comment writes text in lines of about 100 characters.
func (w *writer) comment(indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 100 {
			w.out.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	w.out.WriteString(line + "\n")
}

// words returns the value of a leaf as the words of its lines; none for an empty value.
func words(v reflect.Value, f *field) [][]string {
	switch value := v.Interface().(type) {
	case bool:
		return [][]string{{onOff(value)}}
	case int:
		return [][]string{{strconv.Itoa(value)}}
	case float64:
		return [][]string{{strconv.FormatFloat(value, 'f', -1, 64)}}
	case time.Duration:
		n := value.Seconds()
		if strings.HasSuffix(f.unit, "ms") {
			n = float64(value) / float64(time.Millisecond)
		}
		return [][]string{{strconv.FormatFloat(n, 'f', -1, 64)}}
	case string:
		if value != "" {
			return [][]string{{value}}
		}
	case []string:
		if len(value) > 0 {
			return [][]string{value}
		}
	case [][]string:
		return value
	case []Rule:
		var lines [][]string
		for _, r := range value {
			lines = append(lines, []string{r.Action, r.From})
		}
		return lines
	}
	return nil
}

// quote puts a word between quotes where the grammar asks for them.
func quote(s string) string {
	mark := `"`
	if strings.Contains(s, mark) {
		mark = `'`
	}
	odd := strings.ContainsAny(s, " \t;{") || strings.HasPrefix(s, "\ufeff")
	if s == "" || odd || strings.ContainsAny(s[:1], "\"'#}") {
		return mark + s + mark
	}
	return s
}
