package rtmp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"weir/internal/fanout"
)

// drowsy is a source on a real socket that has read one byte and rests for d next.
func drowsy(t *testing.T, d time.Duration) (s *source, in *input, far net.Conn) {
	t.Helper()
	near, far, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	_ = far.SetDeadline(time.Now().Add(patience))
	s, in = sourceOf(near)
	s.rest = func() time.Duration { return d }
	if s.socket == nil {
		t.Fatal("a TCP connection is not read directly")
	}
	if _, err := far.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if n, err := in.Read(one); n != 1 || err != nil || !s.drained || !s.socket.deaf() {
		t.Fatalf("%d, %v; drained %v, deaf %v", n, err, s.drained, s.socket.deaf())
	}
	return s, in, far
}

// TestRestEnds has rests of an hour that end at once for all that cannot wait.
func TestRestEnds(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(*source, net.Conn)
		want error
		left int
	}{
		"the end":        {func(_ *source, far net.Conn) { far.Close() }, io.EOF, 0},
		"bytes, the end": {func(_ *source, far net.Conn) { _, _ = far.Write(make([]byte, 10)); far.Close() }, nil, 10},
		"much":           {func(_ *source, far net.Conn) { _, _ = far.Write(make([]byte, 2*restBytes)) }, nil, roomBytes},
		"canceled":       {func(s *source, _ net.Conn) { s.end() }, net.ErrClosed, 0},
		"closed":         {func(s *source, _ net.Conn) { s.conn.Close() }, net.ErrClosed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, in, far := drowsy(t, time.Hour)
			go c.act(s, far)
			err := in.fill()
			if s.ended.Load() && err == nil {
				err = in.fill() // woken by the end of it, or just before
			}
			if !errors.Is(err, c.want) || len(in.unread) != c.left {
				t.Errorf("%v, %d bytes", err, len(in.unread))
			}
			if in.skip(len(in.unread)); in.memory != nil {
				t.Error("memory is kept")
			}
		})
	}
}

// TestRestSleeps holds that a rest is one: what comes meanwhile wakes nobody, and comes together.
func TestRestSleeps(t *testing.T) {
	const rest = 200 * time.Millisecond
	s, in, far := drowsy(t, rest)
	woken := 0
	s.socket.naps = func(fd uintptr) bool { woken++; return s.socket.nap(fd) }
	sent := noise(100, 1)
	start := time.Now()
	for i := range sent { // each a segment, and so a wake-up otherwise
		if _, err := far.Write(sent[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.fill(); err != nil || !bytes.Equal(in.unread, sent) {
		t.Errorf("%d bytes, %v", len(in.unread), err)
	}
	if took := time.Since(start); took < rest-time.Duration(fanout.Beat) || woken != 1 {
		t.Errorf("woken %d times, after %v", woken, took)
	}
	in.skip(len(in.unread))
	time.AfterFunc(2*rest, func() { _, _ = far.Write(sent[:1]) }) // after a rest for nothing
	s.until = time.Now().Add(patience)
	if err := in.fill(); err != nil || len(in.unread) != 1 {
		t.Errorf("one byte while it waits: %v", err)
	}
}
