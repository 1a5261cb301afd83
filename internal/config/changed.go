package config

import (
	"reflect"
	"slices"
)

// Change is one directive whose value differs between two configurations.
type Change struct {
	Path   string // "vhost.__defaultVhost__.play.mw_latency", or a block that came or went
	Reload Reload // when the change is felt
	Later  bool   // nothing acts on this directive yet
}

func (c Change) String() string { return c.Path + " (" + string(c.Reload) + ")" }

// Changed lists what differs between s and older settings, in the order of the manual.
func (s *Settings) Changed(old *Settings) []Change {
	return changes(reflect.ValueOf(s).Elem(), reflect.ValueOf(old).Elem(), declarations(), "")
}

func changes(v, old reflect.Value, fields []*field, parent string) []Change {
	var list []Change
	for _, f := range fields {
		if f.ignored {
			continue
		}
		a, b, path := v.Field(f.index), old.Field(f.index), join(parent, f.name)
		switch {
		case reflect.DeepEqual(a.Interface(), b.Interface()):
		case f.block && !f.repeat:
			list = append(list, changes(a, b, f.fields, path)...)
		case f.block && f.arg != "" && unique(a) && unique(b):
			list = append(list, changesByName(a, b, f, path)...)
		default:
			list = append(list, Change{path, f.reload, f.later})
		}
	}
	return list
}

// changesByName compares two lists of named blocks. Where they only stand in another order,
// nothing has changed.
func changesByName(a, b reflect.Value, f *field, parent string) []Change {
	var list []Change
	before := byName(b)
	for _, name := range names(a) {
		path, block := join(parent, name), byName(a)[name]
		if old, ok := before[name]; ok {
			list = append(list, changes(block, old, f.fields, path)...)
		} else {
			list = append(list, Change{path, addOrRemove(f), f.later})
		}
	}
	for _, name := range names(b) {
		if !slices.Contains(names(a), name) {
			list = append(list, Change{join(parent, name), addOrRemove(f), f.later})
		}
	}
	return list
}

// addOrRemove says when a new or dropped block is felt: a vhost by the next client.
func addOrRemove(f *field) Reload {
	if f.name == "vhost" {
		return New
	}
	return f.reload
}

func names(list reflect.Value) []string {
	var all []string
	for i := range list.Len() {
		all = append(all, list.Index(i).Elem().FieldByName("Name").String())
	}
	return all
}

func byName(list reflect.Value) map[string]reflect.Value {
	m := map[string]reflect.Value{}
	for i, name := range names(list) {
		m[name] = list.Index(i).Elem()
	}
	return m
}

func unique(list reflect.Value) bool { return len(byName(list)) == list.Len() }
