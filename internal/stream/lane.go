package stream

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"

	"weir/internal/media"
)

// lanePackets is how many packets a lane keeps: two seconds of 8 Mbit/s. Readers further
// behind lose what they missed.
const lanePackets = 2048

// errPanic ends a publisher whose frames cannot be made.
var errPanic = errors.New("the making of frames has panicked")

// Cargo names what the packets of a lane are, for who can read them.
type Cargo string

// Lane is a log of opaque packets beside the stream's frames, for readers that pass packets on
// as they came. Frames are made from it only while somebody reads frames.
type Lane struct {
	// Set at construction.
	stream    *Stream
	publisher *Publisher
	cargo     Cargo
	frames    func(context.Context, *LaneReader) error

	// Guarded by stream.mu.
	packets window[*media.Packet]
	ended   bool
	cancel  context.CancelFunc // ends the making of frames; nil while nobody reads them
	making  sync.WaitGroup

	turn chan struct{} // cap 1: full while frames are made, by one at a time
}

// Lane opens the publisher's lane of packets of one kind, and ends the one it had. Frames makes frames out of its packets
// and writes them to the publisher; it is run while somebody reads frames, on a goroutine of its
// own, and ends with its context. A panic in it ends the publication: readers hear of the end,
// writes fail, and the publisher's session is kicked. Frames may be nil.
func (p *Publisher) Lane(cargo Cargo, frames func(context.Context, *LaneReader) error) *Lane {
	s := p.stream
	l := &Lane{stream: s, publisher: p, cargo: cargo, frames: frames, turn: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher != p {
		l.ended = true
		return l
	}
	if s.lane != nil {
		s.lane.end()
	}
	s.lane = l
	l.attend()
	s.rouse() // those that would rather have packets
	return l
}

// WritePacket appends a packet. It never waits for a reader. Once the lane has ended, the error
// is the one that WriteFrame gives.
func (l *Lane) WritePacket(p *media.Packet) error {
	s := l.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ended || s.publisher != l.publisher {
		return l.publisher.why()
	}
	l.packets.append(p)
	if l.packets.next-l.packets.base > lanePackets {
		l.packets.drop(l.packets.next - lanePackets)
	}
	l.packets.rouse()
	return nil
}

// attend starts or stops the making of frames as readers of frames come and go, and asks for a
// key frame to start with; the stream's lock is held.
func (l *Lane) attend() {
	readers := l.stream.reading
	switch {
	case l.frames == nil || l.ended || l.stream.publisher != l.publisher:
	case readers > 0 && l.cancel == nil:
		ctx, cancel := context.WithCancel(context.Background())
		l.cancel = cancel
		in := &LaneReader{lane: l, pos: l.packets.next, ctx: ctx}
		l.publisher.ask(Feedback{Key: true})
		l.making.Go(func() {
			select {
			case l.turn <- struct{}{}:
				l.work(ctx, in)
			case <-ctx.Done():
			}
		})
	case readers == 0 && l.cancel != nil:
		l.cancel()
		l.cancel = nil
	}
}

// work makes frames, when it is its turn.
func (l *Lane) work(ctx context.Context, in *LaneReader) {
	defer func() {
		if cause := recover(); cause != nil {
			l.fail(cause, debug.Stack())
		}
		<-l.turn
	}()
	_ = l.frames(ctx, in) // its errors end in the publisher, which logs them
}

// fail ends the publication after a panic; one that has another lane by now goes on.
func (l *Lane) fail(cause any, stack []byte) {
	s, r := l.stream, l.publisher.request
	s.registry.log.Error("panic while frames are made", "cid", r.ID, "stream", s.url, "panic", cause, "stack", string(stack))
	s.mu.Lock()
	ended := l.ended
	s.mu.Unlock()
	if ended {
		return
	}
	s.registry.mu.Lock()
	publishing := s.oust(l.publisher, errPanic)
	s.registry.mu.Unlock()
	if publishing && r.Kick != nil {
		r.Kick(errPanic)
	}
}

// end closes the lane; the stream's lock is held.
func (l *Lane) end() {
	l.ended = true
	l.halt()
	l.packets.rouse()
	if l.stream.lane == l {
		l.stream.lane = nil
	}
}

// halt ends the making of frames. The lane of a lost publisher is left at that: its readers wait
// for the next one. The stream's lock is held.
func (l *Lane) halt() {
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
}

// Wait blocks until the making of frames has ended; call it after the publisher's Close.
func (l *Lane) Wait() { l.making.Wait() }

// LaneReader is a position in a lane, for one goroutine.
type LaneReader struct {
	lane *Lane
	sub  *Subscriber // nil for who makes frames
	ctx  context.Context
	pos  uint64
	lost uint64
}

// Lane returns a reader of the stream's packets from now on, or nil if its publisher has none of
// the kind that the request takes. Until its next read of frames the subscription is no reader of them.
func (r *Subscriber) Lane(ctx context.Context) *LaneReader {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lane == nil || s.lane.cargo != r.request.Packets {
		return nil
	}
	r.idle, r.lane = true, s.lane
	s.reads(r, false)
	return &LaneReader{lane: s.lane, sub: r, pos: s.lane.packets.next, ctx: ctx}
}

// Rewind goes back to the oldest packet that the lane has.
func (r *LaneReader) Rewind() {
	r.lane.stream.mu.Lock()
	defer r.lane.stream.mu.Unlock()
	r.pos = r.lane.packets.base
}

// Behind returns how many packets wait for the reader.
func (r *LaneReader) Behind() int {
	r.lane.stream.mu.Lock()
	defer r.lane.stream.mu.Unlock()
	return int(r.lane.packets.next - max(r.pos, r.lane.packets.base))
}

// ReadPackets fills dst with the next packets and returns how many; it blocks until there is
// one. Lost counts what a slow reader has missed. The error is io.EOF when the publisher has
// ended or another has come, who may have a lane too, or the context's.
func (r *LaneReader) ReadPackets(dst []*media.Packet) (int, error) {
	for {
		n, wake, err := r.take(dst)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-wake:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
}

func (r *LaneReader) take(dst []*media.Packet) (int, <-chan struct{}, error) {
	l := r.lane
	l.stream.mu.Lock()
	defer l.stream.mu.Unlock()
	if r.pos < l.packets.base {
		r.lost += l.packets.base - r.pos
		r.pos = l.packets.base
	}
	if n := l.packets.copy(dst, r.pos); n > 0 {
		r.pos += uint64(n)
		if r.sub != nil {
			r.sub.taken += uint64(n)
		}
		return n, nil, nil
	}
	if l.ended {
		return 0, nil, errEnded
	}
	return 0, l.packets.more(), nil
}

// Lost returns how many packets the reader has missed.
func (r *LaneReader) Lost() uint64 {
	r.lane.stream.mu.Lock()
	defer r.lane.stream.mu.Unlock()
	return r.lost
}

// Carried reports whether the stream has packets of the kind that the request takes.
func (r *Subscriber) Carried() bool {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lane != nil && s.lane.cargo == r.request.Packets
}
