package webrtc

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"weir/internal/media"
	"weir/internal/stream"
)

var errEnded = errors.New("the publisher has ended")

// outlet is a track that a player is sent.
type outlet struct {
	kind   media.Kind
	local  *webrtc.TrackLocalStaticRTP
	sender *webrtc.RTPSender
	clock  uint32

	// Owned by play: how a publisher's numbers become ours, which go on from one publisher to the next.
	begun    bool
	from     *stream.LaneReader // whose numbers these are
	sequence uint16             // added to the publisher's
	time     uint32             // the same
	last     uint16
	lastTime uint32
	lastAt   int64
	before   uint16 // the last of the publisher before
	young    int    // packets for which that counts: late ones of this publisher come soon or not at all
}

// play sends the stream until it or the client ends.
func (s *session) play() error {
	defer context.AfterFunc(s.ctx, func() { _ = s.reader.Close() })()
	var listening sync.WaitGroup
	defer listening.Wait()
	defer s.pc.Close()
	for _, o := range s.senders {
		listening.Go(func() { s.hear(o) })
	}
	frames := make([]*media.Frame, media.MaxBatch)
	for {
		n, err := s.reader.ReadBatch(frames)
		clear(frames[:n])
		switch {
		case errors.Is(err, stream.ErrLane):
			if err := s.pass(); err != nil {
				return err
			}
		case errors.Is(err, stream.ErrUnpublished): // another may come
		case errors.Is(err, io.EOF):
			return errEnded
		case err != nil:
			return err
		}
	}
}

// hear reads what a player says of a track: above all that it wants a key frame.
func (s *session) hear(o *outlet) {
	for {
		list, _, err := o.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range list {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.reader.Ask(stream.Feedback{Key: true})
			}
		}
	}
}

// pass sends a publisher's packets as they come. It returns nil when the publisher has ended, or another has come.
func (s *session) pass() error {
	lane := s.reader.Lane(s.ctx)
	if lane == nil {
		return nil
	}
	s.reader.Ask(stream.Feedback{Key: true})
	packets := make([]*media.Packet, media.MaxBatch)
	for {
		n, err := lane.ReadPackets(packets)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		layout := s.reader.Layout() // for all that came: it takes the hub's lock
		for _, p := range packets[:n] {
			if err := s.send(layout, lane, p); err != nil {
				return err
			}
		}
		clear(packets[:n])
	}
}

// send sends one packet of a publisher.
func (s *session) send(layout *media.Layout, lane *stream.LaneReader, p *media.Packet) error {
	if layout == nil || int(p.Track) >= len(layout.Tracks) {
		return nil
	}
	kind := layout.Tracks[p.Track].Kind
	for _, o := range s.senders {
		if o.kind != kind {
			continue
		}
		var packet rtp.Packet
		if packet.Unmarshal(p.Data) != nil {
			return nil //nolint:nilerr // a packet of which nothing can be made is lost
		}
		if !o.number(lane, &packet, p.At) {
			return nil
		}
		s.traffic.Sent.Add(uint64(len(p.Data)))
		if err := o.local.WriteRTP(&packet); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return err
		}
		return nil
	}
	return nil
}

// number gives a packet the numbers that it has for this player: they go on where another publisher comes. It returns false
// for one that comes late and belongs in front of that publisher's first: its number is taken.
func (o *outlet) number(lane *stream.LaneReader, p *rtp.Packet, at int64) bool {
	if o.from != lane {
		if o.begun {
			passed := uint32(max(1, (at-o.lastAt)*int64(o.clock)/1_000_000_000))
			o.sequence, o.time = o.last+1-p.SequenceNumber, o.lastTime+passed-p.Timestamp
			o.before, o.young = o.last, replay
		}
		o.from, o.begun = lane, true
	}
	p.SequenceNumber += o.sequence
	p.Timestamp += o.time
	if o.young > 0 {
		o.young--
		if int16(p.SequenceNumber-o.before) <= 0 {
			return false
		}
	}
	if int16(p.SequenceNumber-o.last) > 0 || o.lastAt == 0 {
		o.last, o.lastTime, o.lastAt = p.SequenceNumber, p.Timestamp, at
	}
	p.Extension, p.Extensions = false, nil // those of the publisher's connection
	return true
}
