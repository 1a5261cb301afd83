package rtmp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
)

// trickle is the far end of a source: it writes n bytes each time the pause is over, until the
// connection is closed.
func trickle(conn net.Conn, pause time.Duration, times, n int) {
	for range times {
		time.Sleep(pause)
		if _, err := conn.Write(make([]byte, n)); err != nil {
			return
		}
	}
}

func newSource(conn net.Conn) *source {
	return &source{conn: conn, traffic: &stream.Traffic{}}
}

// drained reads to the end.
func drained(s *source) (n int64, err error) {
	return io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{s}, make([]byte, readBuffer))
}

func TestSourceLimit(t *testing.T) {
	for name, c := range map[string]struct {
		limit, until, pause time.Duration
		times               int
		bytes               int64
		min, max            time.Duration
	}{
		"silent":         {5 * time.Second, 0, 0, 0, 0, 5 * time.Second, 5320 * time.Millisecond},
		"just in time":   {5 * time.Second, 0, 4990 * time.Millisecond, 100, 100, 504 * time.Second, 505 * time.Second},
		"often":          {5 * time.Second, 0, time.Millisecond, 1000, 1000, 6 * time.Second, 6320 * time.Millisecond},
		"trickle, until": {0, 30 * time.Second, 999 * time.Millisecond, 100, 30, 30 * time.Second, 30 * time.Second},
		"both, limit":    {5 * time.Second, 30 * time.Second, 0, 0, 0, 5 * time.Second, 5320 * time.Millisecond},
		"both, until":    {5 * time.Second, 30 * time.Second, 999 * time.Millisecond, 100, 30, 30 * time.Second, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			s := newSource(a)
			s.limit = c.limit
			if c.until > 0 {
				s.until = time.Now().Add(c.until)
			}
			var far sync.WaitGroup
			far.Go(func() { trickle(b, c.pause, c.times, 1) })
			start := time.Now()
			n, err := drained(s)
			took := time.Since(start)
			if n != c.bytes || !errors.Is(err, os.ErrDeadlineExceeded) || took < c.min || took > c.max {
				t.Errorf("%s: %d bytes, %v after %v", name, n, err, took)
			}
			if got := s.traffic.Received.Load(); got != uint64(n) {
				t.Errorf("%s: counted %d bytes of %d", name, got, n)
			}
			b.Close()
			far.Wait()
		})
	}
}

// TestSourceChanges has a limit that grows, shrinks and goes, as that of one who publishes, stops
// and plays.
func TestSourceChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		var far sync.WaitGroup
		defer far.Wait()
		defer b.Close()
		s := newSource(a)
		one := make([]byte, 1)
		read := func(limit time.Duration, until time.Time, pause time.Duration, ok bool) {
			t.Helper()
			s.limit, s.until = limit, until
			far.Go(func() { trickle(b, pause, 1, 1) })
			if _, err := s.Read(one); (err == nil) != ok {
				t.Errorf("limit %v, byte after %v: %v", limit, pause, err)
			}
		}
		read(20*time.Second, time.Time{}, 19*time.Second, true)
		read(5*time.Second, time.Time{}, 4*time.Second, true)
		read(0, time.Time{}, 1000*time.Second, true)
		read(0, time.Now().Add(180*time.Second), 170*time.Second, true)
		read(20*time.Second, time.Time{}, 15*time.Second, true)
		read(5*time.Second, time.Time{}, 6*time.Second, false)
	})
}

func TestSourceMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		done := make(chan struct{})
		s := newSource(a)
		s.done, s.merge = done, func() time.Duration { return 350 * time.Millisecond }
		go trickle(b, 0, 2, 2*smallRead)
		start := time.Now()
		buf := make([]byte, smallRead)
		for range 4 { // full reads do not pause
			if _, err := s.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(start) > 0 {
			t.Errorf("paused for %v after full reads", time.Since(start))
		}
		go trickle(b, 0, 3, 1)
		for range 3 {
			if _, err := s.Read(buf); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(start) != 700*time.Millisecond {
			t.Errorf("%v for three small reads", time.Since(start))
		}
		time.AfterFunc(100*time.Millisecond, func() {
			close(done)
			s.end()
		})
		if _, err := s.Read(buf); !errors.Is(err, net.ErrClosed) || time.Since(start) != 800*time.Millisecond {
			t.Errorf("ended after %v: %v", time.Since(start), err)
		}
	})
}

func TestSourceEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		s := newSource(a)
		s.limit = time.Hour
		time.AfterFunc(time.Second, s.end)
		start := time.Now()
		if _, err := s.Read(make([]byte, 1)); err == nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		s.limit = time.Minute // another deadline does not bring it back
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
