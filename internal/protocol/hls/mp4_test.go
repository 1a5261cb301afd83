package hls

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
	"weir/internal/shelf"
	"weir/internal/testkit/studio"
)

const shortMP4 = short + "hls_use_fmp4 on; "

// headers lists the files of headers on the disk.
func (r *rig) headers() (list []string) {
	for _, f := range r.files() {
		if path.Ext(f) == ".mp4" {
			list = append(list, f)
		}
	}
	return list
}

// TestMP4 records a playlist over what TestPlaylist does.
func TestMP4(t *testing.T) {
	for _, from := range []string{"disk", "memory", "both"} {
		t.Run(from, func(t *testing.T) {
			bubble(t, shortMP4+"hls_dispose 0; hls_serve_from "+from+";", func(t *testing.T, r *rig) {
				player := newReader(t)
				look := func() text { t.Helper(); return player.see(r.Must("/live/a.m3u8")) }
				e := r.Publish("live", "a").Run(time.Second)
				for range 10 {
					e.Run(2 * time.Second)
					look()
				}
				p := look()
				for i, c := range r.fetch(p) {
					if e := p.entries[i]; e.duration != 2 || e.at.IsZero() || e.header != "a/init.mp4" || e.uri != fmt.Sprintf("a-%d.m4s", p.sequence+i) || !c.key || c.videos != 50 {
						t.Errorf("entry %+v: %d pictures", e, c.videos)
					}
				}
				e.Publisher.Lost(fmt.Errorf("cable")) // and it returns with the same headers
				time.Sleep(time.Second)
				again := r.Publish("live", "a").Run(5 * time.Second)
				p = look()
				r.fetch(p)
				if e := p.entries[len(p.entries)-1]; e.number != 1 || e.header != "a/init.mp4" {
					t.Errorf("republish: %+v", e)
				}
				again.Layout = &media.Layout{Tracks: []*media.Track{studio.Pictures(), studio.Sound(48000)}}
				again.Run(6 * time.Second)
				p = look()
				r.fetch(p)
				if e := p.entries[len(p.entries)-1]; e.number != 2 || !strings.HasPrefix(e.header, "a/init-") {
					t.Errorf("another codec: %+v", e)
				}
				want := map[string]int{"memory": 0}[from]
				if from != "memory" {
					want = 2
				}
				if n := len(r.headers()); n != want {
					t.Errorf("headers %v", r.headers())
				}
				for range 10 {
					again.Run(4 * time.Second)
					look()
				}
				if code, _, _ := r.Get("/live/a/init.mp4"); code != 0 || len(r.headers()) > 1 {
					t.Errorf("the header of what is gone: %d, %v", code, r.headers())
				}
				again.End()
				if from == "memory" {
					if list := r.files(); len(list) != 0 {
						t.Errorf("files %v", list)
					}
				}
			})
		})
	}
}

// TestMP4Names has names that say all.
func TestMP4Names(t *testing.T) {
	names := "hls_fmp4_file [vhost]/[stream]/[2006]-[seq]-[duration].mp4; hls_init_file [app]-heads/[stream]; "
	for _, from := range []string{"disk", "memory"} {
		bubble(t, shortMP4+names+"hls_serve_from "+from+";", func(t *testing.T, r *rig) {
			r.Publish("live", "a").Run(9 * time.Second).End()
			p := newReader(t).see(r.Must("/live/a.m3u8"))
			if e := p.entries[1]; e.header != "../live-heads/a" || e.uri != "../__defaultVhost__/a/2000-1-2000.mp4" {
				t.Errorf("entry %+v", e)
			}
			r.fetch(p)
			_, _, h := r.Get("/live-heads/a")
			if h.Get("Content-Type") != "video/mp4" || h.Get("Cache-Control") != "max-age=2" {
				t.Errorf("header: %v", h)
			}
			if _, _, h := r.Get("/__defaultVhost__/a/2000-1-2000.mp4"); h.Get("Content-Type") != "video/mp4" || h.Get("Cache-Control") != "max-age=12" {
				t.Errorf("segment: %v", h)
			}
		})
	}
}

