package config

import (
	"reflect"
	"strings"
)

// block decodes the children of d into v, a struct which owner.fields describe. Of a
// directive given several times the first one counts, unless the declaration says that all
// of them do; the others are checked all the same.
func (l *loader) block(v reflect.Value, owner *field, d *Directive) {
	seen := map[string]*Directive{}
	for _, child := range d.Block {
		f := find(owner.fields, child.Name)
		switch {
		case f == nil:
			l.unknown(owner, child)
			continue
		case f.ignored:
			l.note(child.File, child.Line, "%s does nothing any more: %s", f.path, lowerFirst(f.doc))
			continue
		}
		target := v.Field(f.index)
		if first := seen[child.Name]; first != nil && !f.repeat {
			if f.path == "vhost.http_remux" {
				l.fail(child.File, child.Line, "a vhost has at most one http_remux; the first is in line %d", first.Line)
			}
			l.note(child.File, child.Line, "%s is given a second time; the first, in line %d, counts", f.path, first.Line)
			target = reflect.New(f.typ).Elem()
		}
		if seen[child.Name] == nil {
			seen[child.Name] = child
		}
		l.directive(target, f, child)
	}
}

func (l *loader) directive(v reflect.Value, f *field, d *Directive) {
	switch isBlock := f.block || f.isMap(); {
	case isBlock && d.Block == nil:
		l.fail(d.File, d.Line, "%s is a block: it needs { and } instead of ';'", f.path)
		return
	case !isBlock && d.Block != nil:
		l.fail(d.File, d.Line, "%s is no block: it takes %s and ends with ';'", f.path, f.expects())
		return
	case isBlock && f.arg == "" && len(d.Args) > 0, isBlock && len(d.Args) > 1:
		l.fail(d.File, d.Line, "unexpected %s between %s and its '{'", strings.Join(d.Args, " "), f.path)
		return
	case f.arg == "required" && len(d.Args) == 0:
		l.fail(d.File, d.Line, "%s needs a name in front of its '{'", f.path)
		return
	case f.isMap():
		l.params(v, f, d)
	case f.block && f.repeat:
		l.element(v, f, d)
	case f.block:
		l.block(v, f, d)
	default:
		if err := f.set(v, d.Args); err != nil {
			l.fail(d.File, d.Line, "%s", err)
			return
		}
	}
	if f.isMap() || !f.block && len(d.Args) > 0 {
		l.remember(v, source{file: d.File, line: d.Line})
	}
}

// element appends a block that may be given several times to v. A second vhost of the same
// name is checked and dropped, as its first one counts.
func (l *loader) element(v reflect.Value, f *field, d *Directive) {
	elem := reflect.New(f.typ.Elem().Elem())
	setDefaults(elem.Elem(), f.fields)
	l.block(elem.Elem(), f, d)
	if f.arg != "" && len(d.Args) > 0 {
		elem.Elem().FieldByName("Name").SetString(d.Args[0])
	}
	if vhost, ok := reflect.TypeAssert[*Vhost](elem); ok {
		for _, other := range l.cfg.Vhosts {
			if other.Name == vhost.Name {
				l.note(d.File, d.Line, "vhost %s is given a second time; the first counts", vhost.Name)
				return
			}
		}
	}
	v.Set(reflect.Append(v, elem))
	l.given[elem.Interface()] = source{file: d.File, line: d.Line}
}

// params decodes a block with free names.
func (l *loader) params(v reflect.Value, f *field, d *Directive) {
	var list []Param
	for _, child := range d.Block {
		if child.Block != nil {
			l.fail(child.File, child.Line, "%s takes options, and no block %s", f.path, child.Name)
			continue
		}
		list = append(list, Param{Name: child.Name, Args: append([]string(nil), child.Args...)})
	}
	v.Set(reflect.ValueOf(list))
}

// remember notes where a setting was given. Of a list collected from several lines, it is
// the first.
func (l *loader) remember(v reflect.Value, at source) {
	if key := v.Addr().Interface(); !l.isGiven(key) || at.env != "" {
		l.given[key] = at
	}
}

func (l *loader) unknown(owner *field, d *Directive) {
	var names []string
	for _, f := range owner.fields {
		names = append(names, f.name)
	}
	where, hint := "", ""
	if owner.path != "" {
		where = " in " + owner.path
	}
	if name := nearest(d.Name, names); name != "" {
		hint = "; did you mean " + name + "?"
	} else if home := l.home(d.Name); home != "" {
		hint = "; it belongs " + home
	}
	l.fail(d.File, d.Line, "unknown directive %s%s%s", d.Name, where, hint)
}

// home names the only block which has a directive of this name, if there is one.
func (l *loader) home(name string) string {
	var homes []string
	(&field{fields: l.fields}).each(func(f *field) {
		for _, child := range f.fields {
			if child.name == name && !child.ignored {
				homes = append(homes, "in "+f.path)
			}
		}
	})
	if len(homes) != 1 {
		return ""
	}
	if homes[0] == "in " {
		return "outside of all blocks"
	}
	return homes[0]
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
