package rtmp

import (
	"context"
	"errors"
	"time"

	"weir/internal/fanout"
	"weir/internal/format/amf0"
	"weir/internal/stream"
)

var (
	// errComplete ends a play that asked for a length.
	errComplete = errors.New("played for as long as the client asked")
)

// playing is a play that goes on.
type playing struct {
	player  *player
	pausing pauser
	wait    func() // for the writing side, which ends after the subscription
}

// play starts to play. What the player says from then on is for control.
func (s *session) play(ctx context.Context, w wish, r *stream.Request) error {
	if pacing, server := s.rules.fork(), isServer(s.connect.args); !s.kin() {
		r.Pace = func() stream.Pace {
			v := pacing.current()
			pace := stream.Pace{Latency: v.Play.MwLatency, Frames: v.Play.MwMsgs}
			if server {
				return pace.ForServer()
			}
			return pace
		}
	}
	sub, err := s.server.options.Registry.Subscribe(ctx, r)
	if err != nil {
		return s.turnAwayStream(err, false, r)
	}
	if err := s.playStart(); err != nil {
		sub.End(err)
		return err
	}
	started := "playing"
	if sub.Layout() == nil {
		started = "playing, once somebody publishes"
	}
	s.log.Info(started, "ip", s.remote, "stream", r.URL())
	p := newPlayer(s, sub, w)
	pausing, wait, err := s.start(p)
	if err != nil {
		sub.End(err)
		return err
	}
	s.playing = &playing{p, pausing, wait}
	s.src.limit, s.src.until = 0, time.Time{}
	s.settled()
	return nil
}

// halt ends the play, if there is one, and returns its argument: the cause, nil if the client
// wants it and may start again.
//
//go:noinline // else whoever waits in run has its variables on the stack
func (s *session) halt(cause error) error {
	if s.playing == nil {
		return cause
	}
	p := s.playing.player
	p.sub.End(fanout.UnlessLeft(s.life.why(cause)))
	p.pause(false)
	if cause != nil {
		s.cancel(cause)
	}
	s.playing.wait()
	s.playing = nil
	immediate(s.conn, true)
	s.notes = []any{"frames", p.count, "lost", p.sub.Lost()}
	if cause == nil {
		s.log.Info("player stopped, and may start again", "stream", s.url)
	}
	return cause
}

// abandon ends the play of a session that has panicked.
func (s *session) abandon() {
	if s.playing != nil {
		s.playing.player.sub.Close()
	}
}

// pauser is a player that can be held back.
type pauser interface{ pause(on bool) }

// start has a shard write to p, or a goroutine of its own where that cannot be. Wait returns
// when it has ended, after the subscription.
func (s *session) start(p *player) (pausing pauser, wait func(), err error) {
	f, err := p.follow(&s.server.shards)
	if err != nil {
		return nil, nil, err
	}
	if f != nil {
		return f, f.stop, nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := stream.Guard("rtmp", func() error { p.run(); return nil }); err != nil {
			s.cancel(err)
		}
	}()
	return p, func() { <-ended }, nil
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
		message{kind: amf0Data, chunk: statusChunk, stream: streamID, body: amf0.Append(nil, "|RtmpSampleAccess", true, true)},
	)
}

// control obeys a player's command.
func (s *session) control(c *command) error {
	switch c.name {
	case "closeStream", "deleteStream":
		_ = s.halt(nil)
		s.again()
		return nil
	case "pause":
		on, _ := c.argument(1).(bool)
		return s.pause(s.playing.pausing, on)
	}
	if c.tid == 0 {
		return nil
	}
	return s.reply(resultMessage(0, c.tid, nil, nil))
}

// pause holds the player's frames back and says so, or says that they come and lets them go.
func (s *session) pause(p pauser, on bool) error {
	if on {
		p.pause(true)
		return s.reply(
			statusMessage("status", "NetStream.Pause.Notify", "Paused stream."),
			eventMessage(eventStreamEOF, streamID),
		)
	}
	defer p.pause(false)
	return s.reply(
		statusMessage("status", "NetStream.Unpause.Notify", "Unpaused stream."),
		eventMessage(eventStreamBegin, streamID),
	)
}
