package config

import (
	"reflect"
	"strings"
	"time"
)

// A setting is declared once, as a field of a struct with these tags:
//
//	conf:"name[,later|,ignored]"  the directive; later: read and checked, but nothing acts on
//	                              it yet; ignored: accepted for the sake of old files
//	arg:"optional|required"       the field holds the word between a block's name and its '{'
//	default:"..."                 as written in a file; "= name" follows another directive
//	unit:"ms|s|fms|fs"            how a duration is written; the f forms allow a fraction
//	range:"0.." "1..9" ">0"       bounds, in that unit
//	enum:"a|b"                    the only words allowed
//	check:"endpoint|network|passphrase"   a further check, see allows
//	env:"A,B" "-"                 variables without their SRS_; "-" for none. Otherwise the
//	                              path in capitals, with '_' for '.'; of what is ignored, those which
//	                              are too, with * for the rest of a name
//	reload:"live|new|restart"     see Reload
//	secret:"yes"                  nobody is shown the value: no error, no list of changes
//	doc, example                  for the manual and the catalogue
//
// A block hands later, env:"-" and reload down to what it contains.
type field struct {
	index   int
	typ     reflect.Type
	name    string
	path    string // "vhost.play.mw_latency"
	def     string
	unit    string
	bounds  string
	enum    []string
	check   string
	env     []string // with their SRS_
	noEnv   bool
	later   bool
	ignored bool
	secret  bool
	reload  Reload
	doc     string
	example string

	block  bool     // { ... } with declared children
	repeat bool     // may be given several times: all of them count
	arg    string   // for a block: "", "optional" or "required"
	fields []*field // children of a block
}

// Reload says when a changed setting is felt.
type Reload string

// The three answers.
const (
	Live    Reload = "live"    // at once, by those connected too
	New     Reload = "new"     // by the next connection, stream or request
	Restart Reload = "restart" // after a restart of the server
)

// Param is one line of a block with free names, such as perfile: an option and its words.
type Param struct {
	Name string
	Args []string
}

// declarations returns the fields of the whole configuration.
func declarations() []*field {
	return fieldsOf(reflect.TypeFor[Settings](), &field{reload: Restart})
}

func fieldsOf(t reflect.Type, parent *field) []*field {
	var list []*field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if arg, ok := tag.Lookup("arg"); ok {
			parent.arg, parent.example = arg, tag.Get("example")
		}
		conf := tag.Get("conf")
		if conf == "" {
			continue
		}
		list = append(list, newField(i, t.Field(i), conf, parent))
	}
	return list
}

func newField(i int, sf reflect.StructField, conf string, parent *field) *field {
	tag := sf.Tag
	name, class, _ := strings.Cut(conf, ",")
	f := &field{
		index: i, typ: sf.Type, name: name, path: name, def: tag.Get("default"), unit: tag.Get("unit"),
		bounds: tag.Get("range"), check: tag.Get("check"), doc: tag.Get("doc"), example: tag.Get("example"),
		later: parent.later || class == "later", ignored: class == "ignored",
		noEnv: parent.noEnv, secret: parent.secret || tag.Get("secret") != "", reload: parent.reload,
	}
	if parent.path != "" {
		f.path = parent.path + "." + name
	}
	if enum := tag.Get("enum"); enum != "" {
		f.enum = strings.Split(enum, "|")
	}
	if reload := tag.Get("reload"); reload != "" {
		f.reload = Reload(reload)
	}
	env := tag.Get("env")
	f.noEnv = f.noEnv || env == "-"

	elem := f.typ
	if f.repeat = repeats(f.typ); f.repeat && elem.Elem().Kind() == reflect.Pointer {
		elem = elem.Elem().Elem()
	}
	if elem.Kind() == reflect.Struct && !f.ignored {
		f.block = true
		f.fields = fieldsOf(elem, f)
		return f
	}
	if f.noEnv || f.ignored && env == "" || f.typ == reflect.TypeFor[[]Param]() {
		return f
	}
	if env == "" {
		env = strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
	}
	for name := range strings.SplitSeq(env, ",") {
		f.env = append(f.env, "SRS_"+name)
	}
	return f
}

// repeats tells the types of which every occurrence counts, not only the first one.
func repeats(t reflect.Type) bool {
	if t.Kind() != reflect.Slice {
		return false
	}
	return t.Elem().Kind() == reflect.Pointer || t == reflect.TypeFor[[][]string]() || t == reflect.TypeFor[[]Rule]()
}

func (f *field) isMap() bool      { return f.typ == reflect.TypeFor[[]Param]() }
func (f *field) isDuration() bool { return f.typ == reflect.TypeFor[time.Duration]() }

// each calls visit for f and everything below it.
func (f *field) each(visit func(*field)) {
	visit(f)
	for _, child := range f.fields {
		child.each(visit)
	}
}

func find(fields []*field, name string) *field {
	for _, f := range fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

// setDefaults fills v, a struct which fields describe.
func setDefaults(v reflect.Value, fields []*field) {
	for _, f := range fields {
		switch {
		case f.block && !f.repeat:
			setDefaults(v.Field(f.index), f.fields)
		case f.def != "" && !strings.HasPrefix(f.def, "= "):
			args := []string{f.def}
			if f.typ.Kind() == reflect.Slice {
				args = strings.Fields(f.def)
			}
			if err := f.set(v.Field(f.index), args); err != nil {
				panic("config: the default of " + err.Error()) // a mistake in a declaration; tests meet it
			}
		}
	}
}
