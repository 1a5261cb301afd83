package relay

import (
	"context"
	"errors"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// inflow is one connection to an origin, from its dialling on.
type inflow struct {
	origin string
	key    string // among the inflows of the pull, which owns it: the origin, but for one that is about to be left
	stop   context.CancelFunc

	// Owned by the pull.
	began  time.Time // when it is dialled
	opened time.Time // when the origin has answered; zero is not yet
	seam   *seam     // of what it brings while the stream is that of another; nil is nothing yet
	met    time.Time // when it has brought something then, which was nothing new; zero is not yet
}

// paused reports whether an origin has been there for a moment, and has had nothing that had not come before: nor has the publisher
// sent it anything.
func (f *inflow) paused() bool {
	return !f.opened.IsZero() && time.Since(f.opened) > headStart || !f.met.IsZero() && time.Since(f.met) > glimpse
}

// parcel is what an inflow brings: frames, or nothing when it is open, or why it brings nothing. The frames are the pull's until
// it takes the next parcel.
type parcel struct {
	from   *inflow
	frames []*media.Frame
	err    error
	over   bool // the inflow has ended
}

// run opens the stream and hands over what comes, until it ends or ctx does.
func (f *inflow) run(ctx context.Context, open func(context.Context) (transport.Feed, error), to chan<- parcel) {
	send := func(p parcel) bool {
		p.from = f
		select {
		case to <- p:
			return true
		case <-ctx.Done():
			return false
		}
	}
	feed, err := open(ctx)
	if err != nil {
		send(parcel{err: err, over: true})
		return
	}
	defer feed.Close()
	defer context.AfterFunc(ctx, func() { feed.Close() })()
	if !send(parcel{}) {
		return
	}
	var batches [2][media.MaxBatch]*media.Frame // one is filled while the other is taken
	for turn, alive := 0, true; alive; turn = 1 - turn {
		batch := batches[turn][:]
		n, err := feed.ReadBatch(batch)
		switch {
		case n > 0:
			alive = send(parcel{frames: batch[:n]})
		case errors.Is(err, stream.ErrUnpublished), errors.Is(err, transport.ErrMove):
			alive = send(parcel{err: err})
		default:
			send(parcel{err: err, over: true})
			return
		}
	}
}
