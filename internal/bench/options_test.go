package bench

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	o, err := parseOptions(strings.Fields("publish -u rtmps://h/live/s{n}-{n} -n 200 -bitrate 500k -fps 29.97 -gop 1s -duration 10s -ramp 50 -json -quiet -insecure -file a.flv"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := options{
		mode: modePublish, url: "rtmps://h/live/s{n}-{n}", connections: 200, ramp: 50, duration: 10 * time.Second,
		warmup: 2 * time.Second, interval: time.Second, json: true, quiet: true, insecure: true,
		bitrate: 500000, fps: 29.97, gop: time.Second, file: "a.flv", streams: 1,
	}
	if *o != want {
		t.Errorf("%+v, want %+v", *o, want)
	}
	if got := o.streamURL(12); got != "rtmps://h/live/s12-12" {
		t.Error(got)
	}
	o, err = parseOptions(strings.Fields("churn -u rtmp://h/live/s{n} -rate 5 -life 2s -streams 3"), io.Discard)
	if err != nil || o.ramp != 5 || o.life != 2*time.Second || o.streams != 3 || o.duration != 30*time.Second {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestOptionsBad(t *testing.T) {
	for args, says := range map[string]string{
		"":                                      "no mode",
		"stress":                                `"stress" is no mode`,
		"play":                                  "-u is missing",
		"play -x":                               "flag provided but not defined",
		"play -u http://h/live/s":               "must begin with rtmp://",
		"play -u rtmp://h/live/s more":          `"more" is no option`,
		"play -u rtmp://h/live/s -streams 2":    "has no {n}",
		"publish -u rtmp://h/live/s -n 2":       "has no {n}",
		"publish -u rtmp://h/live/s -bitrate 1": "-bitrate: 1 is not between",
		"publish -u rtmp://h/live/s -bitrate much":           `"much" is no bit rate`,
		"publish -u rtmp://h/live/s -fps NaN":                "-fps",
		"play -u rtmp://h/live/s -n 0":                       "-n: 0 is not between",
		"play -u rtmp://h/live/s -n 1000000":                 "-n: ",
		"play -u rtmp://h/live/s -ramp 0":                    "-ramp",
		"play -u rtmp://h/live/s -duration 1000h":            "-duration",
		"play -u rtmp://h/live/s -rate 3":                    "-rate",
		"churn -u rtmp://h/live/s -n 3":                      "-n",
		"churn -u rtmp://h/live/s -rate 10000 -life 1h":      "players at once",
		"idle -u rtmp://h/live/s -bitrate 1M":                "-bitrate",
		"play -u rtmp://h/live/s -late 0s -duration 1s":      "-late",
		"publish -u rtmp://h/live/s -gop 0s -interval 500ms": "-gop",
	} {
		_, err := parseOptions(strings.Fields(args), io.Discard)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", args, err, says)
		}
	}
	for _, args := range []string{"-h", "help", "play -h", "publish --help"} {
		var b strings.Builder
		if _, err := parseOptions(strings.Fields(args), &b); !errors.Is(err, flag.ErrHelp) || !strings.Contains(b.String(), "Usage: weir bench") {
			t.Errorf("%s: %v, %s", args, err, &b)
		}
	}
}

func TestBitrate(t *testing.T) {
	for s, want := range map[string]int{"500k": 500000, "500K": 500000, "1.5M": 1500000, "2m": 2000000, "64000": 64000} {
		if got, err := parseBitrate(s); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "k", "1g", "NaN", "inf", "1e30"} {
		if got, err := parseBitrate(s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
}
