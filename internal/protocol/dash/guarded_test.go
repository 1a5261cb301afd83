package dash

import (
	"path/filepath"
	"testing"
	"time"
)

// TestGuarded holds that nothing of a stream that is not for everybody is served without a session.
func TestGuarded(t *testing.T) {
	for _, settings := range []string{"", "dash_ctx on;", "dash_serve_from memory;", "dash_low_latency on;"} {
		for _, guarded := range []bool{false, true} {
			bubble(t, short+settings, func(t *testing.T, r *rig) {
				r.server.o.Guarded = func(string) bool { return guarded }
				e := r.Publish("live", "a").Run(9 * time.Second)
				for _, path := range []string{
					"/live/a/video-1.m4s", "/live/a/video-1.m4s?dash_ctx=", "/live/a/audio-1.m4s?dash_ctx=abcd1234", "/live/a/video-init.mp4", "/live/a/audio-init.mp4?x=y",
				} {
					want := map[bool]int{false: 200, true: 403}[guarded]
					if code, _, _ := r.Get(path); code != want {
						t.Errorf("%q, guarded %v: %s: %d", settings, guarded, path, code)
					}
				}
				if !guarded {
					return
				}
				e.End()
				v := read(t, r.Must("/live/a.mpd"))
				_, id := located(t, v)
				r.fetch(v, "/live/", "video")
				r.Publish("live", "b").Run(9 * time.Second)
				if code, _, _ := r.Get("/live/b/video-1.m4s?dash_ctx=" + id); code != 403 {
					t.Errorf("%q: with the session of another stream: %d", settings, code)
				}
				r.Must("/live/a/time")
			})
		}
	}
}

func TestHidden(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		on := true
		r.server.o.Guarded = func(string) bool { return on }
		e := r.Publish("live", "a").Run(5 * time.Second)
		e.Another(48000).Run(3 * time.Second)
		root, err := filepath.EvalSymlinks(r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]bool{"www/index.html": false, "www/x.mp4": false, "else/a.mpd": false, "www/A/VIDEO-INIT.MP4": true}
		for _, f := range r.files() {
			files["www/"+f] = true
		}
		if len(files) < 10 {
			t.Errorf("files %v", files)
		}
		for file, hidden := range files {
			for _, on = range []bool{true, false} {
				if got := r.server.Hidden(filepath.Join(root, filepath.FromSlash(file))); got != (hidden && on) {
					t.Errorf("%s, guarded %v: %v", file, on, got)
				}
			}
		}
	})
}
