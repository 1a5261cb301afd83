package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestForwarded(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, c := range map[string]struct {
		peer  string
		chain []string
		real  string
		want  string
	}{
		"a client of its own":    {"192.0.2.1:5", []string{"1.2.3.4"}, "", "192.0.2.1"},
		"spoofed by a client":    {"192.0.2.1:5", nil, "1.2.3.4", "192.0.2.1"},
		"behind a proxy":         {"127.0.0.1:5", []string{"1.2.3.4"}, "", "1.2.3.4"},
		"spoofed through one":    {"127.0.0.1:5", []string{"9.9.9.9, 1.2.3.4"}, "", "1.2.3.4"},
		"behind two":             {"127.0.0.1:5", []string{"9.9.9.9, 1.2.3.4, 10.0.0.7"}, "", "1.2.3.4"},
		"in two headers":         {"127.0.0.1:5", []string{"9.9.9.9", "1.2.3.4, 10.0.0.7"}, "", "1.2.3.4"},
		"all trusted":            {"127.0.0.1:5", []string{"10.0.0.8, 10.0.0.7"}, "", "10.0.0.8"},
		"nothing said":           {"127.0.0.1:5", nil, "", "127.0.0.1"},
		"real ip":                {"[::1]:5", nil, "1.2.3.4", "1.2.3.4"},
		"both":                   {"127.0.0.1:5", []string{"1.2.3.4"}, "5.6.7.8", "1.2.3.4"},
		"with a port":            {"127.0.0.1:5", []string{"1.2.3.4:80"}, "", "1.2.3.4"},
		"IPv6":                   {"127.0.0.1:5", []string{"2001:db8::1"}, "", "2001:db8::1"},
		"IPv6 with a port":       {"127.0.0.1:5", []string{"[2001:db8::1]:80"}, "", "2001:db8::1"},
		"mapped":                 {"[::ffff:127.0.0.1]:5", []string{"::ffff:1.2.3.4"}, "", "1.2.3.4"},
		"garbage":                {"127.0.0.1:5", []string{"unknown"}, "", "127.0.0.1"},
		"garbage before a proxy": {"127.0.0.1:5", []string{"unknown, 10.0.0.7"}, "", "10.0.0.7"},
		"garbage before that":    {"127.0.0.1:5", []string{"unknown, 1.2.3.4"}, "", "1.2.3.4"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.peer
		for _, v := range c.chain {
			r.Header.Add("X-Forwarded-For", v)
		}
		if c.real != "" {
			r.Header.Set("X-Real-IP", c.real)
		}
		var got netip.Addr
		see := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = ClientAddr(r) })
		Forwarded(see, func() []netip.Prefix { return trusted }).ServeHTTP(nil, r)
		if got.String() != c.want {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
		Forwarded(see, func() []netip.Prefix { return nil }).ServeHTTP(nil, r)
		if peer := netip.MustParseAddrPort(c.peer).Addr().Unmap(); got != peer {
			t.Errorf("%s, with nobody trusted: %s", name, got)
		}
	}
}

func TestBearer(t *testing.T) {
	for in, want := range map[string]string{"": "", "Bearer abc": "abc", "bearer  abc": "abc", "Basic abc": "", "Bearer": ""} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Authorization", in)
		if got := Bearer(r); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// FuzzForwarded: a client that cannot be read is none, and nothing panics.
func FuzzForwarded(f *testing.F) {
	f.Add("1.2.3.4, 10.0.0.1")
	f.Add("[::1]:80,,fe80::1%eth0")
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, chain string) {
		at := clientOf(http.Header{"X-Forwarded-For": {chain}}, trusted)
		if at.IsValid() && (at.Zone() != "" || at.Is4In6()) {
			t.Errorf("%q gives %s", chain, at)
		}
	})
}
