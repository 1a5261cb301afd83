package hls

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"

	"weir/internal/format/mpegts"
	"weir/internal/media"
	"weir/internal/shelf"
	"weir/internal/testkit/studio"
)

const short = "hls_fragment 2; hls_window 12; hls_ctx off; "

// decode has an independent reader read a segment, and returns what it has of video and of sound.
func decode(t testing.TB, segment string) (videos, sounds int, first [][]byte) {
	t.Helper()
	r := &ts.Reader{R: strings.NewReader(segment)}
	if err := r.Initialize(); err != nil {
		t.Fatalf("segment of %d bytes: %v", len(segment), err)
	}
	r.OnDecodeError(func(err error) { t.Error(err) })
	for _, track := range r.Tracks() {
		switch track.PID {
		case 0x100:
			r.OnDataH264(track, func(_, _ int64, au [][]byte) error {
				if videos++; videos == 1 {
					first = au
				}
				return nil
			})
		case 0x101:
			r.OnDataMPEG4Audio(track, func(_ int64, aus [][]byte) error { sounds += len(aus); return nil })
		}
	}
	for r.Read() == nil {
	}
	return videos, sounds, first
}

// TestPlaylist records a playlist over a republish within resume_timeout, one after, a change of
// codec, and a restart of the server.
func TestPlaylist(t *testing.T) {
	for _, from := range []string{"disk", "memory", "both"} {
		t.Run(from, func(t *testing.T) {
			bubble(t, short+"hls_dispose 0; hls_serve_from "+from+";", func(t *testing.T, r *rig) {
				player := newReader(t)
				look := func() text { t.Helper(); return player.see(r.Must("/live/a.m3u8")) }
				cuts := func() (n int) {
					for _, e := range player.known {
						if e.discontinuity {
							n++
						}
					}
					return n
				}
				e := r.Publish("live", "a").Run(time.Second)
				for range 20 {
					e.Run(2 * time.Second)
					look()
				}
				if n := cuts(); n != 0 || player.removed == 0 {
					t.Errorf("%d discontinuities, %d segments have left the playlist", n, player.removed)
				}
				for _, entry := range look().entries {
					if entry.duration != 2 || entry.at.IsZero() {
						t.Errorf("entry %+v", entry)
					}
					if _, _, first := decode(t, r.Must("/live/"+entry.uri)); len(first) != 3 || !bytes.Equal(first[0], studio.SPS()) {
						t.Errorf("%s does not begin with parameter sets and a key frame: % .20x", entry.uri, first)
					}
				}
				e.Run(3 * time.Second)
				e.Publisher.Lost(fmt.Errorf("cable")) // and it returns
				time.Sleep(time.Second)
				again := r.Publish("live", "a").Run(5 * time.Second)
				look()
				if n := cuts(); n != 1 {
					t.Errorf("republish: %d discontinuities", n)
				}
				again.Layout = &media.Layout{Tracks: []*media.Track{studio.Pictures(), studio.Sound(48000)}}
				again.Run(6 * time.Second)
				look()
				if n := cuts(); n != 2 {
					t.Errorf("another codec: %d discontinuities", n)
				}
				again.End()
				look()
				r.Publish("live", "a").Run(7 * time.Second).End()
				look()
				if n := cuts(); n != 3 {
					t.Errorf("after an end: %d discontinuities", n)
				}
				if from == "memory" {
					if list := r.files(); len(list) != 0 {
						t.Errorf("files %v", list)
					}
					return
				}
				r.Stop()
				r.start()
				look() // of a stream that nobody publishes
				e = r.Publish("live", "a")
				for range 10 {
					e.Run(2 * time.Second)
					look()
				}
				if n := cuts(); n != 4 || player.grows > 0 || player.before.discontinuities != 4 {
					t.Errorf("restart: %d discontinuities, of which %d are counted as gone; the target has changed %d times", n, player.before.discontinuities, player.grows)
				}
				for _, f := range r.files() {
					if path.Ext(f) == ".m3u8" || strings.HasSuffix(f, shelf.Temporary) {
						continue
					}
					if _, known := player.known[seqOf(f)]; !known {
						t.Errorf("file %s was never listed", f)
					}
				}
			})
		})
	}
}

func seqOf(file string) (n int) {
	_, _ = fmt.Sscanf(file, "www/live/a-%d.ts", &n)
	return n
}

