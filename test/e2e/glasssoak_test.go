//go:build soak

package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSoakGlass measures the way from a camera to a screen: an encoder in real time with a key frame each two seconds,
// the server, and a browser that plays each output on the page for a minute, in which it must not stall.
func TestSoakGlass(t *testing.T) {
	for _, c := range []struct {
		name, format, rules string
		limit               float64 // seconds; none if zero
	}{
		{"LL-HLS", "hls", "hls { enabled on; hls_fragment 2; hls_window 20; hls_low_latency on; hls_path DIR; }", 2},
		{"LL-DASH", "dash", "dash { enabled on; dash_fragment 2; dash_low_latency on; dash_path DIR; }", 3},
		{"HLS of MP4, segments of 2 s", "hls", "hls { enabled on; hls_fragment 2; hls_window 20; hls_use_fmp4 on; hls_path DIR; }", 0},
		{"DASH, segments of 2 s", "dash", "dash { enabled on; dash_fragment 2; dash_update_period 2; dash_window_size 8; dash_path DIR; }", 0},
		{"HTTP-FLV", "flv", "http_remux { enabled on; } min_latency on;", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			f := serve(t, conf{http: "dir " + dir + ";", vhost: strings.ReplaceAll(c.rules, "DIR", dir)})
			wallClock(t, f.url("s"), "-g", "50", "-b:v", "2000k")
			published(t, f)
			time.Sleep(10 * time.Second) // as for somebody who comes later
			b := openBrowser(t, f)
			b.open("/players/?" + url.Values{"stream": {"live/s"}, "format": {c.format}}.Encode())
			b.state("playing")
			time.Sleep(10 * time.Second) // the player comes to where it wants to be
			stalls := b.text("#stalls")
			var all []float64
			for range 120 {
				all = append(all, b.behind("#video")...)
				time.Sleep(500 * time.Millisecond)
			}
			slices.Sort(all)
			t.Logf("%s: %.2f s median, %.2f to %.2f; the page says %s; stalls %s, then %s",
				c.name, all[len(all)/2], all[0], all[len(all)-1], b.text("#latency"), stalls, b.text("#stalls"))
			if c.limit > 0 && all[len(all)/2] > c.limit {
				t.Errorf("%s: the picture is %.2f s old", c.name, all[len(all)/2])
			}
			if b.text("#stalls") != stalls {
				t.Errorf("%s: it has stalled: %s, then %s", c.name, stalls, b.text("#stalls"))
			}
			for _, p := range f.players() { // who has gone without a word
				f.kick(p.ID)
			}
		})
	}
}
