package fanout

import (
	"bytes"
	"net"
	"runtime"
	"testing"

	"weir/internal/stream"
)

// each runs a test on a log on the heap and on one in a file.
func each(t *testing.T, f func(t *testing.T, file bool)) {
	t.Run("heap", func(t *testing.T) { f(t, false) })
	t.Run("file", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("no files of memory")
		}
		f(t, true)
	})
}

// get extends l by a batch and returns its bytes.
func get(t *testing.T, l *Log, b stream.Batch) string {
	t.Helper()
	if err := l.Extend(&b); err != nil {
		t.Fatal(err)
	}
	out, ok := l.Slices(net.Buffers{[]byte("<")}, b.Pos, len(b.Frames))
	if !ok {
		t.Fatalf("frames %d to %d are not there", b.Pos, b.Pos+uint64(len(b.Frames)))
	}
	return string(bytes.Join(out, nil))[1:]
}

// TestLog has readers of one log that come and go on at different times, and holds that each frame
// is put in once.
func TestLog(t *testing.T) {
	each(t, func(t *testing.T, file bool) {
		s := newSource(t)
		l, e := s.log(file)
		if again, _ := s.log(file); again != l {
			t.Error("two logs under one key")
		}
		first := s.subscribe(stream.Pace{})
		text := s.write(15)
		if got := get(t, l, s.take(first)); got != text {
			t.Errorf("the first reader gets %q, not %q", got, text)
		}
		late := s.subscribe(stream.Pace{}) // from the key frame on
		text = text[len("0 1 2 3 4 5 6 7 8 9 "):] + s.write(3)
		old := s.take(late)
		if got := get(t, l, old); got != text {
			t.Errorf("a late reader gets %q, not %q", got, text)
		}
		s.renew()
		text = s.write(2)
		want := "new " + text
		if got := get(t, l, s.take(late)); got != want {
			t.Errorf("after new headers: %q, not %q", got, want)
		}
		if got := get(t, l, s.take(first)); got != "15 16 17 "+want {
			t.Errorf("another reader gets %q", got)
		}
		if e.starts != 1 {
			t.Errorf("the encoder began %d times", e.starts)
		}
		if got := get(t, l, old); got != "10 11 12 13 14 15 16 17 " {
			t.Errorf("again: %q", got)
		}
	})
}

// TestLogForgets holds that a log keeps little more than its stream, and says what it has not.
func TestLogForgets(t *testing.T) {
	each(t, func(t *testing.T, file bool) {
		s := newSource(t)
		s.size = 2000
		l, _ := s.log(file)
		sub := s.subscribe(stream.Pace{})
		s.write(1)
		old := s.take(sub)
		kept, _ := l.Slices(nil, old.Pos, 1)
		if kept != nil {
			t.Error("bytes before Extend")
		}
		text := s.n
		_ = get(t, l, old)
		kept, _ = l.Slices(nil, old.Pos, 1)
		want := bytes.Clone(bytes.Join(kept, nil))
		for range 200 {
			s.write(10)
			_ = get(t, l, s.take(sub))
		}
		if _, ok := l.Slices(nil, old.Pos, 1); ok {
			t.Errorf("frame %d is still there", text)
		}
		if !bytes.Equal(bytes.Join(kept, nil), want) {
			t.Error("slices have changed")
		}
		if n := len(l.marks); n > 2*lag+20 {
			t.Errorf("%d frames are kept", n)
		}
		if n := l.store.End() - l.from; n > 2000*(2*lag+20) {
			t.Errorf("%d bytes are kept", n)
		}
	})
}

// TestLogOvertaken has a reader come to its frames later than one who enters behind them.
func TestLogOvertaken(t *testing.T) {
	each(t, func(t *testing.T, file bool) {
		s := newSource(t)
		l, e := s.log(file)
		slow := s.subscribe(stream.Pace{})
		_ = s.write(5)
		_ = get(t, l, s.take(slow))
		old := s.write(5)
		taken := s.take(slow)
		between := s.write(200)
		text := s.write(5)
		quick := s.subscribe(stream.Pace{}) // at the newest key frame
		if got := get(t, l, s.take(quick)); got != text {
			t.Errorf("who enters gets %q, not %q", got, text)
		}
		if got := get(t, l, taken); got != old {
			t.Errorf("who was slow gets %q, not %q", got, old)
		}
		if got := get(t, l, s.take(slow)) + get(t, l, s.take(slow)); got != between+text || e.starts != 1 {
			t.Errorf("and then %q, not %q, after %d starts", got, between+text, e.starts)
		}
	})
}

// TestLogSkips has nobody read for a while: the log does not have what nobody has read, and its
// encoder knows.
func TestLogSkips(t *testing.T) {
	each(t, func(t *testing.T, file bool) {
		s := newSource(t)
		l, e := s.log(file)
		sub := s.subscribe(stream.Pace{})
		s.write(5)
		_ = get(t, l, s.take(sub))
		sub.Close()
		s.write(1000) // more than the stream keeps for the log
		s.renew()
		text := "1000 1001 1002 1003 1004 new " + s.write(5)
		if got := get(t, l, s.take(s.subscribe(stream.Pace{}))); got != text || e.starts != 2 {
			t.Errorf("%q, not %q, after %d starts", got, text, e.starts)
		}
	})
}
