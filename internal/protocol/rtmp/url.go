package rtmp

import (
	"errors"
	"net/url"
	"strings"

	"weir/internal/stream"
)

const (
	defaultVhost = stream.DefaultVhost
	defaultApp   = "__defaultApp__"
)

var errURL = errors.New("rtmp: bad URL")

// locator is what a client's URL and stream name come to.
type locator struct {
	vhost  string // as the client names it, or the host
	app    string
	stream string // may have an extension
	param  string // with its "?"
}

// parseLocator reads a tcUrl and a stream name, which may be empty and may carry parameters of
// its own. The vhost is taken from the parameters vhost and domain, else it is known, what an
// earlier call has found, else the URL's host.
func parseLocator(tcURL, stream, known string) (locator, error) {
	raw := strings.Replace(tcURL, "...vhost...", "?vhost=", 1)
	stream = strings.Replace(stream, "...vhost...", "?vhost=", 1)
	stream, own := cutAny(stream, "?#")
	raw = afterPath(strings.TrimSuffix(raw, "/") + "/" + strings.TrimPrefix(stream, "/"))
	raw = strings.Replace(raw, "/_definst_", "", 1)
	head, param := cutAny(raw, "?#")
	param = own + param
	_, rest, ok := strings.Cut(head, "://")
	if !ok {
		return locator{}, errURL
	}
	host, path, _ := strings.Cut(rest, "/")
	t := locator{vhost: known, param: param}
	t.app, t.stream = splitLast(path)
	if vhost := asked(param); vhost != "" {
		t.vhost = vhost
	}
	if t.vhost == "" {
		t.vhost = hostname(host)
	}
	if param == "?vhost="+defaultVhost || param == "?domain="+defaultVhost {
		t.param = ""
	}
	t.guess()
	t.strip()
	if t.app == "" {
		t.app = defaultApp
	}
	return t, nil
}

// afterPath moves parameters that stand before the last slash to the end: people write them
// behind the application.
func afterPath(raw string) string {
	slash := strings.LastIndexByte(raw, '/')
	mark := strings.IndexAny(raw, "?#")
	if mark < 0 || mark > slash {
		return raw
	}
	return raw[:mark] + raw[slash:] + raw[mark:slash]
}

// guess finds a stream's name where the URL has none in its place: in the application behind
// its first slash, else in the parameters behind theirs.
func (t *locator) guess() {
	if t.stream == "" {
		if app, stream, ok := strings.Cut(t.app, "/"); ok {
			t.app, t.stream = app, stream
		} else if param, stream, ok := strings.Cut(t.param, "/"); ok {
			t.param, t.stream = param, stream
		}
	}
}

func (t *locator) strip() {
	t.vhost = strings.ReplaceAll(unblank(t.vhost), "/", "")
	t.app = strings.Trim(unblank(t.app), "/")
	t.stream = strings.Trim(unblank(t.stream), "/")
}

// unblank leaves the blanks out. Names seldom have any, and a Replacer is 6 KB.
func unblank(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
}

// asked returns the virtual host that parameters name, or "" for none or the default one.
func asked(param string) string {
	query, _, _ := strings.Cut(strings.TrimPrefix(param, "?"), "#")
	values, _ := url.ParseQuery(query) // what can be read of it
	for _, name := range []string{"vhost", "domain"} {
		if v := values.Get(name); v != "" {
			if v == defaultVhost {
				return ""
			}
			return v
		}
	}
	return ""
}

// hostname takes a name and a password, and the port, off a host.
func hostname(host string) string {
	u := url.URL{Host: host[strings.LastIndexByte(host, '@')+1:]}
	return u.Hostname()
}

// splitLast cuts a path at its last slash.
func splitLast(path string) (dir, last string) {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i], path[i+1:]
	}
	return "", path
}

// cutAny cuts s before the first of chars; the rest keeps it.
func cutAny(s, chars string) (before, rest string) {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// plain returns a stream's name without its extension: livestream.flv is livestream.
func plain(stream string) string {
	if i := strings.LastIndexByte(stream, '.'); i > 0 {
		return stream[:i]
	}
	return stream
}
