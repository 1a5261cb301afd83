package hls

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGuarded holds that nothing of a stream that is not for everybody is served without a session, in
// whatever way the settings say; and that it is where everybody may play.
func TestGuarded(t *testing.T) {
	for _, settings := range []string{
		"", "hls_ctx off;", "hls_ctx on; hls_ts_ctx off;", "hls_serve_from memory;",
		"hls_keys on; hls_fragments_per_key 2; hls_key_file_path DIR/www;",
	} {
		for _, guarded := range []bool{false, true} {
			bubble(t, short+settings, func(t *testing.T, r *rig) {
				r.server.o.Guarded = func(string) bool { return guarded }
				r.Publish("live", "a").Run(9 * time.Second)
				code, first, _ := r.Get("/live/a.m3u8")
				if code != 200 || guarded != strings.Contains(first, "#EXT-X-STREAM-INF") && strings.Contains(settings, "off") {
					t.Errorf("%q, %v: %d %s", settings, guarded, code, first)
				}
				paths := []string{"/live/a-1.ts", "/live/a-1.ts?hls_ctx=", "/live/a-1.ts?hls_ctx=abcd1234", "/live/a-1.ts?x=y&hls_ctx=abcd1234"}
				if strings.Contains(settings, "keys") {
					paths = append(paths, "/live/a-0.key")
				}
				for _, path := range paths {
					code, _, _ := r.Get(path)
					if free := code == 200; free == guarded && !strings.HasSuffix(path, ".key") || free && guarded {
						t.Errorf("%q, guarded %v: %s: %d", settings, guarded, path, code)
					}
				}
				if !guarded {
					return
				}
				id := r.enter("")
				if code, _, _ := r.Get("/live/a-1.ts?hls_ctx=" + id); code != 200 {
					t.Errorf("%q: with a session: %d", settings, code)
				}
				r.Publish("live", "b").Run(9 * time.Second)
				if code, _, _ := r.Get("/live/b-1.ts?hls_ctx=" + id); code != 403 {
					t.Errorf("%q: with the session of another stream: %d", settings, code)
				}
				list := r.Must("/live/a.m3u8?hls_ctx=" + id)
				if strings.Count(list, ".ts?hls_ctx="+id) == 0 {
					t.Errorf("%q: %s", settings, list)
				}
			})
		}
	}
}

// TestGuardedElsewhere asks for what a process before has left on the disk, as of another virtual host
// that writes to the same directory: where that one is for everybody, this is no way around the rules.
func TestGuardedElsewhere(t *testing.T) {
	shared := short + "hls_dispose 0; hls_path DIR/www; } }\nvhost b.com { hls { enabled on; hls_path DIR/www; hls_ctx off; hls_dispose 0; "
	bubble(t, shared, func(t *testing.T, r *rig) {
		r.Publish("live", "a").Run(9 * time.Second).End()
		for who, code := range map[string]int{"": 200, "b.com": 200, "__defaultVhost__": 0} {
			r.Stop()
			r.start() // the stream is on the disk only
			r.server.o.Guarded = func(vhost string) bool { return vhost == who }
			got, list, _ := r.Get("/live/a.m3u8?vhost=b.com")
			if got != code {
				t.Errorf("guarded %q: %d %s", who, got, list)
			}
			got, _, _ = r.Get("/live/a-1.ts?vhost=b.com")
			if got == 200 && who != "" {
				t.Errorf("guarded %q: a segment: %d", who, got)
			}
		}
	})
}

func TestHidden(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		on := true
		r.server.o.Guarded = func(string) bool { return on }
		www, err := filepath.EvalSymlinks(r.Dir)
		if err != nil {
			t.Fatal(err)
		}
		for file, hidden := range map[string]bool{
			"www/live/a.m3u8": true, "www/live/a-0.ts": true, "www/x.TS": true, "WWW/live/a-0.ts": true, "www/live/a-0.ts.tmp": true,
			"www/live/a-0.m4s": true, "www/live/a/init.mp4": true, "www/live/a/init-3.mp4": true,
			"www/index.html": false, "www/a.mp4": false, "elsewhere/a.ts": false, "www/../elsewhere/a.ts": false, "wwwx/a.ts": false,
		} {
			for _, on = range []bool{true, false} {
				if got := r.server.Hidden(filepath.Join(www, filepath.FromSlash(file))); got != (hidden && on) {
					t.Errorf("%s, guarded %v: %v", file, on, got)
				}
			}
		}
	})
}
