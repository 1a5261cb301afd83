package dash

import (
	"fmt"
	"os"
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

const short = "dash_fragment 2; dash_update_period 2; dash_ctx off; "

// TestManifest records a manifest over a republish, a change of codec and an end.
func TestManifest(t *testing.T) {
	for _, from := range []string{"disk", "memory", "both"} {
		t.Run(from, func(t *testing.T) {
			bubble(t, short+"dash_serve_from "+from+";", func(t *testing.T, r *rig) {
				player := newReader(t)
				look := func() *view { t.Helper(); return player.see(r.Must("/live/a.mpd")) }
				e := r.Publish("live", "a").Run(3 * time.Second)
				if len(look().sets["video"]) != 1 {
					t.Errorf("after the first segment:\n%s", player.before.text)
				}
				for range 10 {
					e.Run(2 * time.Second)
					look()
				}
				v := look()
				for _, set := range []string{"video", "audio"} {
					if n := len(v.sets[set]); n != 5 && (set != "audio" || n != 6) {
						t.Errorf("%d segments of %s:\n%s", n, set, v.text)
					}
					for _, c := range r.fetch(v, "/live/", set) {
						if set == "video" && c.frames != 50 {
							t.Errorf("%d pictures", c.frames)
						}
					}
				}
				if l := v.newest("video"); l.header != "a/video-init.mp4" || l.uri != "a/video-10.m4s" || l.period != "0" {
					t.Errorf("the newest is %+v", l)
				}
				names := "a.mpd a/audio-init.mp4 a/video-init.mp4 a/video-10.m4s a/audio-10.m4s"
				for name := range strings.FieldsSeq(names) {
					if is := slices.Contains(r.files(), "live/"+name); is != (from != "memory") {
						t.Errorf("file %s: %t of %v", name, is, r.files())
					}
				}
				e.Publisher.Lost(fmt.Errorf("cable")) // and it returns with the same headers
				time.Sleep(time.Second)
				e = r.Publish("live", "a").Run(5 * time.Second)
				v = look()
				if l := v.newest("video"); len(v.starts) != 2 || l.period != "1" || l.header != "a/video-init-1.mp4" {
					t.Errorf("republish: %+v of\n%s", l, v.text)
				}
				e.Another(48000).Run(5 * time.Second)
				v = look()
				if l := v.newest("audio"); l.period != "2" || l.header != "a/audio-init-2.mp4" {
					t.Errorf("another codec: %+v of\n%s", l, v.text)
				}
				for _, set := range []string{"video", "audio"} {
					r.fetch(v, "/live/", set)
				}
				e.Run(24 * time.Second)
				v = look()
				if len(v.starts) != 1 {
					t.Errorf("old periods stay:\n%s", v.text)
				}
				if code, _, _ := r.Get("/live/a/video-init.mp4"); code != 0 {
					t.Errorf("the header of what is gone: %d", code)
				}
				if n := len(r.files()); from != "memory" && n > 1+2+2*12 || from == "memory" && n > 0 {
					t.Errorf("%d files: %v", n, r.files())
				}
				if n := r.server.places.Len(); n > 2*(2+2+2*12+2) { // the next two are announced
					t.Errorf("%d places", n)
				}
				e.End()
				look()
			})
		})
	}
}

// TestAttributes holds what the manifest says besides.
func TestAttributes(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		r.Publish("live", "a").Run(9 * time.Second)
		v := read(t, r.Must("/live/a.mpd"))
		for _, want := range []string{
			`minimumUpdatePeriod="PT2S"`, `suggestedPresentationDelay="PT6S"`, `codecs="avc1.42c028"`, `codecs="mp4a.40.2"`, `width="1920"`, `height="1080"`,
			`frameRate="30"`, `audioSamplingRate="44100"`, `<BaseURL>a/</BaseURL>`, `maxSegmentDuration="PT2`, `value="/live/a/time"`, `timeShiftBufferDepth="PT8`,
		} {
			if !strings.Contains(v.text, want) {
				t.Errorf("no %s in\n%s", want, v.text)
			}
		}
		if strings.Contains(v.text, "<Location>") || strings.Contains(v.text, "availabilityTimeOffset") || strings.Contains(v.text, "ServiceDescription") {
			t.Errorf("what does not belong there:\n%s", v.text)
		}
		if at, err := time.Parse(time.RFC3339, r.Must("/live/a/time")); err != nil || time.Since(at).Abs() > time.Millisecond {
			t.Errorf("the clock: %v, %v", at, err)
		}
		for path, want := range map[string][2]string{
			"/live/a.mpd": {"application/dash+xml", "max-age=1"}, "/live/a/video-2.m4s": {"video/iso.segment", "max-age=8"},
			"/live/a/audio-init.mp4": {"video/mp4", "max-age=8"}, "/live/a/time": {"text/plain; charset=utf-8", "no-store"},
		} {
			if _, _, h := r.Get(path); h.Get("Content-Type") != want[0] || h.Get("Cache-Control") != want[1] {
				t.Errorf("%s: %v", path, h)
			}
		}
	})
}

