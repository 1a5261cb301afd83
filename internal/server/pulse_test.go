package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// elder is the process before, as far as it is asked for segments: over pipes.
type elder struct {
	*before
	conns chan net.Conn
	over  chan struct{}
	stops atomic.Bool // it does nothing any more
	mu    sync.Mutex
	log   strings.Builder
}

// Write is for its log.
func (e *elder) Write(line []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.Write(line)
}

func (e *elder) Accept() (net.Conn, error) {
	select {
	case c := <-e.conns:
		return c, nil
	case <-e.over:
		return nil, net.ErrClosed
	}
}

func (e *elder) Close() error   { return nil }
func (e *elder) Addr() net.Addr { return &net.UnixAddr{} }

// newElder answers what takes so many seconds, by its name.
func newElder(t *testing.T) *elder {
	e := &elder{conns: make(chan net.Conn, 100), over: make(chan struct{})}
	e.before = &before{log: slog.New(slog.NewTextHandler(e, nil))}
	e.alive, e.gone = t.Context(), func() {}
	e.asks(func() (net.Conn, error) {
		ours, theirs := net.Pipe()
		e.conns <- theirs
		return ours, nil
	})
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, found := strings.Cut(r.URL.Path[1:], ".m3u8")
		d, _ := time.ParseDuration(name)
		wait(r.Context(), d)
		for e.stops.Load() && wait(r.Context(), time.Second) {
		}
		if !found {
			http.NotFound(w, r)
		}
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Serve(e)
	}()
	t.Cleanup(func() {
		time.Sleep(pulseTime) // the last sign of life may be asked for still
		close(e.over)
		e.client.CloseIdleConnections()
		_ = h.Close()
		<-done
	})
	return e
}

// looks asks for a playlist, and returns whether it is there, and what that takes.
func (e *elder) looks(name string) (bool, time.Duration) {
	began := time.Now()
	h := e.route(httptest.NewRequest(http.MethodGet, "/"+name+".m3u8", http.NoBody))
	if h != nil {
		h.ServeHTTP(httptest.NewRecorder(), nil)
	}
	return h != nil, time.Since(began)
}

// TestBeforeHangs asks a process for playlists that come late: they come. When it hangs, all are told soon, and it is
// passed over until it answers again.
func TestBeforeHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newElder(t)
		want := func(what, name string, there bool, least, most time.Duration) {
			t.Helper()
			if ok, took := e.looks(name); ok != there || took < least || took > most {
				t.Errorf("%s: %v after %s, want %v after %s to %s", what, ok, took, there, least, most)
			}
		}
		want("at once", "0s", true, 0, 0)
		want("long", "45s", true, 45*time.Second, 45*time.Second)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { want("in the middle", "60s", false, 5*time.Second, 5*time.Second+2*pulseEvery+pulseTime) })
		}
		time.Sleep(5 * time.Second)
		e.stops.Store(true)
		all.Wait()
		want("while it rests", "0s", false, 0, 0)
		time.Sleep(pulseRest)
		all.Go(func() { want("who feels its pulse", "0s", false, pulseTime, pulseTime) })
		synctest.Wait()
		want("who does not", "0s", false, 0, 0)
		all.Wait()
		e.stops.Store(false)
		time.Sleep(pulseRest)
		want("again", "0s", true, 0, time.Second)
		want("again long", "5s", true, 5*time.Second, 6*time.Second)
		if n := strings.Count(e.log.String(), "does not answer"); n != 1 || strings.Count(e.log.String(), "answers again") != 1 {
			t.Errorf("it has logged\n%s", &e.log)
		}
	})
}
