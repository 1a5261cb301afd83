package dash

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const shortLow = short + "dash_low_latency on; dash_part 0.2; "

// sink is an answer that comes bit by bit.
type sink struct {
	mu      sync.Mutex
	b       bytes.Buffer
	flushed int
	header  http.Header
	done    bool
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *sink) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushed = s.b.Len()
}

func (s *sink) state() (body string, flushed int, done bool) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String(), s.flushed, s.done
}

// follow asks for what may still grow.
func (r *rig) follow(path string) (*sink, context.CancelFunc) {
	r.t.Helper()
	ctx, leave := context.WithCancel(r.t.Context())
	q := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	s := &sink{header: http.Header{}}
	h := r.server.Route(q)
	if h == nil {
		r.t.Fatalf("%s is not there", path)
	}
	go func() {
		h.ServeHTTP(s, q)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.done = true
	}()
	return s, leave
}

// TestLow has players follow the segment that is being made.
func TestLow(t *testing.T) {
	for _, from := range []string{"disk", "memory", "both"} {
		bubble(t, shortLow+"dash_serve_from "+from+";", func(t *testing.T, r *rig) {
			player := newReader(t)
			player.low = true
			e := r.Publish("live", "a").Run(8700 * time.Millisecond)
			v := player.see(r.Must("/live/a.mpd"))
			if v.offset < 1.7 || v.offset > 1.85 || len(v.ServiceDescription) != 1 || !strings.Contains(v.text, `availabilityTimeComplete="false"`) {
				t.Errorf("offset %f in\n%s", v.offset, v.text)
			}
			if l := v.newest("video"); l.uri != "a/video-4.m4s" || l.from != 8*time.Second {
				t.Errorf("the open segment is %+v", v.newest("video"))
			}
			begun, _ := r.follow("/live/a/video-4.m4s")
			body, flushed, done := begun.state()
			if body == "" || flushed != len(body) || done {
				t.Errorf("%s: %d bytes, %d of them sent, done: %t", from, len(body), flushed, done)
			}
			e.Run(400 * time.Millisecond)
			more, _, done := begun.state()
			if len(more) <= len(body) || done {
				t.Errorf("%s: %d bytes, then %d, done: %t", from, len(body), len(more), done)
			}
			e.Run(1300 * time.Millisecond)
			whole, _, done := begun.state()
			if !done || whole != r.Must("/live/a/video-4.m4s") {
				t.Errorf("%s: %d bytes came, done: %t", from, len(whole), done)
			}
			for range 40 {
				e.Run(280 * time.Millisecond)
				player.see(r.Must("/live/a.mpd"))
			}
			e.End()
			v = player.see(r.Must("/live/a.mpd"))
			r.fetch(v, "/live/", "video")
			r.fetch(v, "/live/", "audio")
		})
	}
}

// TestLowEnds has clients leave, and the publisher.
func TestLowEnds(t *testing.T) {
	bubble(t, shortLow, func(t *testing.T, r *rig) {
		e := r.Publish("live", "a").Run(8700 * time.Millisecond)
		synctest.Wait()
		before := runtime.NumGoroutine()
		var leave []context.CancelFunc
		for range 50 {
			_, cancel := r.follow("/live/a/audio-4.m4s")
			leave = append(leave, cancel)
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n < before+50 {
			t.Errorf("%d goroutines, then %d", before, n)
		}
		for _, cancel := range leave {
			cancel()
		}
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before+10 { // the runtime has some now and then
			t.Errorf("%d goroutines, then %d", before, n)
		}
		last, _ := r.follow("/live/a/video-4.m4s")
		e.End()
		if body, _, done := last.state(); !done || body != r.Must("/live/a/video-4.m4s") {
			t.Errorf("the publisher left: %d bytes, done: %t", len(body), done)
		}
		if v := read(t, r.Must("/live/a.mpd")); v.offset < 1.7 { // the last segment is shorter than segments are
			t.Errorf("offset %f at the end, in\n%s", v.offset, v.text)
		}
	})
}
