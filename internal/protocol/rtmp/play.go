package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/media"
	"weir/internal/stream"
)

var (
	// errComplete ends a play that asked for a length.
	errComplete = errors.New("played for as long as the client asked")
	// errSlow ends a player whose network or whose appetite has gone.
	errSlow = errors.New("player does not read")
)

// keptVectors is how many pieces of a batch a player keeps the room for.
const keptVectors = 1 << 14

// play serves a player until it ends. It returns nil if the client has stopped by itself and
// may start again.
func (s *session) play(ctx context.Context, w wish, r *stream.Request) error {
	pacing := s.rules.fork()
	r.Pace = func() stream.Pace {
		v := pacing.current()
		return stream.Pace{Latency: v.Play.MwLatency, Frames: v.Play.MwMsgs}
	}
	sub, err := s.server.options.Registry.Subscribe(ctx, r)
	if err != nil {
		return s.turnAwayStream(err, false, r)
	}
	defer sub.Close()
	if err := s.playStart(); err != nil {
		return err
	}
	s.log.Info("playing", "ip", s.remote, "stream", r.URL())
	p := newPlayer(s, sub, w)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer s.guard()
		p.run()
	}()
	err = s.control(p)
	sub.Close()
	p.pause(false)
	if err != nil {
		s.cancel(err)
	}
	<-ended
	immediate(s.conn, true)
	s.notes = []any{"frames", p.count, "lost", sub.Lost()}
	if err == nil {
		s.log.Info("player stopped, and may start again", "stream", r.URL())
	}
	return err
}

// guard ends the session if its second goroutine panics.
func (s *session) guard() {
	if v := recover(); v != nil {
		s.cancel(fmt.Errorf("rtmp: panic: %v\n%s", v, debug.Stack()))
	}
}

// playStart tells the player that it begins.
func (s *session) playStart() error {
	status := func(code, text string) message {
		return statusMessage("status", code, text, amf0.Property{Name: "details", Value: "stream"}, asClient())
	}
	return s.reply(
		eventMessage(eventStreamBegin, streamID),
		status("NetStream.Play.Reset", "Playing and resetting stream."),
		status("NetStream.Play.Start", "Started playing stream."),
		message{kind: amf0Data, chunk: statusChunk, stream: streamID, body: amf0.Append(nil, sampleAccess, true, true)},
	)
}