// TestDurations holds EXTINF against the frames that are in the segments.
func TestDurations(t *testing.T) {
	for name, c := range map[string]struct {
		hls    string
		tracks []*media.Track
		group  int
		want   []float64
	}{
		"key frames every 1.6 s":  {"hls_fragment 2;", nil, 40, []float64{3.2, 3.2, 3.2}},
		"td_ratio":                {"hls_fragment 2; hls_td_ratio 1.5;", nil, 25, []float64{3, 3, 3}},
		"any frame":               {"hls_fragment 2; hls_wait_keyframe off;", nil, 1000, []float64{2, 2, 2}},
		"key frames are far off":  {"hls_fragment 1;", nil, 150, []float64{6, 6}},
		"pictures alone":          {"hls_fragment 2;", []*media.Track{studio.Pictures()}, 25, []float64{2, 2, 2}},
		"sound alone":             {"hls_fragment 2;", []*media.Track{studio.Sound(44100)}, 25, []float64{4.2, 4.2}},
		"sound, aof_ratio":        {"hls_fragment 2; hls_aof_ratio 1.2;", []*media.Track{studio.Sound(44100)}, 25, []float64{2.4, 2.4, 2.4}},
		"no pictures wanted":      {"hls_fragment 2; hls_vcodec vn;", nil, 25, []float64{4.2, 4.2}},
		"no sound wanted":         {"hls_fragment 2; hls_acodec an;", nil, 25, []float64{2, 2, 2}},
		"shorter than the pause":  {"hls_fragment 0.1;", nil, 1, []float64{0.2, 0.2, 0.2, 0.2}},
		"times by samples of AAC": {"hls_fragment 2; hls_dts_directly off;", nil, 25, []float64{2, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, "hls_ctx off; hls_window 100;"+c.hls, func(t *testing.T, r *rig) {
				e := r.Publish("live", "a", c.tracks...)
				e.Group = c.group
				e.Run(15040 * time.Millisecond).End()
				p := newReader(t).see(r.Must("/live/a.m3u8"))
				if len(p.entries) <= len(c.want) {
					t.Fatalf("entries %+v", p.entries)
				}
				sum := 0.0
				for i, e := range p.entries {
					if i < len(c.want) && math.Abs(e.duration-c.want[i]) > 0.045 {
						t.Errorf("segment %d lasts %f s; want %f", i, e.duration, c.want[i])
					}
					sum += e.duration
					videos, sounds, _ := decode(t, r.Must("/live/"+e.uri))
					media := max(float64(videos)*0.04, float64(sounds)*1024/44100)
					if math.Abs(media-e.duration) > 0.06 {
						t.Errorf("segment %d is said to last %f s and has %f s", i, e.duration, media)
					}
					if strings.Contains(c.hls, "vn") && videos > 0 || strings.Contains(c.hls, " an") && sounds > 0 {
						t.Errorf("%d pictures, %d sounds", videos, sounds)
					}
				}
				if math.Abs(sum-15.04) > 0.05 {
					t.Errorf("together %f s of 15.04", sum)
				}
			})
		})
	}
}

// TestData has tracks of data come and go: their frames are in the segments, and nothing else is told.
func TestData(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		e := r.Publish("live", "a").Run(time.Second)
		tracks := e.Layout.Tracks
		for n := range int64(8) {
			e.Layout = &media.Layout{Tracks: tracks}
			if n%3 > 0 {
				e.Layout.Tracks = slices.Concat(tracks, []*media.Track{{Kind: media.Data, Codec: media.ID3}})
				e.Write(2, e.Next*40, true, []byte("ID3 number "+strconv.FormatInt(n, 10)))
			}
			e.Run(2 * time.Second)
		}
		p := newReader(t).see(r.Must("/live/a.m3u8"))
		if len(p.entries) < 4 {
			t.Fatalf("%d segments", len(p.entries))
		}
		found := 0
		for _, entry := range p.entries {
			b := r.Must("/live/" + entry.uri)
			found += strings.Count(b, "ID3 number ")
			if entry.discontinuity || entry.duration != 2 {
				t.Errorf("entry %+v", entry)
			}
			var of [media.Data + 1]int // the reader of decode takes no tables in the middle
			d := mpegts.NewDemux(strings.NewReader(b), mpegts.DemuxOptions{})
			for f, err := d.ReadFrame(); err == nil; f, err = d.ReadFrame() {
				of[f.Source().Kind]++
			}
			if h := d.Health(); of[media.Video] < 49 || of[media.Audio] < 80 || h.Lost+h.Damaged > 0 {
				t.Errorf("%s: %v, %+v", entry.uri, of, h)
			}
		}
		if found < 3 {
			t.Errorf("%d frames of data", found)
		}
	})
}

