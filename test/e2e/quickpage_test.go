package e2e

import (
	"strings"
	"testing"
	"time"
)

// quickly serves what the pages play with the least delay.
func quickly(t *testing.T) conf {
	t.Helper()
	return paged(t, "", "hls_low_latency on; hls_window 10;", "dash_low_latency on;")
}

// watch looks at the player until it has gone on for so many seconds without a stall, a few times
// if it must: the machine may be busy. It returns how old each picture was that it saw meanwhile.
func (b *browser) watch(seconds int) (ages []float64) {
	b.t.Helper()
	const reading = "[document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames, Number(document.getElementById('stalls').textContent)]"
	for range 5 {
		ages = nil
		before := ask[[]float64](b, reading)
		for range seconds {
			time.Sleep(time.Second)
			ages = append(ages, b.behind("#video")...)
		}
		after := ask[[]float64](b, reading)
		frames, stalls := after[0]-before[0], after[1]-before[1]
		b.t.Logf("%v frames and %v stalls in %d s; the page says %s%s, the pictures are so old: %v",
			frames, stalls, seconds, b.text("#latency"), b.text("#target"), ages)
		if stalls == 0 && frames > float64(seconds)*20 {
			return ages
		}
	}
	b.t.Error("the picture does not go on without stalls")
	return ages
}

// aims checks that the page tells its latency, and what it aims at.
func (b *browser) aims() {
	b.t.Helper()
	if got := b.text("#target"); !strings.HasPrefix(got, " aiming at ") {
		b.t.Errorf("the page says %q of what it aims at", got)
	}
	b.delay(5)
}

// TestPagesPlayQuickly watches both forms with low latency, alone because it measures. What it
// allows is more than what a viewer gets: other packages are tested meanwhile.
func TestPagesPlayQuickly(t *testing.T) {
	f := serve(t, quickly(t))
	wallClock(t, f.url("garden"))
	waitFor(t, "the publisher", func() bool { return len(f.publishers()) == 1 })
	b := openBrowser(t, f)
	for _, x := range []struct{ format, label string }{{"hls", "LL-HLS"}, {"dash", "LL-DASH"}} {
		b.open("/players/?stream=live/garden&format=" + x.format)
		b.moves()
		if got := b.text("#formats button[aria-pressed=true]"); got != x.label {
			t.Errorf("what plays is called %s, want %s", got, x.label)
		}
		for _, age := range b.watch(6) {
			if age > 4 {
				t.Errorf("%s: a picture is %.1f s old", x.label, age)
			}
		}
		b.aims()
	}
}
