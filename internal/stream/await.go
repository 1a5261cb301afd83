package stream

import (
	"math"

	"weir/internal/media"
)

// Waker is who reads without a goroutine of its own, and is told when to go on. Wake is called
// under the stream's lock: it must neither block nor call the stream.
type Waker interface{ Wake() }

// await is a reader that is to be told once there are frames up to a position.
type await struct {
	reader *Subscriber
	waker  Waker
	until  uint64
}

// Batch is what Take returns: the frames at the stream's positions from Pos on. The stream still
// has those from Base on.
type Batch struct {
	Frames    []*media.Frame
	Pos, Base uint64
}

// Take is ReadBatch for a reader that never blocks, and keeps its Pace itself: with no error and
// no frames there are none yet. Dst is the memory of the batch.
func (r *Subscriber) Take(dst []*media.Frame) (Batch, error) {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.take(r, dst)
	return Batch{Frames: dst[:n], Pos: r.pos - uint64(n), Base: s.frames.base}, err
}

// Between returns the frames at the positions from one on to another; none if the stream has not all
// of them any more. It is for an output whose readers do not come to the frames in order.
func (s *Stream) Between(from, to uint64) []*media.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from < s.frames.base || to > s.frames.next || from >= to {
		return nil
	}
	all := make([]*media.Frame, to-from)
	s.frames.copy(all, from)
	return all
}

// Hold keeps the frames from a position on, as for a reader who is there, for an output whose readers
// bring it the frames: it does not read itself.
func (r *Subscriber) Hold(pos uint64) {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	r.idle, r.pos = false, pos
}

// Await has w told, once, as soon as n frames wait for r or Take would give an error. It returns
// false, and w is not told, if that is so already.
func (r *Subscriber) Await(n int, w Waker) bool {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	a := await{reader: r, waker: w, until: r.pos + uint64(n)}
	if s.due(&a) {
		return false
	}
	if r.awaits {
		for i := range s.awaiting {
			if s.awaiting[i].reader == r {
				s.awaiting[i] = a
			}
		}
		return true
	}
	r.awaits = true
	s.awaiting = append(s.awaiting, a)
	return true
}

// waker is a Waker for one who waits.
type waker chan struct{}

func (w waker) Wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// Outlast waits for the end of the publication, io.EOF, or of the subscription, ErrClosed. It reads nothing, and from now on
// no frames are held for it.
func (r *Subscriber) Outlast() error {
	r.stream.mu.Lock()
	r.idle = true
	r.stream.mu.Unlock()
	w := make(waker, 1)
	for r.Await(math.MaxInt, w) {
		<-w
	}
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	return errEnded
}

func (s *Stream) due(a *await) bool {
	r := a.reader
	return s.frames.next >= a.until || r.closed || r.ended != s.ended && r.request.tells()
}

// tells reports whether the reader hears of the end of a publisher.
func (r *Request) tells() bool { return !r.Wait || r.Notice }

// rouse wakes all who wait for what there is now.
func (s *Stream) rouse() {
	s.frames.rouse()
	s.call()
}

// call tells those in the list whose time has come.
func (s *Stream) call() {
	if len(s.awaiting) == 0 {
		return
	}
	kept := s.awaiting[:0]
	for i := range s.awaiting {
		a := &s.awaiting[i]
		if !s.due(a) {
			kept = append(kept, *a)
			continue
		}
		a.reader.awaits = false
		a.waker.Wake()
	}
	clear(s.awaiting[len(kept):])
	s.awaiting = kept
}
