package webrtc

import (
	"context"
	"errors"
	"io"
	"sync"

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
		listening.Go(func() { s.hear(o) })
	}
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
	for {
		list, _, err := o.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range list {
			switch p := p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.anew.Store(true)
				s.reader.Ask(stream.Feedback{Key: true})
			case *rtcp.TransportLayerNack:
				o.resend(p.Nacks)
			case *rtcp.ReceiverReport:
				for i := range p.Reports {
					o.heard(&p.Reports[i])
				}
			}
		}
	}
}

// sent is what is left of an error of sending: that the connection has gone is noticed elsewhere.
func sent(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
