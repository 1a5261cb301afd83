package rtmp

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	// restBytes is about what a rest may let gather: who sends more is read more often.
	restBytes = 256 << 10
	// promptly is how long a read takes at most that finds something there.
	promptly = time.Millisecond
)

// source is the reading side of a connection: it counts, keeps the peer's time limit, and rests
// where nobody waits for what comes. It is for one goroutine, but for end.
type source struct {
	conn    net.Conn
	socket  *socket // read without the connection; nil where that cannot be
	traffic *stream.Traffic
	done    <-chan struct{} // ends a rest
	ended   atomic.Bool

	limit time.Duration        // for each read to bring something; 0 is none
	until time.Time            // for all of it; zero is none
	rest  func() time.Duration // between reads, once nothing is left to read; nil is none
	set   time.Time            // the deadline in force

	timer    *time.Timer
	drained  bool // the last read has left nothing
	gathered int  // bytes since the last rest
}

// newSource returns the source of a connection and what it fills, with memory from the pool.
func newSource(conn net.Conn, traffic *stream.Traffic, rooms *sync.Pool) (*source, *input) {
	s := &source{conn: conn, traffic: traffic}
	in := &input{from: s}
	var head []byte
	if s.socket, head = openSocket(conn); s.socket != nil {
		in.rooms = rooms
	}
	if len(head) > 0 {
		in.add(copy(in.space(), head))
	}
	return s, in
}

// fill reads once. It waits for the deadline in force at most, and before it, if nothing was
// left, for the rest.
func (s *source) fill(in *input) error {
	had := len(in.unread)
	err := s.read(in)
	n := len(in.unread) - had
	s.traffic.Received.Add(uint64(n))
	s.gathered += n
	return err
}

func (s *source) read(in *input) (err error) {
	var rest time.Duration
	if s.rest != nil {
		rest = s.rest()
	}
	switch {
	case rest <= 0:
		s.gathered = 0
	case s.drained:
		if done, err := s.recline(in, rest); done || err != nil {
			return err
		}
	}
	if err := s.arm(); err != nil {
		return err
	}
	if s.ended.Load() { // after the deadline is set, so that end's stays
		return net.ErrClosed
	}
	if s.socket != nil {
		s.drained, err = s.socket.fill(in, rest > 0)
		return err
	}
	if rest <= 0 {
		s.drained = false
		return ahead{s.conn}.fill(in)
	}
	start := time.Now() // a record of TLS comes alone, and others may be there
	err = ahead{s.conn}.fill(in)
	s.drained = time.Since(start) > promptly
	return err
}

// recline rests for d, or a little less: until a time that others wait for too. Who has sent much
// since the last rest is read sooner. It is done if it has read what has come.
//
//go:noinline // else who waits without a rest has its variables on the stack too
func (s *source) recline(in *input, d time.Duration) (done bool, err error) {
	d /= time.Duration(max(1, s.gathered/restBytes))
	s.gathered = 0
	now, at := time.Now(), media.Now()
	end := at + int64(d)
	end -= end % min(int64(d), fanout.Beat)
	until := now.Add(time.Duration(end - at))
	in.leave()
	if s.socket == nil || !s.socket.deaf() {
		s.pause(until.Sub(now))
		return false, nil
	}
	if err := s.conn.SetReadDeadline(until); err != nil {
		return false, err
	}
	s.set = until
	if s.ended.Load() {
		return false, net.ErrClosed
	}
	if err := s.socket.doze(); err != nil {
		return false, err
	}
	done, s.drained, err = s.socket.take(in)
	return done, err
}

// pause waits for d.
func (s *source) pause(d time.Duration) {
	if s.timer == nil {
		s.timer = time.NewTimer(d)
	} else {
		s.timer.Reset(d)
	}
	select {
	case <-s.timer.C:
	case <-s.done:
		s.timer.Stop()
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
