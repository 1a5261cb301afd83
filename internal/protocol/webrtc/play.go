package webrtc

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"weir/internal/media"
	"weir/internal/stream"
)

var errEnded = errors.New("the publisher has ended")

// play sends the stream until it or the client ends.
func (s *session) play() error {
	defer context.AfterFunc(s.ctx, func() { _ = s.reader.Close() })()
	var listening sync.WaitGroup
	defer listening.Wait()
	defer s.pc.Close()
	for _, o := range s.senders {
		listening.Go(func() {
			if err := stream.Guard("webrtc", func() error { s.hear(o); return nil }); err != nil {
				s.cancel(err)
			}
		})
	}
	err := stream.Guard("webrtc", s.watchStream)
	s.cancel(err) // before the library says that the connection is closed, as if the client had left
	return err
}

// watchStream sends what there is, frames or packets.
func (s *session) watchStream() error {
	view := newView(s)
	defer view.close()
	frames := make([]*media.Frame, media.MaxBatch)
	for {
		batch, err := s.reader.ReadNext(frames)
		switch {
		case errors.Is(err, stream.ErrLane):
			view.close()
			err = s.pass()
		case errors.Is(err, stream.ErrUnpublished): // another may come
			err = nil
		case errors.Is(err, io.EOF):
			return errEnded
		case err == nil:
			err = view.show(&batch)
			clear(batch.Frames)
		}
		if err != nil {
			return err
		}
	}
}

// hear reads what a player says of a track: that it has lost something, or wants a key frame.
func (s *session) hear(o *outlet) {
	var wishes wishes
	for {
		list, _, err := o.sender.ReadRTCP()
		if err != nil {
			if s.over(err) {
				return
			}
			continue
		}
		for _, p := range list {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				if wishes.take(media.Now()) {
					s.anew.Store(true)
					s.reader.Ask(stream.Feedback{Key: true})
				}
			case *rtcp.TransportLayerNack:
				s.traffic.Sent.Add(uint64(o.resend(p.Nacks)))
			case *rtcp.ReceiverReport:
				for i := range p.Reports {
					o.heard(&p.Reports[i])
				}
			}
		}
	}
}

// A player may wish for two key frames at once, and for one each wishEvery from then on: what it wishes all others are sent too.
const (
	maxWishes = 2
	wishEvery = int64(2 * time.Second)
)

// wishes counts those of a player.
type wishes struct {
	n    int64 // that are used up
	from int64 // when they were counted
}

// take reports whether a wish counts.
func (w *wishes) take(now int64) bool {
	if back := (now - w.from) / wishEvery; back >= w.n {
		w.n, w.from = 0, now
	} else {
		w.n, w.from = w.n-back, w.from+back*wishEvery
	}
	if w.n >= maxWishes {
		return false
	}
	w.n++
	return true
}
