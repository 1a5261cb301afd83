package dash

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMove has the path, and the name of the manifest alone, change under a stream that runs.
func TestMove(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		e := r.Publish("live", "a").Run(9 * time.Second)
		before := read(t, r.Must("/live/a.mpd"))
		r.configure(short + "dash_mpd_file [app]/[stream]-x.mpd;")
		e.Run(7 * time.Second)
		v := newReader(t).see(r.Must("/live/a-x.mpd"))
		r.fetch(v, "/live/", "video")
		for _, l := range v.sets["video"] {
			for _, was := range before.sets["video"] {
				if l.uri == was.uri || l.header == was.header {
					t.Errorf("%s and %s have been given before", l.uri, l.header)
				}
			}
		}
		r.configure(short + "dash_path DIR/www/moved;")
		e.Run(7 * time.Second)
		r.fetch(newReader(t).see(r.Must("/moved/live/a.mpd")), "/moved/live/", "audio")
		r.configure(short + "enabled off; dash_path DIR/www/moved;")
		e.Run(4 * time.Second)
		r.configure(short + "dash_serve_from memory;")
		e.Run(7 * time.Second)
		r.fetch(newReader(t).see(r.Must("/live/a.mpd")), "/live/", "video")
	})
}

// TestDiskFails has files fail: the stream goes on, and so does DASH when it can.
func TestDiskFails(t *testing.T) {
	for _, more := range []string{"", "dash_low_latency on;", "dash_serve_from both;"} {
		for _, first := range []time.Duration{0, time.Second, 9 * time.Second} {
			bubble(t, short+more+"dash_path DIR/www/x;", func(t *testing.T, r *rig) {
				if first == 0 {
					r.put("x", "")
				}
				e := r.Publish("live", "a").Run(first)
				x := filepath.Join(r.Dir, "www/x")
				if first > 0 {
					_ = os.Rename(x, x+"-moved")
					r.put("x", "")
				}
				e.Run(9 * time.Second)
				if n := r.Log.Count("dash segment could not be written"); n != 1 || e.Kicked.Load() {
					t.Errorf("%q: %d lines in the log, kicked: %t", more, n, e.Kicked.Load())
				}
				_ = os.Remove(x)
				if first > 0 {
					_ = os.Rename(x+"-moved", x)
				}
				player := newReader(t)
				player.low = more != ""
				e.Run(2 * time.Second)
				for range 10 {
					e.Run(3 * time.Second)
					player.see(r.Must("/x/live/a.mpd"))
				}
				e.End()
				r.fetch(player.see(r.Must("/x/live/a.mpd")), "/x/live/", "video")
				time.Sleep(130 * time.Second)
				list := slices.DeleteFunc(r.files(), func(f string) bool { return strings.HasSuffix(f, ".tmp") }) // moved while written
				if n := r.server.places.Len(); len(list) > 0 || n > 0 {
					t.Errorf("%q: files %v, %d places", more, list, n)
				}
			})
		}
	}
}
