package access

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"weir/internal/config"
	"weir/internal/stream"
)

func guard(edit func(*config.Vhost)) *Guard {
	c := config.Default()
	v := *c.Vhost(config.DefaultVhost)
	v.Name = config.DefaultVhost
	v.Auth.Publish, v.Auth.Play = true, true
	edit(&v)
	c.Vhosts = []*config.Vhost{&v}
	return New(Options{Vhost: c.Vhost, Log: slog.New(slog.DiscardHandler)})
}

func request(ip, param string) *stream.Request {
	r := &stream.Request{
		Kind: "rtmp-play", Vhost: config.DefaultVhost, App: "live", Stream: "s", Param: param,
	}
	if ip != "" {
		r.Remote = netip.MustParseAddr(ip)
	}
	return r
}

// says asks, and returns the gate's name and reason, empty for a yes.
func says(g *Guard, act stream.Act, r *stream.Request) string {
	err := g.Check(context.Background(), stream.Ask{Act: act, Request: r})
	if err == nil {
		return ""
	}
	denied, ok := errors.AsType[*stream.Denied](err)
	if !ok {
		return err.Error()
	}
	return denied.Gate + ": " + denied.Reason
}

func rules(list ...string) (out []config.Rule) {
	for _, r := range list {
		action, from, _ := strings.Cut(r, " ")
		out = append(out, config.Rule{Action: action, From: from})
	}
	return out
}

func TestAddresses(t *testing.T) {
	for name, c := range map[string]struct {
		allow, deny   []config.Rule
		ip            string
		publish, play bool // may
	}{
		"no rules":                    {nil, nil, "10.1.2.3", false, false},
		"allow play all":              {rules("play all"), nil, "10.1.2.3", false, true},
		"allow both":                  {rules("play all", "publish 10.0.0.0/8"), nil, "10.1.2.3", true, true},
		"out of the network":          {rules("play all", "publish 10.0.0.0/8"), nil, "11.1.2.3", false, true},
		"deny alone":                  {nil, rules("publish 10.1.2.3"), "10.1.2.3", false, true},
		"deny another":                {nil, rules("publish 10.1.2.3"), "10.1.2.4", true, true},
		"deny wins":                   {rules("play all", "publish all"), rules("play 10.1.2.0/24"), "10.1.2.3", true, false},
		"allow of the other act":      {rules("play 10.0.0.0/8"), rules("publish all"), "11.1.1.1", false, false},
		"mapped":                      {rules("play 10.0.0.0/8"), nil, "::ffff:10.1.2.3", false, true},
		"mapped rule":                 {rules("play ::ffff:10.0.0.0/104"), nil, "10.1.2.3", false, true},
		"IPv6":                        {rules("play 2001:db8::/32", "publish ::1"), nil, "2001:db8::1", false, true},
		"IPv6 loopback":               {rules("play 2001:db8::/32", "publish ::1"), nil, "::1", true, false},
		"IPv6 zone":                   {rules("play fe80::/10"), nil, "fe80::1%eth0", false, true},
		"IPv4 all is not IPv6":        {rules("play 0.0.0.0/0"), nil, "::1", false, false},
		"unknown address, deny alone": {nil, rules("publish 10.1.2.3"), "", false, false},
		"unknown address, allow":      {rules("play 0.0.0.0/0"), nil, "", false, false},
	} {
		g := guard(func(v *config.Vhost) { v.Security = config.Security{Enabled: true, Allow: c.allow, Deny: c.deny} })
		for act, may := range map[stream.Act]bool{stream.Publish: c.publish, stream.Play: c.play, stream.Connect: true} {
			if got := says(g, act, request(c.ip, "")); (got == "") != may || !may && !strings.HasPrefix(got, "security: ") {
				t.Errorf("%s: %s: %q; may %v", name, act, got, may)
			}
		}
	}
	g := guard(func(v *config.Vhost) { v.Security.Deny = rules("play all") })
	if got := says(g, stream.Play, request("10.1.2.3", "")); got != "" {
		t.Error("rules that are off:", got)
	}
}

func TestPages(t *testing.T) {
	for page, may := range map[string]bool{
		"http://github.com/a": true, "https://gist.github.com:8443/a?b": true, "HTTP://GitHub.com": true, "github.com/x": true,
		"http://evilgithub.com/": false, "http://github.com.evil.org/": false, "http://evil.org/github.com": false, "": false,
		"http://evil.org\\github.com": false, "http://github.com@evil.org/": false, "http://evil.org#github.com": false,
	} {
		for kind, asked := range map[string]bool{"rtmp-play": true, "flv-play": false} {
			for _, web := range []bool{false, true} {
				g := guard(func(v *config.Vhost) {
					v.Refer = config.Refer{Enabled: true, All: []string{"github.com", "example.org"}, Play: []string{"github.com"}, HTTP: web}
				})
				r := request("", "")
				r.PageURL, r.Kind = page, kind
				if got := says(g, stream.Play, r); (got == "") != (may || !asked && !web) {
					t.Errorf("%s of %q, http %v: %q", kind, page, web, got)
				}
			}
		}
	}
	g := guard(func(v *config.Vhost) {
		v.Refer = config.Refer{Enabled: true, All: []string{"a.com"}, Publish: []string{"b.a.com"}}
	})
	page := request("", "")
	page.PageURL = "http://a.com/"
	if got := says(g, stream.Connect, page) + says(g, stream.Play, page); got != "" {
		t.Error("a page of the list for all:", got)
	}
	if connect, publish := says(g, stream.Connect, request("", "")), says(g, stream.Publish, page); connect == "" || publish == "" {
		t.Errorf("%q, %q", connect, publish)
	}
	g = guard(func(v *config.Vhost) { v.Refer = config.Refer{Enabled: true, Publish: []string{"a.com"}} })
	if play, publish := says(g, stream.Play, request("", "")), says(g, stream.Publish, request("", "")); play != "" || publish == "" {
		t.Errorf("%q, %q", play, publish)
	}
}
