package rtmp

import (
	"strings"
	"testing"
)

type urlCase struct {
	tcURL, stream, known string
	want                 locator
}

// urls seeds FuzzURL too.
var urls = map[string]urlCase{
	"plain":            {"rtmp://1.2.3.4/live", "livestream", "", locator{"1.2.3.4", "live", "livestream", ""}},
	"vhost":            {"rtmp://1.2.3.4/live?vhost=a.com", "s", "", locator{"a.com", "live", "s", "?vhost=a.com"}},
	"dots":             {"rtmp://1.2.3.4/live...vhost...a.com", "s", "", locator{"a.com", "live", "s", "?vhost=a.com"}},
	"domain":           {"rtmp://1.2.3.4/live", "s?token=1&domain=b.com", "", locator{"b.com", "live", "s", "?token=1&domain=b.com"}},
	"definst":          {"rtmp://a.com/app/_definst_", "s", "", locator{"a.com", "app", "s", ""}},
	"two apps":         {"rtmp://a.com/x/y", "s", "", locator{"a.com", "x/y", "s", ""}},
	"stream in app":    {"rtmp://a.com/x/s", "", "", locator{"a.com", "x", "s", ""}},
	"no app":           {"rtmp://a.com", "s", "", locator{"a.com", defaultApp, "s", ""}},
	"connect":          {"rtmp://a.com:19350/live", "", "", locator{"a.com", "live", "", ""}},
	"connect slash":    {"rtmp://a.com/live/", "", "", locator{"a.com", "live", "", ""}},
	"dots in stream":   {"rtmp://a.com/live", "s...vhost...b.com", "", locator{"b.com", "live", "s", "?vhost=b.com"}},
	"default vhost":    {"rtmp://a.com/live?vhost=__defaultVhost__", "s", "", locator{"a.com", "live", "s", ""}},
	"default domain":   {"rtmp://a.com/live?domain=__defaultVhost__", "s", "k", locator{"k", "live", "s", ""}},
	"default and more": {"rtmp://a.com/live?vhost=__defaultVhost__&k=v", "s", "", locator{"a.com", "live", "s", "?vhost=__defaultVhost__&k=v"}},
	"known stays":      {"rtmp://a.com/live", "s", "k.com", locator{"k.com", "live", "s", ""}},
	"known goes":       {"rtmp://a.com/live", "s?vhost=b.com", "k.com", locator{"b.com", "live", "s", "?vhost=b.com"}},
	"two queries":      {"rtmp://a.com/live?vhost=k.com", "s?x=y", "k.com", locator{"k.com", "live", "s", "?x=y?vhost=k.com"}},
	"slash in token":   {"rtmp://a.com/live", "s?token=a/b", "", locator{"a.com", "live", "s", "?token=a/b"}},
	"URL in app query": {"rtmp://a.com/live?u=http://b/c", "s", "", locator{"a.com", "live", "s", "?u=http://b/c"}},
	"stream in query":  {"rtmp://a.com/live?token=a/s", "", "", locator{"a.com", "live", "s", "?token=a"}},
	"fragment":         {"rtmp://a.com/live#k=v", "s", "", locator{"a.com", "live", "s", "#k=v"}},
	"fragment behind":  {"rtmp://a.com/live", "s?vhost=b.com#x", "", locator{"b.com", "live", "s", "?vhost=b.com#x"}},
	"blanks":           {"rtmp://a.com/ li ve /", " s\r\n", "", locator{"a.com", "live", "s", ""}},
	"blank app":        {"rtmp://a.com/ ", "s", "", locator{"a.com", defaultApp, "s", ""}},
	"slashes":          {"rtmp://a.com/live/", "//s", "", locator{"a.com", "live", "s", ""}},
	"folder":           {"rtmp://a.com/live", "room/s.flv", "", locator{"a.com", "live/room", "s.flv", ""}},
	"IPv6":             {"rtmp://[::1]:1935/live", "s", "", locator{"::1", "live", "s", ""}},
	"user":             {"rtmp://me:secret@a.com:1935/live", "s", "", locator{"a.com", "live", "s", ""}},
	"tunnel":           {"rtmpt://a.com/live", "s", "", locator{"a.com", "live", "s", ""}},
	"escaped vhost":    {"rtmp://a.com/live?vhost=b%2Ecom", "s", "", locator{"b.com", "live", "s", "?vhost=b%2Ecom"}},
	"vhost with slash": {"rtmp://a.com/live?vhost=b.com/", "s", "", locator{"b.com", "live", "s", "?vhost=b.com"}},
}

func TestURL(t *testing.T) {
	for name, c := range urls {
		if got, err := parseLocator(c.tcURL, c.stream, c.known); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "live", "/live", "rtmp:/a.com/live", "?x://y"} {
		if got, err := parseLocator(bad, "s", ""); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
	for name, want := range map[string]string{
		"s": "s", "s.flv": "s", "s.m3u8": "s", "a.1": "a", "a.b.c": "a.b", ".flv": ".flv", "": "", "s.": "s",
	} {
		if got := plain(name); got != want {
			t.Errorf("plain(%q) = %q, want %q", name, got, want)
		}
	}
}

// FuzzURL checks what everybody behind takes for granted: a name without blanks, and slashes
// only inside.
func FuzzURL(f *testing.F) {
	for _, c := range urls {
		f.Add(c.tcURL, c.stream, c.known)
	}
	f.Fuzz(func(t *testing.T, tcURL, stream, known string) {
		got, err := parseLocator(tcURL, stream, known)
		if err != nil {
			return
		}
		if got.app == "" {
			t.Error("no app")
		}
		for _, part := range []string{got.vhost, got.app, got.stream} {
			if strings.ContainsAny(part, " \t\r\n") || strings.HasPrefix(part, "/") || strings.HasSuffix(part, "/") {
				t.Errorf("%q, %q: %+v", tcURL, stream, got)
			}
		}
		if strings.Contains(got.vhost, "/") {
			t.Errorf("%q, %q: %+v", tcURL, stream, got)
		}
	})
}
