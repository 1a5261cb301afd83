// Package config reads the configuration of the server: a file of directives, the
// environment and the command line, and turns them into typed values. Every setting is
// declared once, by the tags of a struct field; the checks, the manual and the catalogue of
// all directives are made from these declarations.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Config is what Load read: the settings, and what is to be said about them.
type Config struct {
	Settings

	// File is what was read; empty where all comes from the environment.
	File string

	// Files are File and all that it includes, with their directories; they may be read again.
	Files []string

	// Notes are worth a warning in the log each.
	Notes []Note

	// WithoutEffect lists what was asked for and does nothing yet, each with the place
	// where it was asked: "vhost.hls.enabled (conf/weir.conf:12)".
	WithoutEffect []string

	// places is where the vhosts are among Vhosts, by their names; nil if they are few. It is a
	// hint: whoever changes Vhosts may leave it as it is.
	places map[string]int
}

// fewVhosts are found as fast without an index.
const fewVhosts = 8

// Vhost is Settings.Vhost, fast among many vhosts too.
func (c *Config) Vhost(name string) *Vhost {
	if n, ok := c.places[name]; ok && n < len(c.Vhosts) && c.Vhosts[n].Name == name {
		return c.Vhosts[n]
	}
	return c.Settings.Vhost(name)
}

// Exactly returns the vhost of that name, or nil: no other stands in for it.
func (c *Config) Exactly(name string) *Vhost {
	if v := c.Vhost(name); v != nil && v.Name == name {
		return v
	}
	return nil
}

// Follow returns what gives the rules in force for v, by what get gives: v itself once the vhost is gone.
func Follow(get func() *Config, v *Vhost) func() *Vhost {
	return func() *Vhost {
		if now := get().Exactly(v.Name); now != nil {
			return now
		}
		return v
	}
}

func (c *Config) index() {
	if len(c.Vhosts) <= fewVhosts {
		return
	}
	c.places = make(map[string]int, len(c.Vhosts))
	for n, v := range c.Vhosts {
		c.places[v.Name] = n
	}
}

// maxErrors bounds the mistakes reported at once.
const maxErrors = 20

// Load reads the configuration which o names, applies environ (as of os.Environ) to it, and
// checks the result. Its error names every mistake, the first one first; each of them is an
// *Error, which errors.As finds. After any error the process is expected to exit with 255.
func Load(o Options, environ []string) (*Config, error) {
	var files []string
	c, err := load(o, environ, func(path string) ([]byte, error) {
		if o.Dir != "" && !filepath.IsAbs(path) {
			path = filepath.Join(o.Dir, path)
		}
		if whole, err := filepath.Abs(path); err == nil && !slices.Contains(files, whole) {
			files = append(files, whole)
		}
		return readFile(path)
	})
	if err != nil {
		return nil, err
	}
	c.Files = files
	return c, nil
}

// Configured tells whether the environment alone says where the configuration is, so that a
// start needs no argument.
func Configured(environ []string) bool {
	set := variables(environ)
	return set["SRS_CONFIG_FILE"] != "" || set["SRS_ENV_ONLY"] != ""
}

// Default returns the settings without any file or variable: RTMP on port 1935 and one
// vhost, in the foreground.
func Default() *Config {
	c, err := load(Options{EnvOnly: true}, nil, nil)
	if err != nil {
		panic("config: the defaults are refused: " + err.Error())
	}
	return c
}

// loader holds what is known while one configuration is made.
type loader struct {
	// Set at construction.
	environ map[string]string
	docker  bool // the server runs in a container
	envOnly bool // there is no file
	fields  []*field

	cfg   Config
	given map[any]source // by the address of the setting: where its value comes from
	errs  []error
}

// source is the place where a value was given: a line of a file, or a variable.
type source struct {
	file string
	line int
	env  string
}

func (s source) String() string {
	if s.env != "" {
		return s.env
	}
	return fmt.Sprintf("%s:%d", s.file, s.line)
}

