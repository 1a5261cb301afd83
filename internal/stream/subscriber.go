package stream

import (
	"io"
	"time"

	"weir/internal/media"
)

// errEnded is io.EOF by a name that says what it means here.
var errEnded = io.EOF

// gather is the longest time a reader waits for its Pace's number of frames.
const gather = time.Second

// Subscriber is one reader of a stream: a position in its window. It is a media.Reader and a
// media.BatchReader, for one goroutine; Close may be called from anywhere.
type Subscriber struct {
	// Set at construction.
	request *Request
	stream  *Stream
	started time.Time
	done    chan struct{} // closed by Close
	close   func()

	// Guarded by the registry's lock.
	listed bool      // is a session, and no output of ours
	told   uint64    // frames lost that the witnesses have heard of
	slow   time.Time // when they did last

	// Guarded by stream.mu.
	pos    uint64 // changed by the reading goroutine alone
	taken  uint64 // frames, and packets of lanes
	lost   uint64
	lostAt time.Time     // when lost last grew
	pause  time.Duration // between batches; read without the lock by the reading goroutine, who sets it
	cause  error         // why it is closed, if somebody has said
	seek   bool          // looks for a key frame
	timed  bool          // the time to its first frame is counted
	idle   bool          // has not read yet, or reads packets: holds no frames in the window
	reads  bool          // counts among the stream's readers of frames
	closed bool
	calm   bool   // pauses so long between batches that it waits for no frame
	ended  uint64 // the ends of publishers it knows of
	awaits bool   // is in the stream's list of those
	lane   *Lane  // the newest that it has been told of

	// Owned by the reading goroutine.
	last  time.Time // of the newest batch
	base  uint64    // of the window, then
	timer *time.Timer

	rate rate
}

// ReadFrame returns the next frame; see ReadBatch.
func (r *Subscriber) ReadFrame() (*media.Frame, error) {
	var one [1]*media.Frame
	_, err := r.ReadBatch(one[:])
	return one[0], err
}

// ReadBatch fills dst with the next frames and returns how many; it blocks until there is one,
// and for the pause that the request's Pace asks for. A reader that fell out of the window
// resumes at the newest key frame, and what it missed is counted in Lost. The error is io.EOF
// when the publisher ends and the request does not Wait for the next one, ErrUnpublished if it
// does and wants Notice, ErrLane if it wants Packets and there are some, ErrClosed after Close.
func (r *Subscriber) ReadBatch(dst []*media.Frame) (int, error) {
	b, err := r.ReadNext(dst)
	return len(b.Frames), err
}

// ReadNext is ReadBatch for who needs to know where in the stream the frames are.
func (r *Subscriber) ReadNext(dst []*media.Frame) (Batch, error) {
	if err := r.rest(len(dst)); err != nil {
		return Batch{}, err
	}
	for {
		n, wake, err := r.next(dst)
		if n > 0 {
			r.last = time.Now()
		}
		if n > 0 || err != nil {
			return Batch{Frames: dst[:n], Pos: r.pos - uint64(n), Base: r.base}, err
		}
		select {
		case <-wake:
		case <-r.done:
			return Batch{}, ErrClosed
		}
	}
}

// next is ReadNext without waiting: with no frames and no error, wake is closed when there may
// be some.
func (r *Subscriber) next(dst []*media.Frame) (n int, wake <-chan struct{}, err error) {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err = s.take(r, dst)
	r.base = s.frames.base
	if n == 0 && err == nil {
		wake = s.frames.more()
	}
	return n, wake, err
}

// rest pauses between two batches as the request's Pace says. There is no pause before the
// first one, nor while a full batch is waiting.
func (r *Subscriber) rest(full int) error {
	if r.request.Pace == nil || r.last.IsZero() {
		return nil
	}
	pace := r.Pace()
	if pace.Latency > 0 && !r.behind(full) {
		if err := r.sleep(time.Until(r.last.Add(pace.Latency)), nil); err != nil {
			return err
		}
	}
	for pace.Frames > 0 {
		wake := r.short(min(pace.Frames+1, full))
		left := time.Until(r.last.Add(max(gather, pace.Latency)))
		if wake == nil || left <= 0 {
			return nil
		}
		if err := r.sleep(left, wake); err != nil {
			return err
		}
	}
	return nil
}

