package config

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/config.md and conf/full.conf")

func TestGenerated(t *testing.T) {
	for file, want := range map[string][]byte{"../../docs/config.md": Markdown(), "../../conf/full.conf": Catalogue()} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v); run go test ./internal/config -update", file, err)
		}
	}
}

// TestCatalogue loads the catalogue as if it were not one: every directive is in it, and
// those which have a default have that one.
func TestCatalogue(t *testing.T) {
	conf := strings.Replace(string(Catalogue()), "is_full on;", "is_full off;", 1)
	tree, err := Parse("x.conf", included2(conf))
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	var collect func([]*Directive, string)
	collect = func(list []*Directive, parent string) {
		for _, d := range list {
			given[join(parent, d.Name)] = true
			collect(d.Block, join(parent, d.Name))
		}
	}
	collect(tree, "")
	(&field{fields: declarations()}).each(func(f *field) {
		if f.name != "" && !f.ignored && !given[f.path] {
			t.Errorf("%s is missing", f.path)
		}
	})
	c := must(t)(text(conf))
	for _, n := range c.Notes {
		t.Errorf("note %v", n)
	}
	for _, change := range c.Changed(fileDefaults()) {
		f := lookup(change.Path)
		if f != nil && f.example == "" && !f.repeat {
			t.Errorf("%s does not have its default", change.Path)
		}
	}
}

// lookup finds a declaration by a path of Change.
func lookup(path string) *field {
	path = strings.Replace(path, "vhost."+DefaultVhost, "vhost", 1)
	var found *field
	(&field{fields: declarations()}).each(func(f *field) {
		if f.path == path {
			found = f
		}
	})
	return found
}

func TestDeclarations(t *testing.T) {
	owners := map[string]string{}
	var walk func(reflect.Type, []*field)
	walk = func(typ reflect.Type, fields []*field) {
		for _, f := range fields {
			name := typ.Field(f.index).Name
			// A unit in the name of a directive is not in that of the field.
			if plain := strings.ReplaceAll(strings.TrimSuffix(f.name, "_ms"), "_", ""); !f.ignored && !strings.EqualFold(plain, name) && f.path != "vhost" {
				t.Errorf("%s is declared as the field %s", f.path, name)
			}
			if f.doc == "" || !strings.HasSuffix(f.doc, ".") {
				t.Errorf("%s: doc %q", f.path, f.doc)
			}
			if f.reload != Live && f.reload != New && f.reload != Restart {
				t.Errorf("%s: reload %q", f.path, f.reload)
			}
			if f.isDuration() == (f.unit == "") {
				t.Errorf("%s: unit %q for %s", f.path, f.unit, f.typ)
			}
			for _, env := range f.env {
				if other := owners[env]; other != "" && env != "SRS_VHOST_CHUNK_SIZE" {
					t.Errorf("%s belongs to %s and %s", env, other, f.path)
				}
				owners[env] = f.path
			}
			if f.block {
				elem := f.typ
				if f.repeat {
					elem = elem.Elem().Elem()
				}
				walk(elem, f.fields)
			}
		}
	}
	walk(reflect.TypeFor[Settings](), declarations())
}

func TestNearest(t *testing.T) {
	words := []string{"enabled", "listen", "mw_latency", "mw_msgs"}
	for word, want := range map[string]string{
		"mw_latencyy": "mw_latency", "lisetn": "listen", "enable": "enabled", "mwlatency": "mw_latency",
		"": "", "x": "", "daemon": "", strings.Repeat("listen", 1000): "",
	} {
		if got := nearest(word, words); got != want {
			t.Errorf("nearest(%.20q) = %q; want %q", word, got, want)
		}
	}
}

func TestRulePrefix(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7": "192.0.2.7/32", "192.0.2.7/24": "192.0.2.0/24", "2001:db8::1": "2001:db8::1/128", "all": "invalid Prefix",
	} {
		if p, ok := (Rule{"play", from}).Prefix(); p.String() != want || ok == (from == "all") {
			t.Errorf("%s: %v %v", from, p, ok)
		}
	}
}