func load(o Options, environ []string, open func(string) ([]byte, error)) (*Config, error) {
	l := &loader{environ: variables(environ), docker: o.Docker, fields: declarations(), given: map[any]source{}}
	l.envOnly = o.EnvOnly || l.environ["SRS_ENV_ONLY"] != ""
	file := o.File
	if name := l.environ["SRS_CONFIG_FILE"]; name != "" {
		file = name
	}
	var tree []*Directive
	if !l.envOnly {
		if file == "" {
			return nil, &Error{Text: "no config file: name one with -c FILE or in SRS_CONFIG_FILE, or start with -e"}
		}
		var err error
		if tree, err = Parse(file, open); err != nil {
			return nil, err
		}
		if len(tree) == 0 {
			return nil, &Error{File: file, Text: "conf is empty"}
		}
		tree = l.transform(tree)
		l.cfg.File = file
	}
	root := reflect.ValueOf(&l.cfg.Settings).Elem()
	setDefaults(root, l.fields)
	l.block(root, &field{fields: l.fields}, &Directive{Block: tree, File: file})
	if l.envOnly {
		l.addVhost()
	}
	l.applyEnv(root, l.fields)
	l.checkEnvNames()
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	l.resolve()
	l.validate(file)
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	defaults := reflect.New(root.Type()).Elem()
	setDefaults(defaults, l.fields)
	l.withoutEffect(root, defaults, l.fields, "")
	slices.SortStableFunc(l.cfg.Notes, func(a, b Note) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	l.cfg.index()
	return &l.cfg, nil
}

// addVhost makes the default vhost of a configuration without a file.
func (l *loader) addVhost() {
	v := &Vhost{Name: DefaultVhost}
	setDefaults(reflect.ValueOf(v).Elem(), find(l.fields, "vhost").fields)
	l.cfg.Vhosts = []*Vhost{v}
}

func (l *loader) isGiven(setting any) bool {
	_, ok := l.given[setting]
	return ok
}

func (l *loader) fail(file string, line int, format string, args ...any) {
	if len(l.errs) < maxErrors {
		l.errs = append(l.errs, &Error{File: file, Line: line, Text: fmt.Sprintf(format, args...)})
	}
}

// failAt blames the place where setting was given, or the file as a whole.
func (l *loader) failAt(setting any, file, format string, args ...any) {
	at := l.given[setting]
	if at.env != "" {
		at.file = inEnvironment
		format = at.env + ": " + format
	} else if at.file == "" {
		at.file = file
	}
	l.fail(at.file, at.line, format, args...)
}

func (l *loader) note(file string, line int, format string, args ...any) {
	l.cfg.Notes = append(l.cfg.Notes, Note{File: file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// withoutEffect walks v and collects what was given, differs from its default and is
// declared as later. What stands in a block that is turned off is of no interest.
func (l *loader) withoutEffect(v, defaults reflect.Value, fields []*field, parent string) {
	if enabled := find(fields, "enabled"); enabled != nil && !v.Field(enabled.index).Bool() {
		return
	}
	for _, f := range fields {
		if f.ignored {
			continue
		}
		path, value := join(parent, f.name), v.Field(f.index)
		switch {
		case f.block && f.repeat:
			for i := range value.Len() {
				elem := value.Index(i).Elem()
				fresh := reflect.New(elem.Type()).Elem()
				setDefaults(fresh, f.fields)
				l.withoutEffect(elem, fresh, f.fields, path)
			}
		case f.block:
			l.withoutEffect(value, defaults.Field(f.index), f.fields, path)
		case f.later && !reflect.DeepEqual(value.Interface(), defaults.Field(f.index).Interface()):
			if at, ok := l.given[value.Addr().Interface()]; ok {
				l.cfg.WithoutEffect = append(l.cfg.WithoutEffect, path+" ("+at.String()+")")
			}
		}
	}
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// readFile reads at most a little more than the bound which Parse checks.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	return text, plain(err)
}

// plain leaves the path out of an error, as the message names it already.
func plain(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}
