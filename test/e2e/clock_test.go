package e2e

import (
	"slices"
	"testing"
)

func TestTimeJitter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play string
		want []uint32
	}{
		"full": {"time_jitter full;", []uint32{0, 40, 80, 120}},
		"zero": {"time_jitter zero;", []uint32{0, 40, 100040, 100080}},
		"off":  {"time_jitter off;", []uint32{5000, 5040, 105040, 105080}},
		"atc":  {"time_jitter full; atc on;", []uint32{5000, 5040, 105040, 105080}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { " + c.play + " }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			for n, ms := range []uint32{5000, 5040, 105040, 105080} {
				pub.frame(n == 0, ms, byte(n))
			}
			got(t, view, 0, 1, 2, 3)
			if ms := times(view); !slices.Equal(ms, c.want) {
				t.Errorf("times %v, want %v", ms, c.want)
			}
		})
	}
}

// TestClockKept checks that a player who wants the encoder's own clock gets it over a wrap.
func TestClockKept(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick + "play { time_jitter off; }"})
	view := playClient(t, f.url("s"))
	pub := openFeed(t, f.url("s"))
	pub.header(t)
	want := []uint32{1<<32 - 80, 1<<32 - 40, 0, 40}
	for n, ms := range want {
		pub.frame(n == 0, ms, byte(n))
	}
	got(t, view, 0, 1, 2, 3)
	if ms := times(view); !slices.Equal(ms, want) {
		t.Errorf("times %v, want %v", ms, want)
	}
}

// TestShortClock checks that an encoder which counts only 24 bits is understood.
func TestShortClock(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick})
	view := playClient(t, f.url("s"))
	pub := openFeed(t, f.url("s"))
	pub.header(t)
	for n, ms := range []uint32{1<<24 - 80, 1<<24 - 40, 0, 40} {
		pub.frame(n == 0, ms, byte(n))
	}
	got(t, view, 0, 1, 2, 3)
	if ms := times(view); !slices.Equal(ms, []uint32{0, 40, 80, 120}) {
		t.Errorf("times %v", ms)
	}
	pub.client.Close()
	steadyClock(t, f)
}