// TestDataWithSound has data come between sounds: each segment begins with one of these.
func TestDataWithSound(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		e := r.Publish("live", "a", studio.Sound(44100), &media.Track{Kind: media.Data, Codec: media.ID3})
		for n := range int64(400) {
			e.Run(40 * time.Millisecond)
			e.Write(1, n*40+39, true, []byte("ID3"))
		}
		p := newReader(t).see(r.Must("/live/a.m3u8"))
		if len(p.entries) < 2 {
			t.Fatalf("%d segments", len(p.entries))
		}
		for _, entry := range p.entries {
			b := r.Must("/live/" + entry.uri)
			const pid, third = 0x101, 2 * 188
			if got := int(b[third+1]&0x1f)<<8 | int(b[third+2]); got != pid || strings.Count(b, "ID3") < 40 {
				t.Errorf("%s begins with PID %#x and has %d frames of data", entry.uri, got, strings.Count(b, "ID3")-1)
			}
		}
	})
}

// TestPicturesStop has pictures that were promised not come, come, stop and come again: sound goes
// on, and segments begin with key frames again.
func TestPicturesStop(t *testing.T) {
	bubble(t, "hls_fragment 2; hls_window 100; hls_ctx off;", func(t *testing.T, r *rig) {
		e := r.Publish("live", "a")
		for range 2 {
			e.Dark = true
			e.Run(14 * time.Second)
			e.Dark = false
			e.Run(10 * time.Second)
		}
		e.End()
		p := newReader(t).see(r.Must("/live/a.m3u8"))
		var kinds strings.Builder
		sum := 0.0
		for _, entry := range p.entries {
			sum += entry.duration
			videos, sounds, first := decode(t, r.Must("/live/"+entry.uri))
			switch {
			case sounds == 0:
				kinds.WriteString("?")
			case videos == 0:
				kinds.WriteString("s")
			case len(first) == 3:
				kinds.WriteString("k")
			default:
				kinds.WriteString("x")
			}
		}
		if !regexp.MustCompile(`^s+k+s+k+$`).MatchString(kinds.String()) || sum < 43 {
			t.Errorf("segments %s of %f s in\n%s", kinds.String(), sum, r.Must("/live/a.m3u8"))
		}
	})
}

func TestKeys(t *testing.T) {
	for _, from := range []string{"disk", "memory"} {
		bubble(t, "hls_fragment 2; hls_window 8; hls_keys on; hls_fragments_per_key 3; hls_serve_from "+from+";", func(t *testing.T, r *rig) {
			e := r.Publish("live", "a")
			e.Size = 5000
			e.Run(29 * time.Second)
			id := regexp.MustCompile(`hls_ctx=(\w{8})`).FindStringSubmatch(r.Must("/live/a.m3u8"))[1]
			p := newReader(t).see(r.Must("/live/a.m3u8?hls_ctx=" + id))
			keys := map[string]bool{}
			for i, entry := range p.entries {
				found := regexp.MustCompile(`URI="(.*)",IV=0x(.*)`).FindStringSubmatch(entry.key)
				if found == nil {
					t.Fatalf("entry %d has no key, also for those who come late: %+v", i, entry)
				}
				keys[found[1]] = true
				bare, _, _ := strings.Cut(found[1], "?")
				if code, _, _ := r.Get("/live/" + bare); code != 403 {
					t.Errorf("a key for everybody: %d", code)
				}
				iv, _ := hex.DecodeString(found[2])
				block, err := aes.NewCipher([]byte(r.Must("/live/" + found[1])))
				if err != nil {
					t.Fatal(err)
				}
				b := []byte(r.Must("/live/" + entry.uri))
				cipher.NewCBCDecrypter(block, iv).CryptBlocks(b, b)
				b = b[:len(b)-int(b[len(b)-1])]
				if len(b)%188 != 0 {
					t.Errorf("%d bytes of segment", len(b))
				}
				if videos, _, _ := decode(t, string(b)); videos != 50 {
					t.Errorf("%d pictures", videos)
				}
			}
			if len(keys) < 2 || len(keys) > 3 {
				t.Errorf("keys %v for %d segments", keys, len(p.entries))
			}
			if code, _, _ := r.Get("/live/a-999.key"); code != 403 {
				t.Errorf("a key of nobody knows what: %d", code)
			}
			e.End()
			n := 0
			for _, f := range r.files() {
				if path.Ext(f) == ".key" {
					n++
				}
			}
			if from == "disk" && (n < 2 || n > 5) || from == "memory" && n != 0 {
				t.Errorf("key files: %d of %v", n, r.files())
			}
		})
	}
}

