package srt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The errors of stream ids.
var (
	errID   = errors.New("the stream id cannot be understood")
	errMode = errors.New("the stream id asks for a mode that there is not: m is publish or request")
)

const (
	idMark  = "#!::" // begins a list of keys
	emptyID = idMark + "r=live/livestream,m=publish"
)

// target is what a client wants by its stream id.
type target struct {
	publish            bool
	vhost, app, stream string
	param              string // the other keys, as a query without its "?"
}

// parseID reads a stream id. Its forms:
//
//	#!::h=host,r=app/stream,m=publish,k=v   keys, in any order; m is request where it is missing
//	#!::h=host/app/stream                   older: all in h, or app/stream alone
//	app/stream?k=v                          plain: it plays
//
// A name without an app is of the default one. A "?" among keys separates them, like a comma.
func parseID(id, defaultApp string) (target, error) {
	if id == "" {
		id = emptyID
	}
	if strings.IndexFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return target{}, fmt.Errorf("%w: it has control characters", errID)
	}
	if strings.HasPrefix(id, "#!:{") {
		return target{}, fmt.Errorf("%w: nested keys are not supported, write #!::r=app/stream,m=publish", errID)
	}
	keys, found := strings.CutPrefix(id, idMark)
	if !found {
		name, param, _ := strings.Cut(id, "?")
		t := target{param: param}
		return t, t.name(name, defaultApp)
	}
	return parseKeys(keys, defaultApp)
}

func parseKeys(keys, defaultApp string) (target, error) {
	values := map[string]string{}
	for part := range strings.FieldsFuncSeq(keys, func(r rune) bool { return r == ',' || r == '?' }) {
		key, value, _ := strings.Cut(part, "=")
		values[key] = value
	}
	var t target
	switch mode := strings.ToLower(values["m"]); mode {
	case "publish":
		t.publish = true
	case "", "request":
	default:
		return t, fmt.Errorf("%w: %q", errMode, values["m"])
	}
	name, host := values["r"], values["h"]
	if name == "" { // the older forms
		switch strings.Count(host, "/") {
		case 1:
			host, name = "", host
		case 2:
			host, name, _ = strings.Cut(host, "/")
		default:
			return t, fmt.Errorf("%w: it names no stream, write r=app/stream", errID)
		}
	}
	t.vhost = host
	t.param = paramOf(values, host)
	return t, t.name(name, defaultApp)
}

// paramOf writes the keys that are not ours as a query, in their order; the host is a vhost there.
func paramOf(values map[string]string, host string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch key {
		case "r", "m":
		case "h":
			if host != "" {
				list = append(list, "vhost="+host)
			}
		default:
			list = append(list, key+"="+values[key])
		}
	}
	return strings.Join(list, "&")
}

// name takes app and stream out of a name.
func (t *target) name(name, defaultApp string) error {
	app, stream, found := strings.Cut(name, "/")
	if !found {
		app, stream = defaultApp, name
	}
	if app == "" || stream == "" {
		return fmt.Errorf("%w: it names no stream, write app/stream", errID)
	}
	t.app, t.stream = app, stream
	if t.vhost == "" {
		for part := range strings.SplitSeq(t.param, "&") {
			if v, ok := strings.CutPrefix(part, "vhost="); ok {
				t.vhost = v
			}
		}
	}
	return nil
}
