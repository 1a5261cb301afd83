package fanout

import (
	"testing"

	"weir/internal/stream"
)

// TestLogSpills takes a log's file away: what is in it is lost, and the rest goes on.
func TestLogSpills(t *testing.T) {
	s := newSource(t)
	l, e := s.log(true)
	sub := s.subscribe(stream.Pace{})
	s.write(5)
	_ = get(t, l, s.take(sub))
	l.store.file.close()
	l.store.file.fd = -1
	s.write(5)
	lost := s.take(sub)
	if err := l.Extend(&lost); err == nil {
		t.Error("no error")
	}
	if _, ok := l.Slices(nil, lost.Pos, 5); ok {
		t.Error("lost bytes are there")
	}
	text := s.write(5)
	if got := get(t, l, s.take(sub)); got != text || e.starts != 2 {
		t.Errorf("%q after %d starts", got, e.starts)
	}
}
