package flvpost

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"weir/internal/config"
)

func place(t testing.TB, output string) config.Place {
	t.Helper()
	p, err := config.ParsePlace(output, []string{"1935"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTarget(t *testing.T) {
	const usual = "rtmp://127.0.0.1:1935/[app]/[stream]"
	for _, c := range []struct {
		output, address string
		want            target
	}{
		{usual, "/live/s.flv", target{app: "live", stream: "s", name: "s.flv"}},
		{usual, "/live/s", target{app: "live", stream: "s", name: "s"}},
		{usual, "/a/b/s.ts?token=1&vhost=v.test", target{vhost: "v.test", app: "a/b", stream: "s.ts", name: "s.ts", param: "?token=1&vhost=v.test"}},
		{usual, "//live/s.flv?domain=v.test", target{vhost: "v.test", app: "live", stream: "s", name: "s.flv", param: "?domain=v.test"}},
		{usual + "?vhost=own.test", "/live/s.flv?vhost=v.test", target{vhost: "own.test", app: "live", stream: "s", name: "s.flv", param: "?vhost=v.test"}},
		{usual + "?vhost=[app].test&from=[app]%20[stream]&k=v", "/a%26b/s%26.flv?x=y", target{vhost: "a&b.test", app: "a&b", stream: "s&", name: "s&.flv", param: "?from=a%26b%20s%26&k=v&x=y"}},
		{usual, "/live%3fvhost=v.test/s.flv", target{app: "live?vhost=v.test", stream: "s", name: "s.flv"}},
		{"rtmp://127.0.0.1/live/[stream]", "/s.flv", target{app: "live", stream: "s", name: "s.flv"}},
		{"rtmp://127.0.0.1/live/cam-[stream]", "/any/thing/s.flv", target{app: "live", stream: "cam-s", name: "s.flv"}},
		{"rtmp://127.0.0.1/live/one", "/whatever", target{app: "live", stream: "one", name: "whatever"}},
	} {
		address, err := url.ParseRequestURI(c.address)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := targetOf(place(t, c.output), address); err != nil || got != c.want {
			t.Errorf("%s at %s: %+v, %v; want %+v", c.address, c.output, got, err, c.want)
		}
	}
	for address, want := range map[string]string{
		"/": "no stream name", "/live/": "no stream name", "/live/.flv": "no stream name", "*": "no app", "/s.flv": "no app",
		"/../s.flv": "not one of a stream", "/live/..": "not one of a stream", "/a//b/s.flv": "not one of a stream",
		"/live/s%0a.flv": "not one of a stream", "/live/a%5cb.flv": "not one of a stream",
		"/live/" + strings.Repeat("s", 300): "not one of a stream", "/" + strings.Repeat("s", 300) + "/s": "not one of a stream",
	} {
		u, err := url.ParseRequestURI(address)
		if address == "*" {
			u, err = &url.URL{Path: "*"}, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := targetOf(place(t, usual), u)
		if r, ok := errors.AsType[*refusal](err); !ok || r.status != http.StatusBadRequest || !strings.Contains(r.reason, want) {
			t.Errorf("%s: %+v, %v; want %q", address, got, err, want)
		}
	}
}
