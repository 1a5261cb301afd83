package relay

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// TestGuise has addresses with keys and without.
func TestGuise(t *testing.T) {
	r := &stream.Request{Vhost: config.DefaultVhost, App: "live", Stream: "s", Param: "?token=SECRET&x=2"}
	for destination, want := range map[string]string{
		"h:1":                   "rtmp://h:1/live/s?token=***&x=2",
		"rtmp://h/app/[stream]": "rtmp://h/app/s",
		"rtmp://h/app/[stream]_hd?token=SECRET&[param]":         "rtmp://h/app/s_hd?token=***&token=***&x=2",
		"rtmp://h/app/s?token=SECRET":                           "rtmp://h/app/s?token=***",
		"rtmp://h/app/SECRET":                                   "rtmp://h/app/***0917",
		"rtmp://h/app/SECRET/":                                  "rtmp://h/app/***486e",
		"rtmp://h/SECRET":                                       "rtmp://h/***0917",
		"rtmp://h:1/app/inst/SECRET?a=SECRET&vhost=[vhost]":     "rtmp://h:1/app/inst/***3ca6?a=***&vhost=__defaultVhost__",
		"rtmp://h/app?vhost=v/SECRET":                           "rtmp://h/app?vhost=v/***0917",
		"rtmps://h:443/rtmp/live_SECRET_SECRET?s_bl=1&a=SECRET": "rtmps://h:443/rtmp/live***dd63?s_bl=***&a=***",
		"srt://h:1?latency=9&passphrase=SECRET":                 "srt://h:1?latency=9&passphrase=***&streamid=%23%21%3A%3Ar%3Dlive%2Fs%2Cm%3Dpublish%2Ctoken%3D%2A%2A%2A%2Cx%3D2",
		"srt://h:1?streamid=SECRET&latency=9":                   "srt://h:1?streamid=***0917&latency=9",
		"srt://h:1?streamid=#!::r=[app]/[stream],key=SECRET":    "srt://h:1?streamid=#!::r=live/s,key=***",
		"srt://h:1?streamid=%23!::r=live%2FSECRET%2Cm=publish":  "srt://h:1?streamid=***2f72",
		"rist://h:2": "rist://h:2",
	} {
		g := disguise(target{destination, address(destination, r)}, r)
		if g.url != want || strings.Contains(g.destination, "SECRET") {
			t.Errorf("%s is %s, in the log %s; want %s", destination, g.url, g.destination, want)
		}
		if backend := disguise(target{destination, destination}, r); strings.Contains(backend.url, "SECRET") {
			t.Errorf("%s is %s", destination, backend.url)
		}
	}
	shown := map[string]bool{}
	for _, d := range []string{"rtmp://h/app/live_SECRET_SECRET1", "rtmp://h/app/live_SECRET_SECRET2", "rtmp://h/app/live_SECRET_SECRET2?a=1"} {
		shown[disguise(target{d, d}, r).url] = true
	}
	if len(shown) != 3 {
		t.Errorf("three targets are shown as %v", shown)
	}
}

// TestGuiseHides has servers repeat what they were told, in an error that is what it was all the same.
func TestGuiseHides(t *testing.T) {
	const d = "rtmp://h/app/k3y?sk=SECRETKEY"
	g := disguise(target{d, d}, &stream.Request{Stream: "s"})
	for words, want := range map[string]string{
		"nobody there":                           "nobody there",
		"no /app/k3y here, k3y, with SECRETKEY1": "no /app/*** here, ***, with ***1",
		"monk3y":                                 "monk3y",
		"get /a?token=x":                         "get /a?token=***",
	} {
		err := g.hide(fmt.Errorf("%w: %s", transport.ErrRefused, words))
		if got := strings.TrimPrefix(err.Error(), transport.ErrRefused.Error()+": "); got != want || !errors.Is(err, transport.ErrRefused) {
			t.Errorf("%s: %s; want %s", words, got, want)
		}
	}
	if err := g.hide(nil); err != nil {
		t.Error(err)
	}
	c := config.Default()
	c.Vhosts = []*config.Vhost{{Name: "v", Forward: config.Forward{Enabled: true, Destination: []string{d}}}}
	err := CheckAll(c, func(url string) error { return fmt.Errorf("%s is wrong", url) })
	if want := `vhost v: forward destination rtmp://h/app/***7bc6?sk=***: rtmp://h/app/***?sk=*** is wrong`; err == nil || err.Error() != want {
		t.Errorf("a configuration's check says %v; want %s", err, want)
	}
}
