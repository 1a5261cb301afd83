package srt

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/datarhei/gosrt"

	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	atOnce    = 256                  // packets of one burst, such as a GOP that a player begins with
	breather  = 2 * time.Millisecond // between two
	unheard   = 512                  // packets after which the player must have said that it gets them
	slowAfter = 5 * time.Second      // for which the library has no room for a packet
	maxLinger = time.Second / 2      // for the last packets to arrive
)

var (
	errSlow = errors.New("the player does not take what it is sent")
)

// play sends the stream until it ends, the client leaves, or ctx ends.
func (s *session) play(ctx, asking context.Context, cancel context.CancelCauseFunc, req srt.ConnRequest) (err error) {
	sub, err := s.server.o.Registry.Subscribe(asking, s.request)
	if err != nil {
		return err
	}
	defer func() { sub.End(unlessLeft(transport.CauseOf(ctx, err))) }()
	stop, err := s.accept(ctx, req)
	if err != nil {
		return err
	}
	defer stop()
	s.log.Info("playing", "ip", s.remote, "stream", s.url)
	c := &s.server.o.Config().SRTServer
	p := &player{conn: s.conn, traffic: s.traffic, size: payload(c), rate: c.Maxbw}
	err = p.run(ctx, cancel, sub)
	s.notes = p.notes
	return err
}

// player sends a stream to one client: it is a transport.Sink.
type player struct {
	// Set at construction.
	conn    srt.Conn
	traffic *stream.Traffic
	size    int // bytes of a full packet
	rate    int // bytes a second, at the most; 0 or less: as many as there are

	// Owned by run.
	ctx     context.Context
	burst   int // packets sent without a breather
	packets int
	free    time.Time // when the rate allows for another packet
	acks    uint64    // that the player had sent at the last look
	notes   []any     // for the log
}

// run sends sub's stream until the client or the publisher ends, and closes the connection. Cancel is that of ctx.
func (p *player) run(ctx context.Context, cancel context.CancelCauseFunc, sub *stream.Subscriber) error {
	p.ctx = ctx
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	var listening sync.WaitGroup
	listening.Go(func() { // what a player sends is of no interest, but that it has gone
		for {
			in, err := p.conn.ReadPacket()
			if err != nil {
				cancel(io.EOF)
				return
			}
			in.Decommission()
		}
	})
	out := transport.Out{Sub: sub, To: p, Size: p.size}
	err := out.Run(ctx)
	if errors.Is(err, transport.ErrEnded) {
		p.linger()
	}
	cancel(err) // before the listening sees an end of its own
	_ = p.conn.Close()
	listening.Wait()
	p.notes = append([]any{"packets", p.packets}, out.Notes()...)
	return err
}

// linger gives what has been sent the time to arrive: closing throws away what has not.
func (p *player) linger() {
	var s srt.Statistics
	p.conn.Stats(&s)
	wait := time.Duration(s.Instantaneous.MsSendTsbPdDelay)*time.Millisecond + time.Duration(s.Instantaneous.MsRTT*float64(time.Millisecond))
	select {
	case <-time.After(min(wait, maxLinger)):
	case <-p.ctx.Done():
	}
}

// Rest begins a new burst.
func (p *player) Rest() { p.burst = 0 }

// Send sends one packet. The library takes none while its queue is full, and does not tell that from the end.
func (p *player) Send(b []byte) error {
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
		select {
		case <-time.After(wait):
		case <-p.ctx.Done(): // Send looks at it
		}
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
