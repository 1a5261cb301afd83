package webrtc

import (
	"slices"
	"strings"
	"testing"

	"weir/internal/config"
)

func TestCandidates(t *testing.T) {
	mine := own("ipv4")
	for i := range mine {
		mine[i] += ":8000"
	}
	if len(mine) == 0 {
		mine = []string{"127.0.0.1:8000"}
	}
	set := func(edit func(*config.RTCServer)) config.RTCServer {
		c := config.RTCServer{Candidate: "*", UseAutoDetectNetworkIP: true, IPFamily: "ipv4", APIAsCandidates: true, ResolveAPIDomain: true}
		edit(&c)
		return c
	}
	for name, c := range map[string]struct {
		config      config.RTCServer
		extra, host string
		want        []string
	}{
		"named":         {set(func(c *config.RTCServer) { c.Candidate = "203.0.113.1" }), "", "localhost:1985", []string{"203.0.113.1:8000"}},
		"with a port":   {set(func(c *config.RTCServer) { c.Candidate = "203.0.113.1:9000 203.0.113.2" }), "", "", []string{"203.0.113.1:9000", "203.0.113.2:8000"}},
		"of the API":    {set(func(c *config.RTCServer) { c.Candidate = "203.0.113.1" }), "", "203.0.113.9:1985", []string{"203.0.113.9:8000", "203.0.113.1:8000"}},
		"asked for":     {set(func(c *config.RTCServer) { c.Candidate = "203.0.113.1" }), "198.51.100.1:7000", "127.0.0.1", []string{"198.51.100.1:7000", "203.0.113.1:8000"}},
		"twice":         {set(func(c *config.RTCServer) { c.Candidate = "203.0.113.1" }), "203.0.113.1", "203.0.113.1", []string{"203.0.113.1:8000"}},
		"found":         {set(func(*config.RTCServer) {}), "", "localhost", mine},
		"not sound":     {set(func(c *config.RTCServer) { c.Candidate = "203.0.113.1" }), "x 1 typ host\r\na=y:1", "", []string{"203.0.113.1:8000"}},
		"IPv6":          {set(func(c *config.RTCServer) { c.Candidate = "2001:db8::1" }), "", "", []string{"[2001:db8::1]:8000"}},
		"other family":  {set(func(c *config.RTCServer) { c.Candidate = "203.0.113.1" }), "", "[2001:db8::9]:1985", []string{"203.0.113.1:8000"}},
		"not the API's": {set(func(c *config.RTCServer) { c.Candidate, c.APIAsCandidates = "203.0.113.1", false }), "", "203.0.113.9", []string{"203.0.113.1:8000"}},
	} {
		if got := ported(addresses(t.Context(), &c.config, c.extra, c.host), 8000); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWithCandidates(t *testing.T) {
	sdp := "v=0\r\nm=audio 9 X\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\na=end-of-candidates\r\nm=video 9 X\r\na=ice-pwd:p\r\n"
	got := withCandidates(sdp, places{udp: []string{"203.0.113.1:8000", "[2001:db8::1]:8000"}, tcp: []string{"203.0.113.1:8001"}})
	if n := strings.Count(got, "typ host generation 0\r\n"); n != 4 || !strings.Contains(got, "a=candidate:2 1 tcp 1677721599 203.0.113.1 8001 typ host tcptype passive\r\n") || strings.Contains(got, "10.0.0.1") || strings.Contains(got, "end-of") ||
		!strings.Contains(got, "a=candidate:0 1 udp 2130706431 203.0.113.1 8000 typ host generation 0\r\na=candidate:1 1 udp 2130706430 2001:db8::1 8000 typ") {
		t.Errorf("%d candidates:\n%s", n, got)
	}
}

func TestParseStreamURL(t *testing.T) {
	for raw, want := range map[string]target{
		"webrtc://h/live/s":                 {vhost: "h", app: "live", stream: "s"},
		"webrtc://h:1985/a/b/s?token=1":     {vhost: "h", app: "a/b", stream: "s", param: "token=1"},
		"webrtc://h/live/s?vhost=v&token=1": {vhost: "v", app: "live", stream: "s", param: "vhost=v&token=1"},
	} {
		var got target
		if err := parseStreamURL(raw, &got); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "rtmp://h/live/s", "webrtc://h/s", "webrtc://h/live/", "webrtc://h"} {
		if err := parseStreamURL(raw, &target{}); err == nil {
			t.Errorf("%q is taken", raw)
		}
	}
}
