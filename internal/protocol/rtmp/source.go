package rtmp

import (
	"net"
	"sync/atomic"
	"time"

	"weir/internal/stream"
)

// smallRead is a read after which a merging publisher's socket is left to fill up again.
const smallRead = 4096

// source is the reading side of a connection: it counts, keeps the peer's time limit, and
// pauses after small reads where that is asked for. It is for one goroutine, but for end.
type source struct {
	conn    net.Conn
	traffic *stream.Traffic
	done    <-chan struct{} // ends a pause
	ended   atomic.Bool

	limit time.Duration        // for each read to bring something; 0 is none
	until time.Time            // for all of it; zero is none
	merge func() time.Duration // the pause after a small read; nil is none
	set   time.Time            // the deadline in force
	short bool                 // the last read was small
}

func (s *source) Read(b []byte) (int, error) {
	if s.short && s.merge != nil {
		if d := s.merge(); d > 0 {
			s.pause(d)
		}
	}
	if err := s.arm(); err != nil {
		return 0, err
	}
	if s.ended.Load() { // after the deadline is set, so that end's stays
		return 0, net.ErrClosed
	}
	n, err := s.conn.Read(b)
	s.traffic.Received.Add(uint64(n))
	s.short = n < smallRead
	return n, err
}

func (s *source) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.done:
	}
}

// arm sets the deadline, a little late, unless the one in force is still late enough.
func (s *source) arm() error {
	want := s.until
	if s.limit > 0 {
		if t := time.Now().Add(s.limit); want.IsZero() || t.Before(want) {
			if spare := s.set.Sub(t); spare >= 0 && spare <= s.limit/16 {
				return nil
			}
			want = t.Add(s.limit / 16)
		}
	}
	s.set = want
	return s.conn.SetReadDeadline(want)
}

// end makes this read and all others fail. It may be called from anywhere.
func (s *source) end() {
	s.ended.Store(true)
	_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // if it fails the connection is gone
}
