package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// quickly serves what the pages play with the least delay.
func quickly(t *testing.T) conf {
	t.Helper()
	dir := t.TempDir()
	return conf{
		http: "dir " + dir + ";",
		vhost: "http_remux { enabled on; }\n" +
			"hls { enabled on; hls_low_latency on; hls_fragment 1; hls_window 10; hls_path " + dir + "; }\n" +
			"dash { enabled on; dash_low_latency on; dash_fragment 1; dash_path " + dir + "; }",
	}
}

// watch looks at the player for so many seconds: its frames come, and it does not stall. It
// returns the age of each picture that it saw.
func (b *browser) watch(seconds int) (ages []float64) {
	b.t.Helper()
	const reading = "[document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames, Number(document.getElementById('stalls').textContent)]"
	before := ask[[]float64](b, reading)
	for range seconds {
		time.Sleep(time.Second)
		ages = append(ages, b.behind("#video")...)
	}
	after := ask[[]float64](b, reading)
	if frames := after[0] - before[0]; frames < float64(seconds)*20 {
		b.t.Errorf("%v frames in %d s", frames, seconds)
	}
	if after[1] != before[1] {
		b.t.Errorf("%v stalls", after[1]-before[1])
	}
	b.t.Logf("the page says %s%s, %v stalls before; the pictures are so old: %v", b.text("#latency"), b.text("#target"), before[1], ages)
	return ages
}

// aims checks that the page tells its latency, and what it aims at.
func (b *browser) aims(target string) {
	b.t.Helper()
	if got := b.text("#target"); got != " aiming at "+target {
		b.t.Errorf("the page says %q, want that it aims at %s", got, target)
	}
	latency, err := strconv.ParseFloat(strings.TrimSuffix(b.text("#latency"), " s"), 64)
	if err != nil || latency <= 0 || latency > 5 {
		b.t.Errorf("the latency is %s", b.text("#latency"))
	}
}

// TestPagesPlayQuickly watches both forms with low latency. A machine that tests much at once
// is slow, so what it allows is more than what a viewer gets.
func TestPagesPlayQuickly(t *testing.T) {
	t.Parallel()
	f := serve(t, quickly(t))
	wallClock(t, f.url("garden"))
	waitFor(t, "the publisher", func() bool { return len(f.publishers()) == 1 })
	b := openBrowser(t, f)
	for _, x := range []struct{ format, label, target string }{
		{"hls", "LL-HLS", "1.2 s"},
		{"dash", "LL-DASH", "1.5 s"},
	} {
		b.open("/players/?stream=live/garden&format=" + x.format)
		b.moves()
		if got := b.text("#formats button[aria-pressed=true]"); got != x.label {
			t.Errorf("what plays is called %s, want %s", got, x.label)
		}
		time.Sleep(2 * time.Second) // for the start to be over
		for _, age := range b.watch(8) {
			if age > 6 {
				t.Errorf("%s: a picture is %.1f s old", x.label, age)
			}
		}
		b.aims(x.target)
	}
	b.click("#compare")
	b.compares("flv", "hls", "dash")
}
