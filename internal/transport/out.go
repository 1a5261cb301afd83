package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"weir/internal/format/mpegts"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	cell      = 188                     // bytes of a packet of a transport stream
	enterWait = int64(10 * time.Second) // a stream's time for which a key frame to begin with is waited for
)

// The ends of an Out.
var (
	ErrEnded   = errors.New("the publisher has ended")
	ErrNothing = errors.New("the stream has no track that a transport stream can carry")
)

// Sink is a peer that takes a transport stream.
type Sink interface {
	// Send sends whole packets of it, of Size bytes at the most.
	Send(b []byte) error
	// Rest says that there is nothing more for now.
	Rest()
}

// Out is one peer's way through a stream: packets as they came where there are any, or else those that are made of
// frames.
type Out struct {
	// Set by its maker.
	Sub  *stream.Subscriber // of a Request that wants Packets
	To   Sink
	Size int // bytes of one Send

	// Owned by Run.
	ctx     context.Context
	live    *mpegts.Live
	room    []byte
	entered bool  // the stream has begun, with a key frame
	since   int64 // the time of the first frame
	frames  int
	after   int64 // frames that arrived before have been sent as packets
}

// Run sends the stream until it or the peer ends, and returns why: what ended ctx if that did, ErrEnded when the
// publisher has, ErrNothing, or what To gave. The end of ctx must close Sub.
func (o *Out) Run(ctx context.Context) error {
	o.ctx, o.live, o.Size = ctx, mpegts.NewLive(mpegts.Options{Audio: true, Video: true}), o.Size/cell*cell
	frames := make([]*media.Frame, media.MaxBatch)
	for {
		n, err := o.Sub.ReadBatch(frames)
		if errors.Is(err, stream.ErrLane) {
			if err = o.passLane(); err == nil {
				continue
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, stream.ErrUnpublished) {
			err = ErrEnded
		}
		if err != nil {
			return CauseOf(ctx, err)
		}
		for _, f := range frames[:n] {
			if err := o.add(f); err != nil {
				return err
			}
		}
		clear(frames[:n])
		if err := o.flush(); err != nil {
			return err
		}
		o.To.Rest()
	}
}

// Notes are what the log says of it at its end.
func (o *Out) Notes() []any { return []any{"frames", o.frames, "lost", o.Sub.Lost()} }

// passLane sends packets while there are some, and notes up to when.
func (o *Out) passLane() error {
	lane := o.Sub.Lane(o.ctx)
	if lane == nil {
		return nil // it has ended since
	}
	err := o.pass(lane)
	o.after = media.Now()
	return err
}

// CauseOf is why something that ctx may have ended is over: what ended ctx, or else err.
func CauseOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// add puts a frame's packets behind those that are to be sent, and sends full ones.
func (o *Out) add(f *media.Frame) error {
	if f.At < o.after {
		return nil
	}
	if o.since == 0 {
		o.since = f.DTS
		o.live.Enter(f.DTS)
	}
	if !o.entered && !o.enters(f) {
		return nil
	}
	var err error
	n := len(o.room)
	if o.room, err = o.live.Append(o.room, f); err != nil {
		o.room = o.room[:n]
		if !errors.Is(err, mpegts.ErrNothing) {
			return fmt.Errorf("transport: %w", err)
		}
		if f.DTS-o.since > enterWait {
			return ErrNothing
		}
		return nil
	}
	o.entered = o.entered || len(o.room) > n
	o.frames++
	for len(o.room) >= o.Size {
		if err := o.To.Send(o.room[:o.Size]); err != nil {
			return err
		}
		o.room = o.room[:copy(o.room, o.room[o.Size:])]
	}
	return nil
}

// enters reports whether a player can begin with a frame: where there are pictures, with a key frame.
func (o *Out) enters(f *media.Frame) bool {
	pictures := false
	for _, t := range f.Layout.Tracks {
		pictures = pictures || t.Kind == media.Video
	}
	return !pictures || f.Key && f.Source().Kind == media.Video || f.DTS-o.since > enterWait
}

// flush sends what there is.
func (o *Out) flush() error {
	if len(o.room) == 0 {
		return nil
	}
	err := o.To.Send(o.room)
	o.room = o.room[:0]
	return err
}
