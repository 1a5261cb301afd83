package srt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/datarhei/gosrt"

	"weir/internal/format/mpegts"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	atOnce    = 256                     // packets of one burst, such as a GOP that a player begins with
	breather  = 2 * time.Millisecond    // between two
	unheard   = 512                     // packets after which the player must have said that it gets them
	slowAfter = 5 * time.Second         // for which the library has no room for a packet
	enterWait = int64(10 * time.Second) // for a key frame to begin with
)

var (
	errEnded   = errors.New("the publisher has ended")
	errSlow    = errors.New("the player does not take what it is sent")
	errNothing = errors.New("the stream has no track that a transport stream can carry")
)

// play sends the stream until it ends, the client leaves, or ctx ends.
func (s *session) play(ctx, asking context.Context, cancel context.CancelCauseFunc, req srt.ConnRequest) (err error) {
	sub, err := s.server.o.Registry.Subscribe(asking, s.request)
	if err != nil {
		return err
	}
	defer func() { sub.End(unlessLeft(causeOf(ctx, err))) }()
	stop, err := s.accept(ctx, req)
	if err != nil {
		return err
	}
	defer stop()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	s.log.Info("playing", "ip", s.remote, "stream", s.url)
	c := &s.server.o.Config().SRTServer
	p := &player{
		ctx: ctx, conn: s.conn, sub: sub, traffic: s.traffic,
		size: payload(c) / cell * cell, rate: c.Maxbw, live: mpegts.NewLive(mpegts.Options{Audio: true, Video: true}),
	}
	var listening sync.WaitGroup
	listening.Go(func() { // what a player sends is of no interest, but that it has gone
		for {
			in, err := s.conn.ReadPacket()
			if err != nil {
				cancel(io.EOF)
				return
			}
			in.Decommission()
		}
	})
	err = p.run()
	cancel(err) // before the listening sees an end of its own
	_ = s.conn.Close()
	listening.Wait()
	s.notes = []any{"packets", p.packets, "frames", p.count, "lost", sub.Lost() + p.missed}
	return err
}

// causeOf is why the session ends: what ended its context, or else err.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// player sends a stream to one client.
type player struct {
	// Set at construction.
	ctx     context.Context
	conn    srt.Conn
	sub     *stream.Subscriber
	traffic *stream.Traffic
	size    int // bytes of a full packet
	rate    int // bytes a second, at the most; 0 or less: as many as there are
	live    *mpegts.Live

	// Owned by run.
	room    []byte
	entered bool  // the stream has begun, with a key frame
	since   int64 // the time of the first frame
	count   int
	burst   int // packets sent without a breather
	packets int
	free    time.Time // when the rate allows for another packet
	acks    uint64    // that the player had sent at the last look
	missed  uint64    // packets that were gone before it came to them
	after   int64     // frames that arrived before have been sent as packets
}

func (p *player) run() error {
	if lane := p.sub.Lane(p.ctx); lane != nil {
		if err := p.pass(lane); err != nil {
			return err
		}
		p.after = media.Now()
	}
	frames := make([]*media.Frame, media.MaxBatch)
	for {
		n, err := p.sub.ReadBatch(frames)
		if errors.Is(err, stream.ErrUnpublished) {
			return errEnded
		}
		if err != nil {
			return err
		}
		for _, f := range frames[:n] {
			if err := p.add(f); err != nil {
				return err
			}
		}
		clear(frames[:n])
		if err := p.flush(); err != nil {
			return err
		}
		p.burst = 0
	}
}

// add puts a frame's packets behind those that are to be sent, and sends full ones.
func (p *player) add(f *media.Frame) error {
	if f.At < p.after {
		return nil
	}
	if p.since == 0 {
		p.since = f.DTS
		p.live.Enter(f.DTS)
	}
	if !p.entered && !p.enters(f) {
		return nil
	}
	var err error
	n := len(p.room)
	if p.room, err = p.live.Append(p.room, f); err != nil {
		p.room = p.room[:n]
		if !errors.Is(err, mpegts.ErrNothing) {
			return fmt.Errorf("srt: %w", err)
		}
		if f.DTS-p.since > enterWait {
			return errNothing
		}
		return nil
	}
	p.entered = p.entered || len(p.room) > n
	p.count++
	for len(p.room) >= p.size {
		if err := p.send(p.room[:p.size]); err != nil {
			return err
		}
		p.room = p.room[:copy(p.room, p.room[p.size:])]
	}
	return nil
}

// enters reports whether a player can begin with a frame: where there are pictures, with a key frame.
func (p *player) enters(f *media.Frame) bool {
	pictures := false
	for _, t := range f.Layout.Tracks {
		pictures = pictures || t.Kind == media.Video
	}
	return !pictures || f.Key && f.Source().Kind == media.Video || f.DTS-p.since > enterWait
}

// flush sends what there is.
func (p *player) flush() error {
	if len(p.room) == 0 {
		return nil
	}
	err := p.send(p.room)
	p.room = p.room[:0]
	return err
}

// send sends one packet. The library takes none while its queue is full, and does not tell that from the end.
func (p *player) send(b []byte) error {
	if p.burst++; p.burst%atOnce == 0 {
		time.Sleep(breather)
	}
	p.brake(len(b))
	if p.packets%unheard == unheard-1 {
		if err := p.listen(); err != nil {
			return err
		}
	}
	var began time.Time // of the waiting
	for ; ; time.Sleep(breather) {
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		if _, err := p.conn.Write(b); err == nil {
			p.traffic.Sent.Add(uint64(len(b)))
			p.packets++
			return nil
		}
		if began.IsZero() {
			began = time.Now()
		} else if time.Since(began) > slowAfter {
			return errSlow
		}
	}
}

// brake waits until the rate allows for so many bytes.
func (p *player) brake(bytes int) {
	if p.rate <= 0 {
		return
	}
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	if wait := p.free.Sub(now); wait > breather {
		time.Sleep(wait)
	}
	p.free = p.free.Add(time.Duration(bytes) * time.Second / time.Duration(p.rate))
}

// listen waits until the player has said anew that it gets what it is sent. The library sends on without that: a player
// who has stopped for a while then finds packets so far ahead that it gives up.
func (p *player) listen() error {
	for {
		var s srt.Statistics
		p.conn.Stats(&s)
		if s.Accumulated.PktRecvACK != p.acks {
			p.acks = s.Accumulated.PktRecvACK
			return nil
		}
		if p.ctx.Err() != nil {
			return context.Cause(p.ctx)
		}
		time.Sleep(breather)
	}
}
