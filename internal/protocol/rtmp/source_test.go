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

func sourceOf(conn net.Conn) (*source, *input) {
	return newSource(conn, &stream.Traffic{}, &sync.Pool{})
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
			s, in := sourceOf(a)
			s.limit = c.limit
			if c.until > 0 {
				s.until = time.Now().Add(c.until)
			}
			var far sync.WaitGroup
			far.Go(func() { trickle(b, c.pause, c.times, 1) })
			start := time.Now()
			n, err := io.Copy(io.Discard, in)
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
		s, in := sourceOf(a)
		one := make([]byte, 1)
		read := func(limit time.Duration, until time.Time, pause time.Duration, ok bool) {
			t.Helper()
			s.limit, s.until = limit, until
			far.Go(func() { trickle(b, pause, 1, 1) })
			if _, err := in.Read(one); (err == nil) != ok {
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

// TestSourceRest has a far end that writes every 10 ms. A rest and the wait for what comes after it
// are two waits: in between all is read that has come.
func TestSourceRest(t *testing.T) {
	for name, c := range map[string]struct {
		bytes    int // of a write
		rest     time.Duration
		min, max int // reads that had to wait, of a second
	}{
		"none":   {100, 0, 100, 100},
		"50 ms":  {100, 50 * time.Millisecond, 20, 40},
		"350 ms": {100, 350 * time.Millisecond, 3, 9},
		"much":   {plainBytes, 50 * time.Millisecond, 20, 40},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := net.Pipe()
			s, in := sourceOf(a)
			s.rest = func() time.Duration { return c.rest }
			var far sync.WaitGroup
			far.Go(func() { flow(b, c.bytes) })
			start, got, waits := time.Now(), 0, 0
			for time.Since(start) < time.Second {
				before := time.Now()
				if err := in.fill(); err != nil {
					t.Fatal(err)
				}
				if time.Since(before) > 0 {
					waits++
				}
				got += len(in.unread)
				in.skip(len(in.unread))
			}
			if waits < c.min || waits > c.max || got < 60*c.bytes {
				t.Errorf("%s: %d reads waited, %d bytes", name, waits, got)
			}
			b.Close()
			far.Wait()
		})
	}
}

// flow writes n bytes at each 10 ms, or later together what could not be written in time, as a
// socket's memory would have it.
func flow(conn net.Conn, n int) {
	for due := time.Now(); ; {
		due = due.Add(10 * time.Millisecond)
		time.Sleep(time.Until(due))
		if _, err := conn.Write(make([]byte, n)); err != nil {
			return
		}
	}
}

func TestSourceEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		s, in := sourceOf(a)
		s.limit = time.Hour
		time.AfterFunc(time.Second, s.end)
		start := time.Now()
		if _, err := in.Read(make([]byte, 1)); err == nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		s.limit = time.Minute // another deadline does not bring it back
		if _, err := in.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