// TestReload changes settings under a stream that runs.
func TestReload(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		e := r.Publish("live", "a").Run(6 * time.Second)
		e.Group = 25
		player := newReader(t)
		player.see(r.Must("/live/a.m3u8"))
		r.configure("hls_fragment 4; hls_window 30; hls_ctx off; hls_ts_file [app]/[stream]/x[seq].ts; hls_keys on;")
		e.Run(14 * time.Second)
		p := player.see(r.Must("/live/a.m3u8"))
		last := p.entries[len(p.entries)-1]
		if last.duration != 4 || !strings.HasPrefix(last.uri, "a/x") || last.key == "" || last.number != 0 {
			t.Errorf("entry %+v", last)
		}
		r.configure("hls_fragment 4; hls_ctx off; hls_m3u8_file [vhost]/[stream]-live.m3u8; hls_serve_from memory;")
		e.Run(10 * time.Second)
		moved := newReader(t).see(r.Must("/__defaultVhost__/a-live.m3u8"))
		if moved.sequence != p.sequence+len(p.entries)+1 && moved.sequence != p.sequence+len(p.entries) || !strings.HasPrefix(moved.entries[0].uri, "../live/a-") {
			t.Errorf("moved: %+v behind %+v", moved, p)
		}
		r.configure("enabled off; hls_m3u8_file [vhost]/[stream]-live.m3u8; hls_ctx off;")
		e.Run(10 * time.Second)
		if n := newReader(t).see(r.Must("/__defaultVhost__/a-live.m3u8")); n.sequence+len(n.entries) > moved.sequence+len(moved.entries)+1 {
			t.Errorf("off: %+v", n)
		}
	})
}

func TestDispose(t *testing.T) {
	for name, c := range map[string]struct {
		hls   string
		after time.Duration
		what  func(r *rig, e *studio.Encoder)
		files bool
	}{
		"publisher left":          {"hls_dispose 30;", 33 * time.Second, func(_ *rig, e *studio.Encoder) { e.End() }, false},
		"publisher left just now": {"hls_dispose 30;", 28 * time.Second, func(_ *rig, e *studio.Encoder) { e.End() }, true},
		"publisher is silent":     {"hls_dispose 30;", 33 * time.Second, func(*rig, *studio.Encoder) {}, false},
		"never":                   {"hls_dispose 0;", 3 * time.Hour, func(_ *rig, e *studio.Encoder) { e.End() }, true},
		"server stops":            {"hls_dispose 30;", 0, func(r *rig, _ *studio.Encoder) { r.Stop() }, false},
		"server stops, 0":         {"hls_dispose 0;", 0, func(r *rig, _ *studio.Encoder) { r.Stop() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, short+"hls_keys on;"+c.hls, func(t *testing.T, r *rig) {
				e := r.Publish("live", "a").Run(25 * time.Second)
				c.what(r, e)
				time.Sleep(c.after)
				synctest.Wait()
				list := r.files()
				if c.files != (len(list) > 5) || !c.files && len(list) > 1 { // one that is being written
					t.Errorf("files %v", list)
				}
				if !c.files && name != "server stops" {
					if code, _, _ := r.Get("/live/a-8.ts"); code != 0 {
						t.Errorf("the segment is still served: %d", code)
					}
				}
			})
		})
	}
}

// TestDisposeBeneathPublisher goes on when a publisher who was silent does.
func TestDisposeBeneathPublisher(t *testing.T) {
	bubble(t, short+"hls_dispose 20; hls_keys on; hls_fragments_per_key 100;", func(t *testing.T, r *rig) {
		player := newReader(t)
		e := r.Publish("live", "a").Run(15 * time.Second)
		player.see(r.Must("/live/a.m3u8"))
		time.Sleep(25 * time.Second)
		if code, _, _ := r.Get("/live/a.m3u8"); code != 404 {
			t.Errorf("after 25 s of silence: %d", code)
		}
		player.before = nil // players have been told that it is gone
		e.Skip = 25 * time.Second
		var p text
		for range 6 {
			e.Run(4 * time.Second)
			p = player.see(r.Must("/live/a.m3u8"))
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(p.entries[len(p.entries)-1].key, "METHOD=AES-128,URI=\""), "\"")
		if _, err := os.Stat(filepath.Join(r.Dir, "www/live", name)); err != nil {
			t.Error("the key file of segments after the silence:", err)
		}
	})
}

