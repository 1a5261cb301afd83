package dash

import (
	"testing"
	"time"
)

// TestDrift has a publisher whose clock is slow, or fast: what is listed stays near what is.
func TestDrift(t *testing.T) {
	for _, speed := range []float64{0.98, 1.02} {
		bubble(t, short, func(t *testing.T, r *rig) {
			e := r.Publish("live", "a")
			e.Speed = speed
			e.Run(5 * time.Second)
			periods := map[string]bool{}
			var off time.Duration
			for range 80 {
				e.Run(3 * time.Second)
				v := read(t, r.Must("/live/a.mpd"))
				l := v.newest("video")
				periods[l.period] = true
				off = time.Since(v.begin.Add(l.to))
				if speed < 1 && off > 5*time.Second {
					t.Errorf("the newest segment ends %s ago", off)
				}
			}
			if n := len(periods); n < 3 || n > 8 {
				t.Errorf("speed %f: %d periods", speed, n)
			}
		})
	}
}

// TestStall has the publisher fall silent for 10 s, and go on by its clock.
func TestStall(t *testing.T) {
	for _, more := range []string{"", "dash_low_latency on;"} {
		bubble(t, short+more, func(t *testing.T, r *rig) {
			player := newReader(t)
			player.low = more != ""
			e := r.Publish("live", "a").Run(9 * time.Second)
			was := player.see(r.Must("/live/a.mpd"))
			time.Sleep(10 * time.Second)
			e.Skip = 10 * time.Second
			e.Run(5 * time.Second)
			v := player.see(r.Must("/live/a.mpd"))
			if n := len(v.starts); n != 2 || v.starts[1]-was.newest("video").to < 8*time.Second {
				t.Errorf("periods at %v in\n%s", v.starts, v.text)
			}
			e.End()
			r.fetch(player.see(r.Must("/live/a.mpd")), "/live/", "video")
		})
	}
}