// TestUpdate holds how often players are to ask: as often as is set, but once a segment at the least.
func TestUpdate(t *testing.T) {
	for settings, want := range map[string]string{
		"dash_fragment 2; dash_update_period 1;": "PT1S", "dash_fragment 2; dash_update_period 30;": "PT2.02S",
		"dash_fragment 4; dash_update_period 30;": "PT4.017S", "dash_fragment 4; dash_update_period 3;": "PT3S",
	} {
		bubble(t, settings+" dash_ctx off;", func(t *testing.T, r *rig) {
			r.Publish("live", "a").Run(17 * time.Second)
			if text := r.Must("/live/a.mpd"); !strings.Contains(text, `minimumUpdatePeriod="`+want+`"`) {
				t.Errorf("%s: no %s in\n%s", settings, want, text)
			}
		})
	}
}

// TestTracks has streams of one track.
func TestTracks(t *testing.T) {
	for set, track := range map[string]*media.Track{"video": studio.Pictures(), "audio": studio.Sound(44100)} {
		for _, more := range []string{"", "dash_low_latency on;"} {
			bubble(t, short+more, func(t *testing.T, r *rig) {
				player := newReader(t)
				player.low = more != ""
				e := r.Publish("live", "a", track)
				for range 6 {
					e.Run(3 * time.Second)
					player.see(r.Must("/live/a.mpd"))
				}
				e.End()
				v := player.see(r.Must("/live/a.mpd"))
				r.fetch(v, "/live/", set)
				if len(v.sets) != 1 || len(v.sets[set]) < 5 {
					t.Errorf("%s alone:\n%s", set, v.text)
				}
			})
		}
	}
}

// TestWindow holds how much is in the manifest.
func TestWindow(t *testing.T) {
	for settings, want := range map[string]int{
		"": 5, "dash_window_size 8;": 8, "dash_window_size 1;": 3, "dash_window_size 100;": 30,
		"dash_window_size 100; dash_timeshift 20;": 11, "dash_window_size 100; dash_timeshift 1;": 3, "dash_window_size 4; dash_timeshift 0;": 4,
	} {
		bubble(t, short+settings, func(t *testing.T, r *rig) {
			player := newReader(t)
			e := r.Publish("live", "a")
			for range 31 {
				e.Run(2 * time.Second)
				if code, _, _ := r.Get("/live/a.mpd"); code == 200 {
					player.see(r.Must("/live/a.mpd"))
				}
			}
			v := player.before
			if n := len(v.sets["video"]); n != want {
				t.Errorf("%q: %d segments; want %d", settings, n, want)
			}
			if depth := time.Duration(*v.TimeShiftBufferDepth); strings.Contains(settings, "timeshift 20") && depth != 20*time.Second {
				t.Errorf("%q: depth %s", settings, depth)
			}
		})
	}
}

// TestWindowOfHalves has the sound end before the picture does: until the period leaves the manifest its sound is in it.
func TestWindowOfHalves(t *testing.T) {
	bubble(t, short+"dash_window_size 8;", func(t *testing.T, r *rig) {
		e := r.Publish("live", "a").Run(20 * time.Second)
		e.Mute = true
		e.Run(5 * time.Second).End()
		e = r.Publish("live", "a")
		left := false
		for range 20 {
			e.Run(time.Second)
			_, first, _ := strings.Cut(r.Must("/live/a.mpd"), "<Period ")
			first, _, _ = strings.Cut(first, "</Period>")
			if left = !strings.HasPrefix(first, `id="0"`); left {
				break
			}
			if !strings.Contains(first, `contentType="audio"`) {
				t.Fatalf("the sound is gone:\n%s", first)
			}
		}
		if !left {
			t.Error("the first period does not leave")
		}
	})
}

// TestCleanup leaves files where it is to.
func TestCleanup(t *testing.T) {
	bubble(t, short+"dash_cleanup off;", func(t *testing.T, r *rig) {
		r.Publish("live", "a").Run(61 * time.Second)
		if n := len(r.files()); n < 60 {
			t.Errorf("%d files", n)
		}
	})
}