// TestNoPlaylistYet has players come before the first segment is complete.
func TestNoPlaylistYet(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		if code, _, _ := r.Get("/live/a.m3u8"); code != 0 {
			t.Errorf("nobody publishes: %d", code)
		}
		e := r.Publish("live", "a").Run(500 * time.Millisecond)
		answer := make(chan string)
		began := time.Now()
		go func() { answer <- r.Must("/live/a.m3u8") }()
		go e.Run(4 * time.Second)
		read(t, <-answer)
		if d := time.Since(began); d < time.Second || d > 3*time.Second {
			t.Errorf("answered after %s", d)
		}
		time.Sleep(5 * time.Second)
		silent := r.Publish("live", "b")
		silent.Write(0, 0, true, []byte{0, 0, 0, 1, 0x65})
		time.Sleep(time.Second)
		began = time.Now()
		if code, body, _ := r.Get("/live/b.m3u8"); code != 404 || time.Since(began) != shelf.FirstWait {
			t.Errorf("%d %s after %s", code, body, time.Since(began))
		}
	})
}

func TestBadNames(t *testing.T) {
	bubble(t, short, func(t *testing.T, r *rig) {
		bad := []string{"..", "a/../../b", ".", "x\n#EXT-X-ENDLIST", "a\\b", "a//b"}
		for _, name := range bad {
			r.Publish("live", name).Run(3 * time.Second).End()
			r.Publish("../..", name).Run(3 * time.Second).End()
		}
		if list := r.files(); len(list) > 0 {
			t.Errorf("files %q", list)
		}
		if n := r.Log.Count("its name cannot be that of a file"); n != 2*len(bad) {
			t.Errorf("%d lines in the log", n)
		}
		r.Publish("live/é", "[seq] 100%?#:").Run(5 * time.Second).End()
		p := read(t, r.Must("/live/%C3%A9/%5Bseq%5D%20100%25%3F%23%3A.m3u8"))
		r.Must("/live/%C3%A9/" + strings.TrimPrefix(p.entries[0].uri, "./"))
	})
}

// TestOnError has the disk fail.
func TestOnError(t *testing.T) {
	for mode, want := range map[string]struct{ publishes, resumes bool }{
		"continue": {true, true}, "ignore": {true, false}, "disconnect": {false, false},
	} {
		bubble(t, short+"hls_on_error "+mode+"; hls_path DIR/www/blocked;", func(t *testing.T, r *rig) {
			r.block("www/blocked")
			e := r.Publish("live", "a", studio.Pictures())
			e.Group, e.Size = 25, 100
			e.Run(9 * time.Second)
			if kicked := e.Kicked.Load(); kicked == want.publishes {
				t.Errorf("%s: kicked: %t", mode, kicked)
			}
			if n := r.Log.Count("hls segment could not be written"); n != 1 {
				t.Errorf("%s: %d lines in the log", mode, n)
			}
			r.unblock("www/blocked")
			e.Run(7 * time.Second)
			if want.resumes {
				p := read(t, r.Must("/blocked/live/a.m3u8"))
				if p.sequence != 0 {
					t.Errorf("numbers of segments that never were are used up: %+v", p)
				}
			} else if code, body, _ := r.Get("/blocked/live/a.m3u8"); code != 0 && code != 404 {
				t.Errorf("%s: %d %s", mode, code, body)
			}
		})
	}
}

func TestSegmentsAreTold(t *testing.T) {
	bubble(t, short+"hls_entry_prefix http://cdn.example;", func(t *testing.T, r *rig) {
		r.Publish("live", "a").Run(5 * time.Second).End()
		if len(r.told) != 3 {
			t.Fatalf("told %+v", r.told)
		}
		s := r.told[1]
		if s.Seq != 1 || s.Duration != 2*time.Second || s.File != r.Dir+"/www/live/a-1.ts" || s.M3U8 != r.Dir+"/www/live/a.m3u8" ||
			s.URL != "http://cdn.example/live/a-1.ts" || s.M3U8URL != "/live/a.m3u8" || s.Request.Stream != "a" || s.CWD == "" {
			t.Errorf("told %+v", s)
		}
	})
}
