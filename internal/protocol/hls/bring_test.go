package hls

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/shelf"
	"weir/internal/stream"
	"weir/internal/testkit/studio"
)

// edge runs a test with a rig that brings streams from elsewhere.
func edge(t *testing.T, hls string, test func(t *testing.T, r *rig, s *studio.Spring), gates ...stream.Gate) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, hls+"hls_fragment 2; hls_window 12;") // the first counts
		r.Gates = gates
		s := r.Brings()
		r.start()
		defer r.Close()
		test(t, r, s)
	})
}

// wantRuns holds which streams were brought.
func wantRuns(t *testing.T, s *studio.Spring, want string) {
	t.Helper()
	synctest.Wait()
	if got := s.Runs(); got != "["+want+"]" {
		t.Errorf("runs %s; want %s", got, want)
	}
}

// head asks with HEAD.
func (r *rig) head(path string) int {
	q := httptest.NewRequest(http.MethodHead, path, nil)
	h := r.server.Route(q)
	if h == nil {
		return 0
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w.Code
}

// TestEdgeSession has the first player of a stream that is elsewhere be given its list as soon as there is a segment, and
// the stream be brought for as long as its session.
func TestEdgeSession(t *testing.T) {
	for _, form := range []string{"", "hls_use_fmp4 on;", "hls_use_fmp4 on; hls_low_latency on;", "hls_serve_from memory;"} {
		t.Run(form, func(t *testing.T) {
			edge(t, form, func(t *testing.T, r *rig, s *studio.Spring) {
				if code := r.head("/live/a.m3u8"); code != http.StatusNotFound {
					t.Errorf("HEAD of a stream that is elsewhere: %d", code)
				}
				wantRuns(t, s, "")
				began := time.Now()
				id := r.enter("?token=x")
				if d := time.Since(began); d < time.Second || d > 5*time.Second {
					t.Errorf("the list comes after %s", d)
				}
				for range 20 {
					if list := r.Must("/live/a.m3u8?hls_ctx=" + id); !strings.Contains(list, "#EXTINF") {
						t.Fatal(list)
					}
					time.Sleep(2 * time.Second)
				}
				wantRuns(t, s, "+a")
				time.Sleep(27 * time.Second)
				wantRuns(t, s, "+a -a")
				if n := len(r.Players()); n != 0 {
					t.Errorf("%d players are left", n)
				}
			})
		})
	}
}

// TestEdgePlain has players without sessions: the stream stays while somebody asks for its list. After a short break the
// list goes on, after a long one it begins anew.
func TestEdgePlain(t *testing.T) {
	for _, form := range []string{"", "hls_use_fmp4 on;", "hls_use_fmp4 on; hls_low_latency on;", "hls_serve_from memory;"} {
		t.Run(form, func(t *testing.T) {
			edge(t, "hls_ctx off; hls_dispose 0;"+form, func(t *testing.T, r *rig, s *studio.Spring) {
				player := newReader(t)
				for range 10 {
					player.see(r.Must("/live/a.m3u8"))
					time.Sleep(4 * time.Second)
				}
				wantRuns(t, s, "+a")
				time.Sleep(15 * time.Second)
				wantRuns(t, s, "+a -a")
				began := time.Now()
				before := r.Must("/live/a.m3u8")
				if d := time.Since(began); d > 0 {
					t.Errorf("after a short break the list comes after %s", d)
				}
				time.Sleep(6 * time.Second)
				if after := r.Must("/live/a.m3u8"); !strings.Contains(after, lastURI(before)) || strings.Count(after, "DISCONTINUITY\n") != 1 {
					t.Errorf("before a short break\n%s\nafter it\n%s", before, after)
				}
				wantRuns(t, s, "+a -a +a")
				time.Sleep(time.Minute)
				wantRuns(t, s, "+a -a +a -a")
				old, next := lastURI(r.stored("a")), 0
				began = time.Now()
				list := r.Must("/live/a.m3u8")
				if d := time.Since(began); d < time.Second || d > 5*time.Second {
					t.Errorf("after a long break the list comes after %s", d)
				}
				for line := range strings.Lines(list) {
					if strings.HasPrefix(line, "#EXTINF") {
						next++
					}
				}
				if strings.Contains(list, old) || next != 1 {
					t.Errorf("after a long break, behind %s\n%s", old, list)
				}
				time.Sleep(10 * time.Second)
				r.Must("/live/a.m3u8")
			})
		})
	}
}

// lastURI is the last segment of a list.
func lastURI(list string) (uri string) {
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			uri = line
		}
	}
	return uri
}

