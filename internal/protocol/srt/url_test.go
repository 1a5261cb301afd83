package srt

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// peers seeds FuzzParseURL too.
var peers = map[string]struct {
	address, id, passphrase string
	listens                 bool
	receive, send           time.Duration
	size, rate              int
}{
	"srt://a.test:10080": {"a.test:10080", "", "", false, 120 * time.Millisecond, 120 * time.Millisecond, 1456, -1},
	"srt://a.test:1?streamid=#!::r=live/s,m=publish&latency=300":   {"a.test:1", "#!::r=live/s,m=publish", "", false, 300 * time.Millisecond, 300 * time.Millisecond, 1456, -1},
	"srt://a.test:1?streamid=%23!::r=live/s,m=publish":             {"a.test:1", "#!::r=live/s,m=publish", "", false, 120 * time.Millisecond, 120 * time.Millisecond, 1456, -1},
	"srt://:9000?passphrase=ten+letters+or+more&pbkeylen=32":       {":9000", "", "ten letters or more", true, 120 * time.Millisecond, 120 * time.Millisecond, 1456, -1},
	"srt://[::1]:9000?mode=listener&rcvlatency=1&peerlatency=2":    {"[::1]:9000", "", "", true, time.Millisecond, 2 * time.Millisecond, 1456, -1},
	"srt://1.2.3.4:9?payloadsize=1316&maxbw=250000&transtype=live": {"1.2.3.4:9", "", "", false, 120 * time.Millisecond, 120 * time.Millisecond, 1316, 250000},
}

func TestParseURL(t *testing.T) {
	for raw, want := range peers {
		p, err := parseURL(raw)
		if err != nil || p.address != want.address || p.config.StreamId != want.id || p.config.Passphrase != want.passphrase ||
			p.listens != want.listens || p.config.ReceiverLatency != want.receive || p.config.PeerLatency != want.send ||
			int(p.config.PayloadSize) != want.size || p.rate != want.rate {
			t.Errorf("%s: %+v, %v", raw, p, err)
		}
	}
	for raw, want := range map[string]string{
		"":                                "not of the form",
		"rtmp://a.test:1":                 "not of the form",
		"srt://a.test":                    "no port",
		"srt://a.test:1?latncy=1":         `no parameter "latncy"`,
		"srt://a.test:1?latency=200000":   "milliseconds",
		"srt://a.test:1?mode=rendezvous":  "neither caller nor listener",
		"srt://:1?mode=caller":            "nobody to call",
		"srt://a.test:1?transtype=file":   "not live",
		"srt://a.test:1?passphrase=short": "passphrase",
		"srt://a.test:1?streamid=" + strings.Repeat("x", 513): "longer than",
		"srt://a.test:1?maxbw=x":                              "no number",
	} {
		if p, err := parseURL(raw); err == nil || !strings.Contains(strings.ToLower(err.Error()), want) {
			t.Errorf("%q: %+v, %v; want %s", raw, p, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	for raw := range peers {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := parseURL(raw)
		if err != nil {
			return
		}
		if p.address == "" || len(p.config.StreamId) > longestID || p.config.ReceiverLatency > maxURLTime || p.config.PayloadSize < cell || p.config.Validate() != nil {
			t.Errorf("%q: %+v", raw, p)
		}
		if _, err := parseURL(raw + "&nobody=1"); err != nil && !errors.Is(err, errURL) {
			t.Errorf("%q: %v", raw, err)
		}
	})
}
