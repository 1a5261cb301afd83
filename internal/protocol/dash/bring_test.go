package dash

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/shelf"
	"weir/internal/stream"
	"weir/internal/testkit/studio"
)

// edge runs a test with a rig that brings streams from elsewhere.
func edge(t *testing.T, dash string, test func(t *testing.T, r *rig, s *studio.Spring), gates ...stream.Gate) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dash+"dash_fragment 2; dash_update_period 2; dash_window_size 20;")
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

// soonAfter holds that a manifest has waited for its first segment, and no longer.
func soonAfter(t *testing.T, began time.Time) {
	t.Helper()
	if d := time.Since(began); d < time.Second || d > 5*time.Second {
		t.Errorf("the manifest comes after %s", d)
	}
}

// TestEdgeSession has the first player of a stream that is elsewhere be given its manifest as soon as there is a segment, and
// the stream be brought for as long as its session.
func TestEdgeSession(t *testing.T) {
	for _, form := range []string{"", "dash_low_latency on;", "dash_serve_from memory;"} {
		t.Run(form, func(t *testing.T) {
			edge(t, form, func(t *testing.T, r *rig, s *studio.Spring) {
				began := time.Now()
				reader := newReader(t)
				reader.low = strings.Contains(form, "low_latency")
				at, _ := located(t, reader.see(r.Must("/live/a.mpd?token=x")))
				soonAfter(t, began)
				for range 20 {
					r.Must(at)
					time.Sleep(2 * time.Second)
				}
				wantRuns(t, s, "+a")
				time.Sleep(20 * time.Second)
				wantRuns(t, s, "+a -a")
			})
		})
	}
}

// TestEdgePlain has players without sessions: the stream stays while somebody asks for its manifest. After a short break
// that goes on, after a long one it begins anew.
func TestEdgePlain(t *testing.T) {
	for _, form := range []string{"", "dash_low_latency on;", "dash_serve_from memory;"} {
		t.Run(form, func(t *testing.T) {
			edge(t, "dash_ctx off; dash_dispose 0;"+form, func(t *testing.T, r *rig, s *studio.Spring) {
				began := time.Now()
				r.Must("/live/a.mpd")
				soonAfter(t, began)
				for range 10 {
					time.Sleep(4 * time.Second)
					r.Must("/live/a.mpd")
				}
				wantRuns(t, s, "+a")
				time.Sleep(20 * time.Second)
				wantRuns(t, s, "+a -a")
				time.Sleep(time.Minute)
				began = time.Now()
				after := r.Must("/live/a.mpd")
				soonAfter(t, began)
				if n := strings.Count(after, "<Period "); n != 1 {
					t.Errorf("%d periods after a long break\n%s", n, after)
				}
				wantRuns(t, s, "+a -a +a")
				time.Sleep(18 * time.Second)
				wantRuns(t, s, "+a -a +a -a")
				began = time.Now()
				r.Must("/live/a.mpd")
				if d := time.Since(began); d > 0 {
					t.Errorf("after a short break the manifest comes after %s", d)
				}
				time.Sleep(6 * time.Second)
				if n := strings.Count(r.Must("/live/a.mpd"), "<Period "); n != 2 {
					t.Errorf("%d periods after a short break", n)
				}
			})
		})
	}
}

// TestEdgeNothing asks for a stream that is nowhere, and for one that is not for everybody.
func TestEdgeNothing(t *testing.T) {
	for _, form := range []string{"", "dash_ctx off;"} {
		edge(t, form, func(t *testing.T, r *rig, s *studio.Spring) {
			began := time.Now()
			if code, body, _ := r.Get("/live/none.mpd"); code != http.StatusNotFound || time.Since(began) != shelf.FirstWait {
				t.Errorf("nothing: %d %s after %s", code, body, time.Since(began))
			}
			wantRuns(t, s, "+none -none")
			if n, _ := r.server.wishes.Len(); n != 0 || len(r.server.outputs.All()) != 0 {
				t.Errorf("%d wishes and %d outputs are left", n, len(r.server.outputs.All()))
			}
		})
	}
	edge(t, "", func(t *testing.T, r *rig, s *studio.Spring) {
		if code, body, _ := r.Get("/live/a.mpd?token=bad"); code != http.StatusForbidden {
			t.Errorf("%d %s", code, body)
		}
		wantRuns(t, s, "")
	}, &studio.Gate{})
}