func TestDispose(t *testing.T) {
	for name, c := range map[string]struct {
		dash  string
		after time.Duration
		what  func(r *rig, e *studio.Encoder)
		files bool
	}{
		"publisher left":          {"dash_dispose 30;", 33 * time.Second, func(_ *rig, e *studio.Encoder) { e.End() }, false},
		"publisher left just now": {"dash_dispose 30;", 28 * time.Second, func(_ *rig, e *studio.Encoder) { e.End() }, true},
		"silent":                  {"dash_dispose 30;", 33 * time.Second, func(*rig, *studio.Encoder) {}, false},
		"never":                   {"dash_dispose 0;", 3 * time.Hour, func(_ *rig, e *studio.Encoder) { e.End() }, true},
		"server stops":            {"dash_dispose 30;", 0, func(r *rig, _ *studio.Encoder) { r.Stop() }, false},
		"server stops, 0":         {"dash_dispose 0;", 0, func(r *rig, _ *studio.Encoder) { r.Stop() }, true},
		"two periods":             {"dash_dispose 30;", 33 * time.Second, func(_ *rig, e *studio.Encoder) { e.Another(48000).Run(3 * time.Second).End() }, false},
		"low":                     {"dash_dispose 30; dash_low_latency on;", 33 * time.Second, func(_ *rig, e *studio.Encoder) { e.End() }, false},
		"short":                   {"dash_dispose 30;", 33 * time.Second, func(r *rig, e *studio.Encoder) { e.End(); r.Publish("live", "b").Run(80 * time.Millisecond).End() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, short+c.dash, func(t *testing.T, r *rig) {
				e := r.Publish("live", "a").Run(25 * time.Second)
				c.what(r, e)
				time.Sleep(c.after)
				synctest.Wait()
				list := slices.DeleteFunc(r.files(), func(f string) bool { return name == "silent" && strings.HasSuffix(f, ".tmp") }) // being written
				if c.files != (len(list) > 5) || !c.files && len(list) > 0 {
					t.Errorf("files %v", list)
				}
				if n := r.server.places.Len(); !c.files && n > 4 || n > 0 && name != "silent" && !c.files {
					t.Errorf("%d places", n)
				}
			})
		})
	}
}

// TestDisposeBeneathPublisher goes on when a publisher who was silent does.
func TestDisposeBeneathPublisher(t *testing.T) {
	for _, more := range []string{"", "dash_low_latency on;"} {
		for _, silence := range []time.Duration{25 * time.Second, 2500 * time.Millisecond} {
			bubble(t, short+more+fmt.Sprintf("dash_dispose %d;", silence/time.Second-1), func(t *testing.T, r *rig) {
				player := newReader(t)
				player.low = more != ""
				e := r.Publish("live", "a").Run(15 * time.Second)
				player.see(r.Must("/live/a.mpd"))
				time.Sleep(silence)
				e.Skip = silence
				for range 6 {
					e.Run(4 * time.Second)
					v := player.see(r.Must("/live/a.mpd"))
					if _, err := os.Stat(filepath.Join(r.Dir, "www/live", v.newest("video").header)); err != nil {
						t.Error("the header of segments after the silence:", err)
					}
				}
				e.End()
				r.fetch(player.see(r.Must("/live/a.mpd")), "/live/", "video")
				time.Sleep(40 * time.Second)
				if list, n := r.files(), r.server.places.Len(); len(list) > 0 || n > 0 {
					t.Errorf("silence %s: files %v, %d places", silence, list, n)
				}
			})
		}
	}
}

// TestNoManifestYet has players come before the first segment is complete.
func TestNoManifestYet(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		if code, _, _ := r.Get("/live/a.mpd"); code != 0 {
			t.Errorf("nobody publishes: %d", code)
		}
		e := r.Publish("live", "a").Run(600 * time.Millisecond)
		began := time.Now()
		answer := make(chan string)
		go func() { answer <- r.Must("/live/a.mpd") }()
		go e.Run(4 * time.Second)
		read(t, <-answer)
		if d := time.Since(began); d < time.Second || d > 3*time.Second {
			t.Errorf("answered after %s", d)
		}
		time.Sleep(5 * time.Second)
		r.Publish("live", "b").Write(0, 0, true, []byte{0, 0, 0, 1, 0x65})
		r.Publish("live", "c").Run(100 * time.Millisecond)
		time.Sleep(time.Second)
		began = time.Now()
		if code, body, _ := r.Get("/live/c.mpd"); code != 404 && code != 0 || time.Since(began) > shelf.FirstWait {
			t.Errorf("%d %s after %s", code, body, time.Since(began))
		}
	})
}

// TestNames has names that would lead elsewhere, or that need to be written in another way.
func TestNames(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		for _, name := range []string{"..", "a/../../b", ".", "x\n", "a\\b", "a//b"} {
			r.Publish("live", name).Run(3 * time.Second).End()
			r.Publish("../..", name).Run(3 * time.Second).End()
		}
		if list := r.files(); len(list) > 0 || r.Log.Count("its name cannot be that of a file") != 12 {
			t.Errorf("files %q", list)
		}
		r.Publish("live/é", "x 100%?#:&<").Run(5 * time.Second).End()
		v := read(t, r.Must("/live/%C3%A9/x%20100%25%3F%23%3A%26%3C.mpd"))
		r.fetch(v, "/live/%C3%A9/", "video")
		r.Publish("live", "b.mpd").Run(5 * time.Second).End()
		r.fetch(read(t, r.Must("/live/b.mpd.mpd")), "/live/", "video")
	})
}