// TestMP4Durations holds EXTINF against the frames that are in the segments.
func TestMP4Durations(t *testing.T) {
	for name, c := range map[string]struct {
		hls    string
		tracks []*media.Track
		group  int
		want   float64
	}{
		"key frames every 1.6 s": {"", nil, 40, 3.2},
		"td_ratio":               {"hls_td_ratio 1.5;", nil, 25, 3},
		"any frame":              {"hls_wait_keyframe off;", nil, 1000, 2.4},
		"key frames are far off": {"", nil, 150, 6},
		"pictures alone":         {"", []*media.Track{studio.Pictures()}, 25, 2},
		"sound alone":            {"", []*media.Track{studio.Sound(44100)}, 25, 4.2},
		"sound, aof_ratio":       {"hls_aof_ratio 1.2;", []*media.Track{studio.Sound(44100)}, 25, 2.4},
		"no pictures wanted":     {"hls_vcodec vn;", nil, 25, 4.2},
		"no sound wanted":        {"hls_acodec an;", nil, 25, 2},
		"nothing wanted":         {"hls_acodec an; hls_vcodec vn;", nil, 25, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, strings.Replace(shortMP4, "window 12", "window 100", 1)+c.hls, func(t *testing.T, r *rig) {
				e := r.Publish("live", "a", c.tracks...)
				e.Group = c.group
				e.Run(15040 * time.Millisecond).End()
				if c.want == 0 {
					if code, _, _ := r.Get("/live/a.m3u8"); code != 404 || len(r.files()) > 0 {
						t.Errorf("%d, files %v", code, r.files())
					}
					return
				}
				p := newReader(t).see(r.Must("/live/a.m3u8"))
				sum := 0.0
				for i, c2 := range r.fetch(p) {
					sum += p.entries[i].duration
					if d := p.entries[i].duration - c.want; i < len(p.entries)-1 && (d > 0.5 || d < -0.045) || i < len(p.entries)-1 && c2.videos > 0 && d > 0.045 {
						t.Errorf("segment %d lasts %f s; want %f", i, p.entries[i].duration, c.want)
					}
					if strings.Contains(c.hls, "vn") && c2.videos > 0 || strings.Contains(c.hls, " an") && c2.sounds > 0 {
						t.Errorf("%d pictures, %d sounds", c2.videos, c2.sounds)
					}
				}
				if sum < 14.95 || sum > 15.1 {
					t.Errorf("together %f s of 15.04", sum)
				}
			})
		})
	}
}

// TestMP4Keys holds what is encrypted against what is not.
func TestMP4Keys(t *testing.T) {
	for _, from := range []string{"disk", "memory", "both"} {
		t.Run(from, func(t *testing.T) {
			var plain []content
			for _, keys := range []string{"off", "on"} {
				bubble(t, shortMP4+"hls_fragments_per_key 3; hls_serve_from "+from+"; hls_keys "+keys+";", func(t *testing.T, r *rig) {
					e := r.Publish("live", "a")
					e.Size = 20_000 // several writes a segment
					e.Run(21 * time.Second).End()
					p := newReader(t).see(r.Must("/live/a.m3u8"))
					list := r.fetch(p)
					if keys == "off" {
						plain = list
						return
					}
					used := map[string]bool{}
					for i, c := range list {
						used[p.entries[i].key] = true
						if string(c.payload) != string(plain[i].payload) || p.entries[i].key == "" {
							t.Errorf("segment %d is not what it is without a key: %d bytes, %d", i, len(c.payload), len(plain[i].payload))
						}
					}
					if len(used) < 2 || len(used) > 3 || len(list) != len(plain) {
						t.Errorf("%d keys of %d segments", len(used), len(list))
					}
				})
			}
		})
	}
}

// TestMP4Dispose leaves nothing, on the disk or on the web server.
func TestMP4Dispose(t *testing.T) {
	for name, c := range map[string]struct {
		hls  string
		what func(r *rig, e *studio.Encoder)
	}{
		"publisher left":       {"hls_dispose 30;", func(_ *rig, e *studio.Encoder) { e.End() }},
		"publisher left, keys": {"hls_dispose 30; hls_keys on;", func(_ *rig, e *studio.Encoder) { e.End() }},
		"left, with parts":     {"hls_dispose 30; hls_low_latency on;", func(_ *rig, e *studio.Encoder) { e.End() }},
		"left, parts and keys": {"hls_dispose 30; hls_low_latency on; hls_keys on;", func(_ *rig, e *studio.Encoder) { e.End() }},
		"silent":               {"hls_dispose 30;", func(*rig, *studio.Encoder) {}},
		"silent, with parts":   {"hls_dispose 30; hls_low_latency on;", func(*rig, *studio.Encoder) {}},
		"the server stops":     {"hls_dispose 30; hls_low_latency on;", func(r *rig, _ *studio.Encoder) { r.Stop() }},
		"two headers":          {"hls_dispose 30;", func(_ *rig, e *studio.Encoder) { another(e).Run(5 * time.Second).End() }},
		"a header alone":       {"hls_dispose 30;", func(r *rig, e *studio.Encoder) { e.End(); r.Publish("live", "b").Run(80 * time.Millisecond).End() }},
		"headers without a list": {"hls_dispose 30;", func(_ *rig, e *studio.Encoder) {
			another(e).Run(80 * time.Millisecond)
			another(e).Run(time.Second).End()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, shortMP4+c.hls, func(t *testing.T, r *rig) {
				e := r.Publish("live", "a").Run(25 * time.Second)
				c.what(r, e)
				time.Sleep(40 * time.Second)
				synctest.Wait()
				for _, f := range r.files() {
					if !strings.HasPrefix(name, "silent") || path.Ext(f) != shelf.Temporary { // one that is being written
						t.Errorf("file %s", f)
					}
				}
				if n := r.server.places.Len(); n > 2 || n > 0 && !strings.HasPrefix(name, "silent") {
					t.Errorf("%d places", n)
				}
			})
		})
	}
}

