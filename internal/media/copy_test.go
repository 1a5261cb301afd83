package media

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
)

var errBroken = errors.New("broken")

// source gives its frames and then its error; batches of three at most.
type source struct {
	frames []*Frame
	err    error
}

func (s *source) ReadFrame() (*Frame, error) {
	if len(s.frames) == 0 {
		return nil, s.err
	}
	f := s.frames[0]
	s.frames = s.frames[1:]
	return f, nil
}

type batchSource struct {
	source
	late bool // the error comes in a call of its own
}

func (s *batchSource) ReadBatch(dst []*Frame) (int, error) {
	n := copy(dst[:min(3, len(dst))], s.frames)
	s.frames = s.frames[n:]
	if len(s.frames) == 0 && (n == 0 || !s.late) {
		return n, s.err
	}
	return n, nil
}

// drain takes frames until it has had room for them.
type drain struct {
	room int
	got  []int64
}

func (d *drain) WriteFrame(f *Frame) error {
	if len(d.got) == d.room {
		return errBroken
	}
	d.got = append(d.got, f.DTS)
	return nil
}

type batchDrain struct {
	drain
	batches int
}

func (d *batchDrain) WriteBatch(frames []*Frame) error {
	d.batches++
	for _, f := range frames {
		if err := d.WriteFrame(f); err != nil {
			return err
		}
	}
	return nil
}

func TestCopy(t *testing.T) {
	const all = 8
	for _, c := range []struct {
		room  int
		err   error
		want  error
		moved []int64 // the least and the most that may be reported
	}{
		{room: all, err: io.EOF, moved: []int64{all, all}},
		{room: all, err: fmt.Errorf("wrapped: %w", io.EOF), moved: []int64{all, all}},
		{room: all, err: io.ErrUnexpectedEOF, want: io.ErrUnexpectedEOF, moved: []int64{all, all}},
		{room: all, err: errBroken, want: errBroken, moved: []int64{all, all}},
		{room: 5, err: io.EOF, want: errBroken, moved: []int64{3, 5}}, // whole batches count
		{room: 0, err: io.EOF, want: errBroken, moved: []int64{0, 0}},
	} {
		for _, kind := range []string{"frames to frames", "frames to batches", "batches to frames", "batches to batches", "batches to batches, late end"} {
			var frames []*Frame
			for n := range int64(all) {
				frames = append(frames, &Frame{DTS: n})
			}
			from, into := &batchSource{source{frames, c.err}, kind == "batches to batches, late end"}, &batchDrain{drain: drain{room: c.room}}
			var src Reader = from
			var dst Writer = into
			if kind == "frames to frames" || kind == "frames to batches" {
				src = &from.source
			}
			if kind == "frames to frames" || kind == "batches to frames" {
				dst = &into.drain
			}
			moved, err := Copy(dst, src)
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Errorf("%s, room %d, end %v: error %v, want %v", kind, c.room, c.err, err, c.want)
			}
			if moved < c.moved[0] || moved > c.moved[1] {
				t.Errorf("%s, room %d, end %v: moved %d, want %v", kind, c.room, c.err, moved, c.moved)
			}
			want := []int64{0, 1, 2, 3, 4, 5, 6, 7}[:c.room]
			if !slices.Equal(into.got, want) {
				t.Errorf("%s, room %d, end %v: got %v, want %v", kind, c.room, c.err, into.got, want)
			}
			if batched := into.batches > 0; batched != (len(kind) >= 18 && kind[:18] == "batches to batches") {
				t.Errorf("%s: %d batches", kind, into.batches)
			}
		}
	}
}

// pipe is a Reader that waits for what is put into it.
type pipe chan *Frame

func (p pipe) ReadFrame() (*Frame, error) {
	if f, ok := <-p; ok {
		return f, nil
	}
	return nil, io.EOF
}

type batchPipe struct{ pipe }

func (p batchPipe) ReadBatch(dst []*Frame) (int, error) {
	f, err := p.ReadFrame()
	if err != nil {
		return 0, err
	}
	dst[0] = f
	return 1, nil
}

type sink struct{}

func (sink) WriteFrame(*Frame) error   { return nil }
func (sink) WriteBatch([]*Frame) error { return nil }

func TestIdleCopyPinsNoFrames(t *testing.T) {
	for name, wrap := range map[string]func(pipe) Reader{
		"frames":  func(p pipe) Reader { return p },
		"batches": func(p pipe) Reader { return batchPipe{p} },
	} {
		t.Run(name, func(t *testing.T) {
			p := make(pipe)
			src := wrap(p)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = Copy(sink{}, src)
			}()
			gone := func() freed { // in a function of its own, whose variables die
				a, b := &Frame{DTS: 1}, &Frame{DTS: 2}
				w := watchFrames(a, b)
				p <- a
				p <- b
				return w
			}()
			gone.wait(t, 2) // while Copy waits for the third
			close(p)
			<-done
		})
	}
}

func TestCopyBlocksForFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := make(pipe)
		var moved int64
		go func() { moved, _ = Copy(sink{}, p) }()
		p <- &Frame{}
		synctest.Wait()
		close(p)
		synctest.Wait()
		if moved != 1 {
			t.Errorf("moved %d", moved)
		}
	})
}
