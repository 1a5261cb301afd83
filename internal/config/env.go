package config

import (
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// inEnvironment is the File of an Error about a variable.
const inEnvironment = "environment"

// cluster matches the variables which a Kubernetes cluster makes for a service whose name
// begins with srs. They are not ours.
const cluster = `_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$`

// sideVariables are those of ours that are no directives.
func sideVariables() []string {
	return []string{"SRS_CONFIG_FILE", "SRS_ENV_ONLY", "SRS_DEVICE_IP", "SRS_PLATFORM", "SRS_REGION", "SRS_SOURCE"}
}

// variables turns the form of os.Environ into a map. A variable without a value is not set.
func variables(environ []string) map[string]string {
	m := map[string]string{}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); name != "" && value != "" {
			m[name] = value
		}
	}
	return m
}

// applyEnv puts the variables over the settings in v. Those of a vhost go to every vhost.
func (l *loader) applyEnv(v reflect.Value, fields []*field) {
	for _, f := range fields {
		switch {
		case f.ignored:
			l.ignoreVariables(f)
		case f.block && f.repeat:
			for i := range v.Field(f.index).Len() {
				l.applyEnv(v.Field(f.index).Index(i).Elem(), f.fields)
			}
		case f.block:
			l.applyEnv(v.Field(f.index), f.fields)
		default:
			l.applyVariable(v, f)
		}
	}
}

// ignoreVariables notes those that do nothing any more.
func (l *loader) ignoreVariables(f *field) {
	for _, name := range slices.Sorted(maps.Keys(l.environ)) {
		if slices.ContainsFunc(f.env, func(known string) bool { return named(known, name) }) {
			l.note(inEnvironment, 0, "%s does nothing any more: %s", name, lowerFirst(f.doc))
		}
	}
}

// named reports whether a known name, or one that ends in *, stands for name.
func named(known, name string) bool {
	start, open := strings.CutSuffix(known, "*")
	return name == known || open && strings.HasPrefix(name, start)
}

func (l *loader) applyVariable(v reflect.Value, f *field) {
	for _, name := range f.env {
		value, ok := l.environ[name]
		if !ok {
			continue
		}
		args := []string{value}
		if f.typ.Kind() == reflect.Slice {
			args = strings.Fields(value)
		}
		if err := f.set(v.Field(f.index), args); err != nil {
			_, text, _ := strings.Cut(err.Error(), " ") // the variable stands for the path
			l.failOnce(name + " " + text)
			return
		}
		if len(args) > 0 {
			l.remember(v.Field(f.index), source{env: name})
		}
		return
	}
}

// failOnce reports a bad variable once, although it is applied to every vhost.
func (l *loader) failOnce(text string) {
	for _, err := range l.errs {
		if e := (*Error)(nil); errors.As(err, &e) && e.File == inEnvironment && e.Text == text {
			return
		}
	}
	l.fail(inEnvironment, 0, "%s", text)
}

// checkEnvNames refuses variables which look like ours and are not, as a misspelt one would
// otherwise be lost without a word.
func (l *loader) checkEnvNames() {
	known := sideVariables()
	(&field{fields: l.fields}).each(func(f *field) { known = append(known, f.env...) })
	foreign := regexp.MustCompile(cluster)
	referred := l.referredVariables()
	var names []string
	for name := range l.environ {
		if strings.HasPrefix(name, "SRS_") && !slices.ContainsFunc(known, func(k string) bool { return named(k, name) }) &&
			!slices.Contains(referred, name) && !foreign.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		hint := ""
		if meant := nearest(name, known); meant != "" {
			hint = "; did you mean " + meant + "?"
		}
		l.fail(inEnvironment, 0, "unknown variable %s%s", name, hint)
	}
}

// candidates are the settings in which $NAME stands for a variable.
func (l *loader) candidates() []*string {
	list := []*string{&l.cfg.RTCServer.Candidate}
	for _, caster := range l.cfg.StreamCaster {
		list = append(list, &caster.SIP.Candidate)
	}
	return list
}

func (l *loader) referredVariables() []string {
	var names []string
	for _, c := range l.candidates() {
		names = append(names, candidateVariable(*c))
		if value := l.environ[candidateVariable(*c)]; strings.HasPrefix(value, "$") {
			names = append(names, value[1:])
		}
	}
	return names
}

// candidateVariable is the variable which may replace a candidate: the one it names with
// '$', or else the one whose name it resembles.
func candidateVariable(candidate string) string {
	if name, ok := strings.CutPrefix(candidate, "$"); ok {
		return name
	}
	return strings.ToUpper(strings.ReplaceAll(candidate, ".", "_"))
}

// resolveCandidate replaces a candidate by its variable, which may itself name another one.
// A name with '$' which is not set is as good as no candidate.
func (l *loader) resolveCandidate(candidate string) string {
	for range 3 {
		value := l.environ[candidateVariable(candidate)]
		switch {
		case value != "":
			candidate = value
		case strings.HasPrefix(candidate, "$"):
			return "*"
		default:
			return candidate
		}
	}
	if strings.HasPrefix(candidate, "$") { // names that go in a circle
		return "*"
	}
	return candidate
}
