package remux

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/internal/config"
)

// mounts are templates and paths, and what these name; empty is nothing.
var mounts = []struct{ template, vhost, path, want string }{
	{"[vhost]/[app]/[stream].flv", "__defaultVhost__", "/live/x.flv", "live x"},
	{"[vhost]/[app]/[stream].flv", "a.com", "/live/x.flv", "live x"},
	{"[vhost]/[app]/[stream].flv", "a.com", "/live/x.ts", ""},
	{"[vhost]/[app]/[stream].flv", "a.com", "/live/y/x.flv", ""},
	{"[vhost]/[app]/[stream].flv", "a.com", "/x.flv", ""},
	{"[vhost]/[app]/[stream].flv", "a.com", "//x.flv", ""},
	{"[vhost]/[app]/[stream].flv", "a.com", "/live/.flv", ""},
	{"[vhost]/[app]/[stream].flv", "a.com", "/live/x.flv.flv", "live x.flv"},
	{"/[app]/[stream].flv", "a.com", "/live/x.flv", "live x"},
	{"/[vhost]/[app]/[stream].flv", "a.com", "/a.com/live/x.flv", "live x"},
	{"/[vhost]/[app]/[stream].flv", "a.com", "/b.com/live/x.flv", ""},
	{"/[vhost]/[app]/[stream].flv", "__defaultVhost__", "/live/x.flv", "live x"},
	{"[app]/[stream].flv", "a.com", "/live/x.flv", "live x"},
	{"/tv/[app]-[stream].flv", "a.com", "/tv/live-x-y.flv", "live x-y"},
	{"/tv/[stream].flv", "a.com", "/tv/x.flv", "tv x"},
	{"/tv/[app]/[app]/[stream].flv", "a.com", "/tv/live/live/x.flv", "live x"},
	{"/tv/[app]/[app]/[stream].flv", "a.com", "/tv/live/other/x.flv", ""},
	{"/[x/[app]/[stream].flv", "a.com", "/[x/live/x.flv", "live x"},
	{"/[app]/fixed.flv", "a.com", "/live/fixed.flv", "live fixed"},
	{"/[stream].flv", "a.com", "/x.flv", " x"},
}

func TestMount(t *testing.T) {
	for _, c := range mounts {
		got := ""
		if m, ok := mountOf(c.template, c.vhost).match(c.path); ok {
			got = m.app + " " + m.stream
		}
		if got != c.want {
			t.Errorf("%s of %s, %s: %q, want %q", c.template, c.vhost, c.path, got, c.want)
		}
	}
	if m := mountOf("cdn.com/[app]/[stream].flv", "a.com"); m.host != "cdn.com" {
		t.Errorf("%+v", m)
	}
}

func FuzzMount(f *testing.F) {
	for _, c := range mounts {
		f.Add(c.template, c.path)
	}
	f.Fuzz(func(t *testing.T, template, path string) {
		if strings.Count(template, "[") > 4 || !strings.HasPrefix(path, "/") || len(path) > 1000 {
			return
		}
		m := mountOf(template, "a.com")
		got, ok := m.match(path)
		if !ok || !got.proper() {
			return
		}
		if got.stream == "" && !strings.HasSuffix(path, "/") || strings.Contains(got.stream, "/") || strings.Contains(got.app, "..") && got.app == ".." {
			t.Errorf("%q at %q: %+v", path, template, got)
		}
		if again := strings.NewReplacer("[app]", got.app, "[stream]", got.stream).Replace(m.path); again != path && strings.Count(m.path, "[") == 2 {
			t.Errorf("%q at %q: %+v, which is %q", path, template, got, again)
		}
	})
}

// TestRoute is which requests are taken, and how they are answered without a stream.
func TestRoute(t *testing.T) {
	h := newHouse(t, nil)
	c := *h.config.Load()
	base := *c.Vhosts[0]
	off, none, cdn := base, base, base
	off.Name, off.Enabled = "off.com", false
	none.Name, none.HTTPRemux.Enabled = "none.com", false
	cdn.Name, cdn.HTTPRemux.Mount = "cdn.com", "www.cdn.com/[app]/[stream].flv"
	c.Vhosts = append([]*config.Vhost{&off, &none, &cdn}, c.Vhosts...)
	h.config.Store(&c)
	for target, want := range map[string]int{
		"http://a.com/live/..%2Fy.flv":                           0,
		"http://a.com/live%2fx.flv":                              400,
		"http://a.com/../x.flv":                                  400,
		"http://a.com/live/%00.flv":                              400,
		"http://a.com/live/a%5cb.flv":                            400,
		"http://a.com/live/" + strings.Repeat("x", 300) + ".flv": 400,
		"http://off.com/live/x.flv":                              403,
		"http://a.com/live/x.flv?vhost=off.com":                  403,
		"http://none.com/live/x.flv":                             0,
		"http://cdn.com/live/x.flv":                              0,
		"http://a.com/live/x.ts":                                 0,
		"http://a.com/x.flv":                                     0,
		"http://a.com/index.html":                                0,
		"http://a.com/live/x.flv?domain=none.com":                0,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://a.com/", nil)
		u, err := r.URL.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if target == "http://a.com/../x.flv" {
			u.Path = "/../x.flv"
		}
		r.URL, r.Host = u, u.Host
		handler := h.server.Route(r)
		got := 0
		if handler != nil {
			w := httptest.NewRecorder()
			if refusal, ok := handler.(*refusal); ok {
				refusal.ServeHTTP(w, r)
				got = w.Code
			} else {
				got = 1
			}
		}
		if got != want {
			t.Errorf("%s: %d, want %d", target, got, want)
		}
	}
}

// TestRecorded has a file at the address of a stream: it is for those who come while nobody
// publishes.
func TestRecorded(t *testing.T) {
	h := newHouse(t, nil)
	there := true
	h.server.options.Recorded = func(*http.Request) bool { return there }
	r := httptest.NewRequest(http.MethodGet, "/live/s.flv", nil)
	if h.server.Route(r) != nil {
		t.Error("the file is hidden by a stream that nobody publishes")
	}
	there = false
	if h.server.Route(r) == nil {
		t.Error("nobody waits for the stream")
	}
	there = true
	h.publish(layout(picture(), sound()))
	if h.server.Route(r) == nil {
		t.Error("the stream is hidden by the file")
	}
}