// another has the encoder go on with another header.
func another(e *studio.Encoder) *studio.Encoder {
	rate := 48000
	if e.Layout.Tracks[1].Config[0] != studio.Sound(44100).Config[0] || e.Layout.Tracks[1].Config[1] != studio.Sound(44100).Config[1] {
		rate = 44100
	}
	e.Layout = &media.Layout{Tracks: []*media.Track{studio.Pictures(), studio.Sound(rate)}}
	e.Next += int64(e.Group) - e.Next%int64(e.Group)
	return e
}

// TestMP4DisposeBeneathPublisher goes on when a publisher who was silent does.
func TestMP4DisposeBeneathPublisher(t *testing.T) {
	for _, more := range []string{"", "hls_low_latency on;"} {
		for _, silence := range []time.Duration{25 * time.Second, 2500 * time.Millisecond} {
			bubble(t, shortMP4+more+fmt.Sprintf("hls_dispose %d;", silence/time.Second-1), func(t *testing.T, r *rig) {
				player := newReader(t)
				e := r.Publish("live", "a").Run(15 * time.Second)
				player.see(r.Must("/live/a.m3u8"))
				time.Sleep(silence)
				player.before = nil // players have been told that it is gone
				player.parts = map[int][]fraction{}
				e.Skip = silence
				var p text
				for range 6 {
					e.Run(4 * time.Second)
					p = player.see(r.Must("/live/a.m3u8"))
				}
				r.fetch(p)
				if _, err := os.Stat(filepath.Join(r.Dir, "www/live", p.entries[0].header)); err != nil {
					t.Error("the header of segments after the silence:", err)
				}
				e.End()
				time.Sleep(40 * time.Second)
				if list, n := r.files(), r.server.places.Len(); len(list) > 0 || n > 0 {
					t.Errorf("silence %s: files %v, %d places", silence, list, n)
				}
			})
		}
	}
}

// TestMP4Resume goes on behind a playlist on the disk that has two headers.
func TestMP4Resume(t *testing.T) {
	for _, more := range []string{"", "hls_low_latency on;", "hls_keys on;"} {
		bubble(t, shortMP4+"hls_dispose 0; hls_window 20;"+more, func(t *testing.T, r *rig) {
			player := newReader(t)
			e := r.Publish("live", "a").Run(9 * time.Second)
			another(e).Run(5 * time.Second).End()
			before := player.see(r.Must("/live/a.m3u8"))
			r.Stop()
			r.start()
			player.before, player.parts = nil, map[int][]fraction{}
			waked := player.see(r.Must("/live/a.m3u8"))
			r.fetch(waked)
			if !slices.Equal(waked.entries, before.entries) || waked.low {
				t.Errorf("was %+v\nis %+v", before, waked)
			}
			e = r.Publish("live", "a").Run(3 * time.Second)
			p := player.see(r.Must("/live/a.m3u8"))
			r.fetch(p)
			heads := map[string]bool{}
			for _, e := range p.entries {
				heads[e.header] = true
			}
			if last := p.entries[len(p.entries)-1]; last.header != p.entries[0].header || last.number != 2 || len(heads) != 2 {
				t.Errorf("%q: goes on as %+v", more, p)
			}
			for range 10 {
				e.Run(6 * time.Second)
				r.fetch(player.see(r.Must("/live/a.m3u8")))
			}
			if n := len(r.headers()); n != 1 {
				t.Errorf("headers %v", r.headers())
			}
		})
	}
}