// stored is the list of a stream that is brought no more.
func (r *rig) stored(name string) string {
	r.t.Helper()
	for _, o := range r.server.outputs.All() {
		if p, _ := o.look(); o.name.Stream == name && p != nil {
			return string(p.text.plain)
		}
	}
	r.t.Fatal("nothing is left of ", name)
	return ""
}

// TestEdgeNothing asks for streams that are nowhere: each request waits, and leaves nothing behind. There may be only so many.
func TestEdgeNothing(t *testing.T) {
	for _, form := range []string{"", "hls_ctx off;"} {
		edge(t, form, func(t *testing.T, r *rig, s *studio.Spring) {
			began := time.Now()
			if code, body, _ := r.Get("/live/none.m3u8"); code != http.StatusNotFound || time.Since(began) != shelf.FirstWait {
				t.Errorf("nothing: %d %s after %s", code, body, time.Since(began))
			}
			wantRuns(t, s, "+none -none")
			var all sync.WaitGroup
			for n := range 256 {
				all.Go(func() { r.Get(fmt.Sprintf("/live/none%d.m3u8", n)) })
			}
			synctest.Wait()
			if code, body, h := r.Get("/live/a.m3u8"); code != http.StatusServiceUnavailable || h.Get("Retry-After") == "" {
				t.Errorf("one too many: %d %s", code, body)
			}
			all.Wait()
			synctest.Wait()
			if n, sought := r.server.wishes.Len(); n != 0 || sought != 0 {
				t.Errorf("%d wishes are left, %d of them for nothing", n, sought)
			}
			if n := len(r.server.outputs.All()) + len(r.Players()) + len(r.Registry.Streams()); n != 0 {
				t.Errorf("%d outputs, players and streams are left", n)
			}
			if code, body, _ := r.Get("/live/a.m3u8"); code != http.StatusOK {
				t.Errorf("after that: %d %s", code, body)
			}
			if code, _, _ := r.Get("/live/x/../../a.m3u8"); code == http.StatusOK {
				t.Error("a name that leads elsewhere is taken")
			}
		})
	}
}

// TestEdgeSlow has segments that take longer than a request waits: the next request finds what has been brought.
func TestEdgeSlow(t *testing.T) {
	for _, form := range []string{"", "hls_ctx off;"} {
		edge(t, "hls_fragment 20; hls_window 60;"+form, func(t *testing.T, r *rig, s *studio.Spring) {
			if code, body, _ := r.Get("/live/a.m3u8"); code != http.StatusNotFound {
				t.Errorf("before the first segment: %d %s", code, body)
			}
			time.Sleep(2 * time.Second)
			r.Must("/live/a.m3u8")
			wantRuns(t, s, "+a")
		})
	}
}

// TestEdgeGate asks the gates before anything is brought.
func TestEdgeGate(t *testing.T) {
	g := &studio.Gate{}
	edge(t, "", func(t *testing.T, r *rig, s *studio.Spring) {
		if code, body, _ := r.Get("/live/a.m3u8?token=bad"); code != http.StatusForbidden {
			t.Errorf("%d %s", code, body)
		}
		wantRuns(t, s, "")
		if n, _ := r.server.wishes.Len(); n != 0 {
			t.Errorf("%d wishes are left", n)
		}
	}, g)
}

// TestEdgeFiles leaves a recording alone that lies where playlists are.
func TestEdgeFiles(t *testing.T) {
	edge(t, "", func(t *testing.T, r *rig, s *studio.Spring) {
		for name, text := range map[string]string{
			"recording": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nx.ts\n#EXT-X-ENDLIST\n",
			"variants":  "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n",
		} {
			r.Put("www/live/"+name+".m3u8", text)
			r.Put("www/live/x.ts", "x")
			if code, body, _ := r.Get("/live/" + name + ".m3u8"); code != 0 {
				t.Errorf("%s: %d %s", name, code, body)
			}
		}
		wantRuns(t, s, "")
	})
}
