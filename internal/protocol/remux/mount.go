package remux

import (
	"path"
	"strings"

	"weir/internal/stream"
)

// maxName is how many bytes the name of an application or a stream may have.
const maxName = 256

// mount is where the streams of a vhost are found.
type mount struct {
	host string // as it must be asked for; empty: any that leads to the vhost
	path string // from the first slash on, with the variables [app] and [stream]
}

// mountOf reads a template of http_remux for a vhost. What is before the first slash is the host.
func mountOf(template, vhost string) mount {
	host, rest, _ := strings.Cut(template, "/")
	switch {
	case host == "[vhost]":
		host = ""
	case strings.Contains(host, "[app]") || strings.Contains(host, "[stream]"):
		host, rest = "", template
	}
	rest = "/" + rest
	if vhost == stream.DefaultVhost {
		rest = strings.ReplaceAll(rest, "/[vhost]/", "/")
	}
	return mount{host, strings.ReplaceAll(rest, "[vhost]", vhost)}
}

// target is a stream as an address names it.
type target struct {
	app, stream string
	appless     bool // the address has no application
}

// match finds out what a path names, if it is one of the mount's: as many segments, each like the
// template's. A variable stands for one byte at least and for no slash.
func (m mount) match(p string) (t target, ok bool) {
	if strings.Count(m.path, "/") != strings.Count(p, "/") || path.Ext(m.path) != path.Ext(p) {
		return target{}, false
	}
	want, have := m.path, p
	for want != "" {
		var w, h string
		w, want, _ = strings.Cut(want[1:], "/")
		h, have, _ = strings.Cut(have[1:], "/")
		if !t.segment(w, h) {
			return target{}, false
		}
		if want != "" {
			want = "/" + want
		}
		have = "/" + have
	}
	if t.stream == "" {
		t.stream = strings.TrimSuffix(p[strings.LastIndexByte(p, '/')+1:], path.Ext(p))
	}
	if t.app == "" {
		t.app = strings.Trim(path.Dir(p), "/")
		t.appless = t.app == ""
	}
	return t, t.stream != ""
}

// segment matches one segment, and notes what its variables are.
func (t *target) segment(pattern, s string) bool {
	at := strings.IndexByte(pattern, '[')
	if at < 0 {
		return pattern == s
	}
	name, rest, ok := strings.Cut(pattern[at:], "]")
	value := t.variable(name)
	if !ok || value == nil { // a bracket and nothing more
		return len(s) > at && s[:at+1] == pattern[:at+1] && t.segment(pattern[at+1:], s[at+1:])
	}
	if !strings.HasPrefix(s, pattern[:at]) {
		return false
	}
	s = s[at:]
	if known := *value; known != "" {
		return strings.HasPrefix(s, known) && t.segment(rest, s[len(known):])
	}
	for n := 1; n <= len(s); n++ {
		*value = s[:n]
		if t.segment(rest, s[n:]) {
			return true
		}
	}
	*value = ""
	return false
}

func (t *target) variable(name string) *string {
	switch name {
	case "[app":
		return &t.app
	case "[stream":
		return &t.stream
	}
	return nil
}

// proper reports whether the names could be those of a stream: nobody is led elsewhere by them.
func (t *target) proper() bool {
	for _, name := range []string{t.app, t.stream} {
		if len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
			return false
		}
		for part := range strings.SplitSeq(name, "/") {
			if part == "." || part == ".." {
				return false
			}
		}
	}
	return true
}
