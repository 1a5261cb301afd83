package hls

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSwitch has settings change the form of segments under a stream that runs, there and back.
func TestSwitch(t *testing.T) {
	for _, from := range []string{"disk", "memory", "both"} {
		for _, on := range []string{"hls_use_fmp4 on;", "hls_low_latency on;"} {
			bubble(t, short+"hls_serve_from "+from+";", func(t *testing.T, r *rig) {
				base := short + "hls_serve_from " + from + ";"
				player := newReader(t)
				e := r.Publish("live", "a").Run(9 * time.Second)
				for i, settings := range []string{on, "", on, ""} {
					another(e).Run(3 * time.Second)
					player.see(r.Must("/live/a.m3u8"))
					another(e).Run(5 * time.Second)
					before := player.see(r.Must("/live/a.m3u8"))
					if i%2 == 0 {
						decode(t, r.Must(below(before.entries[0].uri)))
					}
					r.configure(base + settings)
					e.Run(9 * time.Second)
					player.before = nil // the form of before is not in the list any more
					p := player.see(r.Must("/live/a.m3u8"))
					ext := map[bool]string{true: ".m4s", false: ".ts"}[settings != ""]
					for _, e := range p.entries {
						if path.Ext(e.uri) != ext || (e.header != "") != (settings != "") {
							t.Errorf("%s %q: entry %+v", from, settings, e)
						}
						if ext == ".ts" {
							decode(t, r.Must(below(e.uri)))
						}
					}
					if ext == ".m4s" {
						r.fetch(p)
					}
					if p.sequence < before.end() || p.sequence > before.end()+1 || p.low != strings.Contains(settings, "low") {
						t.Errorf("%s %q: goes on at %d behind %d", from, settings, p.sequence, before.end())
					}
					r.Must(below(before.entries[len(before.entries)-1].uri)) // players still ask for it
				}
				for range 12 {
					e.Run(4 * time.Second)
					player.see(r.Must("/live/a.m3u8"))
				}
				for _, f := range r.files() {
					if ext := path.Ext(f); ext != ".ts" && ext != ".m3u8" && ext != ".tmp" {
						t.Errorf("file %s", f)
					}
				}
				if n := r.server.places.Len(); n > 2*20 {
					t.Errorf("%d places", n)
				}
			})
		}
	}
}

// TestMP4Reload changes settings of what is made of MP4 before and after.
func TestMP4Reload(t *testing.T) {
	for _, more := range []string{"", "hls_low_latency on;"} {
		bubble(t, shortMP4+more+"hls_serve_from memory;", func(t *testing.T, r *rig) {
			player := newReader(t)
			look := func(at string) text {
				t.Helper()
				p := player.see(r.Must(at))
				r.fetch(p)
				return p
			}
			e := r.Publish("live", "a").Run(7 * time.Second)
			look("/live/a.m3u8")
			r.configure(shortMP4 + more) // now on the disk
			var p text
			for range 4 {
				e.Run(4 * time.Second)
				p = look("/live/a.m3u8")
			}
			for _, e := range p.entries {
				for _, file := range []string{e.header, e.uri} {
					if _, err := os.Stat(filepath.Join(r.Dir, "www/live", file)); err != nil {
						t.Errorf("%q: what the playlist on the disk has: %v", more, err)
					}
				}
			}
			r.configure(shortMP4 + more + "hls_init_file [app]/h-[stream].mp4; hls_keys on;")
			e.Run(7 * time.Second)
			if p = look("/live/a.m3u8"); p.entries[len(p.entries)-1].header != p.entries[0].header {
				t.Errorf("%q: the same header has another name: %+v", more, p.entries)
			}
			r.configure(shortMP4 + more + "hls_path DIR/www/moved;")
			e.Run(7 * time.Second)
			player = newReader(t)
			moved := player.see(r.Must("/moved/live/a.m3u8"))
			for _, e := range moved.entries {
				c := unpack(t, r.Must("/moved/live/"+e.header), r.Must("/moved/live/"+e.uri))
				if !c.key {
					t.Errorf("%q: moved: %+v", more, e)
				}
			}
			if moved.sequence < p.end() {
				t.Errorf("%q: moved to %d behind %d", more, moved.sequence, p.end())
			}
			r.configure(shortMP4 + more + "hls_path DIR/www/moved; hls_acodec an;")
			e.Run(7 * time.Second)
			p = player.see(r.Must("/moved/live/a.m3u8"))
			last := p.entries[len(p.entries)-1]
			if c := unpack(t, r.Must("/moved/live/"+last.header), r.Must("/moved/live/"+last.uri)); c.sounds != 0 || last.number != 1 {
				t.Errorf("%q: without sound: %+v has %d", more, last, c.sounds)
			}
		})
	}
}

// TestMP4OnError has the disk fail, before the first header and later.
func TestMP4OnError(t *testing.T) {
	for mode, want := range map[string]struct{ publishes, resumes bool }{
		"continue": {true, true}, "ignore": {true, false}, "disconnect": {false, false},
	} {
		for _, more := range []string{"", "hls_low_latency on;", "hls_keys on;", "hls_serve_from both;"} {
			for _, first := range []time.Duration{0, 9 * time.Second} {
				bubble(t, shortMP4+more+"hls_on_error "+mode+"; hls_path DIR/www/x;", func(t *testing.T, r *rig) {
					if first == 0 {
						r.block("www/x")
					}
					e := r.Publish("live", "a").Run(first)
					if first > 0 {
						r.move("www/x", "moved")
						r.block("www/x")
					}
					e.Run(9 * time.Second)
					if e.Kicked.Load() == want.publishes {
						t.Errorf("%s %q after %s: kicked: %t", mode, more, first, e.Kicked.Load())
					}
					if n := r.Log.Count("hls segment could not be written"); n != 1 {
						t.Errorf("%s %s: %d lines in the log", mode, more, n)
					}
					r.unblock("www/x")
					if first > 0 {
						r.move("moved", "www/x")
					}
					before, _, _ := strings.Cut(r.last("/x/live/a.m3u8"), ".")
					e.Run(7 * time.Second)
					after, _, _ := strings.Cut(r.last("/x/live/a.m3u8"), ".")
					if goes := before != after; goes != want.resumes {
						t.Errorf("%s %q after %s: from %q to %q", mode, more, first, before, after)
					}
				})
			}
		}
	}
}

// last returns the name of the newest segment, if there is one.
func (r *rig) last(at string) string {
	code, list, _ := r.Get(at)
	if code != 200 {
		return ""
	}
	p := read(r.t, list)
	return p.entries[len(p.entries)-1].uri
}

// move renames what is on the disk.
func (r *rig) move(from, to string) {
	r.t.Helper()
	if err := os.Rename(filepath.Join(r.Dir, from), filepath.Join(r.Dir, to)); err != nil {
		r.t.Fatal(err)
	}
}
