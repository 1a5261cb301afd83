package rtmp

import (
	"net"
	"time"

	"weir/internal/stream"
)

// smallRead is a read after which a merging publisher's socket is left to fill up again.
const smallRead = 4096

// source is the reading side of a connection: it counts, keeps the peer's time limit, and
// pauses after small reads where that is asked for.
type source struct {
	conn    net.Conn
	traffic *stream.Traffic

	limit time.Duration        // for each read to bring something; 0 is none
	until time.Time            // for all of it; zero is none
	merge func() time.Duration // the pause after a small read; nil is none
	set   time.Time            // the deadline in force
	short bool                 // the last read was small
}

func (s *source) Read(b []byte) (int, error) {
	if s.short && s.merge != nil {
		if d := s.merge(); d > 0 {
			time.Sleep(d)
		}
	}
	if err := s.arm(); err != nil {
		return 0, err
	}
	n, err := s.conn.Read(b)
	s.traffic.Received.Add(uint64(n))
	s.short = n < smallRead
	return n, err
}

// arm sets the deadline, unless the one in force is about right.
func (s *source) arm() error {
	want := s.until
	if s.limit > 0 {
		want = time.Now().Add(s.limit)
		if !s.until.IsZero() && s.until.Before(want) {
			want = s.until
		}
	}
	if d := want.Sub(s.set); d >= 0 && d < s.limit/16 && !s.set.IsZero() {
		return nil
	}
	s.set = want
	return s.conn.SetReadDeadline(want)
}
