package aac

import (
	"encoding/hex"
	"errors"
	"io"
	"testing"

	"weir/internal/media"
)

// cases maps a name to a configuration, what it says, and whether it is signalled in front.
var cases = map[string]struct {
	wire  string
	want  Config
	info  media.Info
	front bool
}{
	"lc":           {"1210", Config{Type: LC, Rate: 44100, Layout: 2, FullRate: 44100}, media.Info{Profile: "LC", SampleRate: 44100, Channels: 2}, true},
	"lc 48k mono":  {"1188", Config{Type: LC, Rate: 48000, Layout: 1, FullRate: 48000}, media.Info{Profile: "LC", SampleRate: 48000, Channels: 1}, true},
	"lc 5.1":       {"11b0", Config{Type: LC, Rate: 48000, Layout: 6, FullRate: 48000}, media.Info{Profile: "LC", SampleRate: 48000, Channels: 6}, true},
	"lc 7.1":       {"11b8", Config{Type: LC, Rate: 48000, Layout: 7, FullRate: 48000}, media.Info{Profile: "LC", SampleRate: 48000, Channels: 8}, true},
	"main":         {"0a10", Config{Type: Main, Rate: 44100, Layout: 2, FullRate: 44100}, media.Info{Profile: "Main", SampleRate: 44100, Channels: 2}, true},
	"ssr":          {"1a10", Config{Type: SSR, Rate: 44100, Layout: 2, FullRate: 44100}, media.Info{Profile: "SSR", SampleRate: 44100, Channels: 2}, true},
	"ltp":          {"2210", Config{Type: LTP, Rate: 44100, Layout: 2, FullRate: 44100}, media.Info{Profile: "Other", SampleRate: 44100, Channels: 2}, true},
	"short":        {"1214", Config{Type: LC, Rate: 44100, Layout: 2, FullRate: 44100, Short: true}, media.Info{Profile: "LC", SampleRate: 44100, Channels: 2}, true},
	"own rate":     {"1780138810", Config{Type: LC, Rate: 10000, Layout: 2, FullRate: 10000}, media.Info{Profile: "LC", SampleRate: 10000, Channels: 2}, true},
	"he in front":  {"2b920800", Config{Type: LC, Rate: 22050, Layout: 2, SBR: true, FullRate: 44100}, media.Info{Profile: "HE", SampleRate: 44100, Channels: 2}, true},
	"hev2":         {"eb8a0800", Config{Type: LC, Rate: 22050, Layout: 1, SBR: true, PS: true, FullRate: 44100}, media.Info{Profile: "HEv2", SampleRate: 44100, Channels: 2}, true},
	"hev2 at end":  {"130856e5a5" + "4880", Config{Type: LC, Rate: 24000, Layout: 1, SBR: true, PS: true, FullRate: 44100}, media.Info{Profile: "HEv2", SampleRate: 44100, Channels: 2}, false},
	"he at end":    {"131056e5a0", Config{Type: LC, Rate: 24000, Layout: 2, SBR: true, FullRate: 44100}, media.Info{Profile: "HE", SampleRate: 44100, Channels: 2}, false},
	"ffmpeg":       {"121056e500", Config{Type: LC, Rate: 44100, Layout: 2, FullRate: 44100}, media.Info{Profile: "LC", SampleRate: 44100, Channels: 2}, false},
	"layout in it": {"1200", Config{Type: LC, Rate: 44100, FullRate: 44100}, media.Info{Profile: "LC", SampleRate: 44100}, true},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConfig(t *testing.T) {
	for name, c := range cases {
		b := unhex(t, c.wire)
		got, err := ParseConfig(b)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
		if info, err := Info(b); err != nil || info != c.info {
			t.Errorf("%s: %+v, %v; want %+v", name, info, err, c.info)
		}
		if wire := AppendConfig(nil, got); c.front && hex.EncodeToString(wire) != c.wire {
			t.Errorf("%s: AppendConfig = %x; want %s", name, wire, c.wire)
		}
		for n := range b[:2] {
			if _, err := ParseConfig(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
		for n := range b {
			_, _ = ParseConfig(b[:n])
		}
	}
}

func TestConfigOdd(t *testing.T) {
	for name, wire := range map[string]string{
		"no type": "0210", "SBR of SBR": "283014", "reserved rate": "1690", "reserved layout": "1240", "zero rate": "1780000010",
	} {
		if _, err := ParseConfig(unhex(t, wire)); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	usac, err := Info(unhex(t, "f95080"))
	if err != nil || usac.Profile != "Other" {
		t.Errorf("xHE-AAC: %+v, %v", usac, err)
	}
}

func FuzzConfig(f *testing.F) {
	for _, c := range cases {
		f.Add(unhex(f, c.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		wire := AppendConfig(nil, c)
		if again, err := ParseConfig(wire); err != nil || again != c {
			t.Fatalf("%+v is written as %x and read as %+v: %v", c, wire, again, err)
		}
	})
}

func TestADTS(t *testing.T) {
	for wire, want := range map[string]string{
		"1210": "fff15080017ffc", "1188": "fff14c40017ffc", "0a10": "fff11080017ffc", "11b8": "fff14dc0017ffc",
		"2b920800":   "fff15c80017ffc", // the core's rate: what SBR makes of it is found in the frames
		"1780138810": "",               // a rate that is not in the table
	} {
		c, err := ParseConfig(unhex(t, wire))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := c.AppendADTS(nil, 4)
		if hex.EncodeToString(got) != want || ok != (want != "") {
			t.Errorf("%s: %x, %t; want %s", wire, got, ok, want)
		}
		if _, ok := c.AppendADTS(nil, 1<<13-7); ok {
			t.Errorf("%s: a frame longer than its length can say", wire)
		}
	}
}