// behind reports whether at least n frames are waiting.
func (r *Subscriber) behind(n int) bool {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	return r.stream.frames.next-r.pos >= uint64(n)
}

// short returns nil if n frames are waiting or no more will come, else what tells of the next.
func (r *Subscriber) short(n int) <-chan struct{} {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	s := r.stream
	if r.closed || s.frames.next-r.pos >= uint64(n) || r.ended != s.ended {
		return nil
	}
	return s.frames.more()
}

// sleep waits for d, or until wake is closed.
func (r *Subscriber) sleep(d time.Duration, wake <-chan struct{}) error {
	if d <= 0 {
		return nil
	}
	if r.timer == nil {
		r.timer = time.NewTimer(d)
	} else {
		r.timer.Reset(d)
	}
	defer r.timer.Stop()
	select {
	case <-r.timer.C:
	case <-wake:
	case <-r.done:
		return ErrClosed
	}
	return nil
}

// Lost returns how many frames the reader has missed because it was too slow.
func (r *Subscriber) Lost() uint64 {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	return r.lost
}

// Missed is Lost with the frames that the stream has not any more and the reader has not come to yet:
// one who does not read at all loses these.
func (r *Subscriber) Missed() uint64 {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	return r.missed()
}

// missed is Missed with the stream's lock held.
func (r *Subscriber) missed() uint64 {
	if base := r.stream.frames.base; !r.idle && !r.closed && base > r.pos {
		return r.lost + base - r.pos
	}
	return r.lost
}

// Taken returns how many frames the reader has been given, and how many packets of lanes.
func (r *Subscriber) Taken() uint64 {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	return r.taken
}

// Lose counts frames that the reader has had and was too slow to make use of as lost too.
func (r *Subscriber) Lose(n uint64) {
	if n == 0 {
		return
	}
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	r.lost += n
	r.lostAt = time.Now()
}

// Behind returns how many frames are waiting for the reader.
func (r *Subscriber) Behind() int {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	return int(r.stream.frames.next - max(r.pos, r.stream.frames.base))
}

// look tells what the reader has missed and what waits for it. Nothing does for one who holds no
// frames.
func (r *Subscriber) look(info *SessionInfo) {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	info.Lost, info.LostAt, info.Pause = r.missed(), r.lostAt, r.pause
	if info.Lost > r.lost {
		info.LostAt = time.Now() // it goes on
	}
	pos := max(r.pos, s.frames.base)
	if r.idle || r.closed || pos >= s.frames.next {
		return
	}
	info.Waiting = int(s.frames.next - pos)
	info.Delay = time.Duration(max(0, s.frames.at(s.frames.next-1).DTS-s.frames.at(pos).DTS))
}

// Layout returns the layout in force, nil while there is no publisher to see or to wait for. It is what a reader that
// joins between two frames can show already.
func (r *Subscriber) Layout() *media.Layout {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	if !r.stream.live() {
		return nil
	}
	return r.stream.layout
}

// Closed reports whether the subscription has ended.
func (r *Subscriber) Closed() bool {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	return r.closed
}

// Stream returns the stream that is read, for Derive.
func (r *Subscriber) Stream() *Stream { return r.stream }

// Close ends the subscription and every read that waits. It may be called twice and from
// anywhere.
func (r *Subscriber) Close() error {
	r.close()
	return nil
}

// End is Close for a cause, which the witnesses hear of. The first one stays; nil is the client's
// wish.
func (r *Subscriber) End(cause error) {
	r.why(cause)
	r.close()
}

// why notes the cause of an end to come.
func (r *Subscriber) why(cause error) {
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	if r.cause == nil && !r.closed {
		r.cause = cause
	}
}