// control obeys the player's commands until it stops, which is no error, or leaves.
func (s *session) control(p *player) error {
	s.src.limit, s.src.until = 0, time.Time{}
	for {
		m, err := s.read()
		if err != nil {
			return err
		}
		if m.kind != amf0Command && m.kind != amf3Command {
			continue
		}
		c, err := parseCommand(&m)
		if err != nil {
			return err
		}
		switch c.name {
		case "closeStream", "deleteStream":
			return nil
		case "pause":
			on, _ := c.argument(1).(bool)
			err = s.pause(p, on)
		default:
			if c.tid > 0 {
				err = s.reply(resultMessage(0, c.tid, nil, nil))
			}
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) pause(p *player, on bool) error {
	p.pause(on)
	if on {
		return s.reply(
			statusMessage("status", "NetStream.Pause.Notify", "Paused stream."),
			eventMessage(eventStreamEOF, streamID),
		)
	}
	return s.reply(
		statusMessage("status", "NetStream.Unpause.Notify", "Unpaused stream."),
		eventMessage(eventStreamBegin, streamID),
	)
}

// player is a viewer's socket as a media.BatchWriter: it writes the frames of a batch as
// chunks, and before the first of a layout what a decoder needs.
type player struct {
	// Set at construction.
	session *session
	sub     *stream.Subscriber
	length  time.Duration // 0 is without end
	rules   *rules
	resumed chan struct{} // cap 1: no longer paused
	paused  atomic.Bool

	// Owned by run.
	mux     mux
	clock   playClock
	out     []message
	began   int64 // DTS of the first frame, if count > 0
	count   uint64
	nodelay bool
	vectors net.Buffers
	headers []byte
}

func newPlayer(s *session, sub *stream.Subscriber, w wish) *player {
	return &player{
		session: s, sub: sub, length: w.length, rules: s.rules.fork(),
		resumed: make(chan struct{}, 1), nodelay: true,
		mux: mux{describe: func(m *media.Meta) message { return metaMessage(m, s.server.options.Product) }},
	}
}

// pause holds the player's frames back, or lets them go on.
func (p *player) pause(on bool) {
	p.paused.Store(on)
	if !on {
		select {
		case p.resumed <- struct{}{}:
		default:
		}
	}
}

// run writes until the subscription or the connection ends, and then ends the session, unless
// it was the client's wish.
func (p *player) run() {
	for {
		_, err := media.Copy(p, p.sub)
		switch {
		case errors.Is(err, stream.ErrUnpublished):
			if err = p.unpublished(); err == nil {
				continue
			}
		case errors.Is(err, stream.ErrClosed):
			return
		}
		p.session.cancel(late(err, "%w for %s", errSlow, ioTimeout)) // the first cause stays
		return
	}
}

// unpublished tells the player that the publisher has gone, if it is to know.
func (p *player) unpublished() error {
	if !p.rules.current().Play.NotifyUnpublish {
		return nil
	}
	return p.session.reply(
		statusMessage("status", "NetStream.Play.UnpublishNotify", "The stream is not published any more.",
			amf0.Property{Name: "details", Value: "stream"}, asClient()),
		eventMessage(eventStreamEOF, streamID),
	)
}

// WriteFrame writes one frame.
func (p *player) WriteFrame(f *media.Frame) error {
	one := [1]*media.Frame{f}
	return p.WriteBatch(one[:])
}

// WriteBatch writes frames with one system call, where the system can.
func (p *player) WriteBatch(frames []*media.Frame) error {
	for p.paused.Load() {
		select {
		case <-p.resumed:
		case <-p.sub.Done():
			return stream.ErrClosed
		}
	}
	v := p.rules.current()
	if v.TCPNodelay != p.nodelay {
		p.nodelay = v.TCPNodelay
		immediate(p.session.conn, p.nodelay)
	}
	interval := v.Play.SendMinInterval
	for len(frames) > 0 {
		n := len(frames)
		if interval > 0 {
			n = 1
		}
		if err := p.write(frames[:n]); err != nil {
			return err
		}
		frames = frames[n:]
		if interval > 0 {
			p.rest(interval)
		}
	}
	return nil
}

func (p *player) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.sub.Done():
	}
}

// write writes frames at once.
func (p *player) write(frames []*media.Frame) error {
	play := p.rules.current().Play
	p.out = p.out[:0]
	p.mux.undated = play.TimeJitter == "full" && !play.Atc
	done := false
	for _, f := range frames {
		if p.count == 0 {
			p.began = f.DTS
		}
		if done = p.length > 0 && f.DTS-p.began >= int64(p.length); done {
			break
		}
		p.out = p.mux.append(p.out, f, p.clock.stamp(f, play.TimeJitter, play.Atc), play.ReduceSequenceHeader)
		p.count++
	}
	if err := p.flush(); err != nil {
		return err
	}
	if done {
		return errComplete
	}
	return nil
}

// flush sends the messages in p.out.
func (p *player) flush() error {
	bufs := p.vectors[:0]
	p.headers = p.headers[:0]
	for i := range p.out {
		bufs = appendVectors(bufs, &p.headers, &p.out[i], p.session.chunk)
	}
	err := p.session.out.send(bufs)
	clear(bufs) // an idle player pins no frames
	clear(p.out)
	if p.vectors = bufs; cap(bufs) > keptVectors {
		p.vectors, p.headers = nil, nil
	}
	return err
}
