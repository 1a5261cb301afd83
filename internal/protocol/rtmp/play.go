package rtmp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/stream"
)

var (
	// errComplete ends a play that asked for a length.
	errComplete = errors.New("played for as long as the client asked")
	// errSlow ends a player whose network or whose appetite has gone.
	errSlow = errors.New("player does not read")
)

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
	started := "playing"
	if sub.Layout() == nil {
		started = "playing, once somebody publishes"
	}
	s.log.Info(started, "ip", s.remote, "stream", r.URL())
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

// pause holds the player's frames back and says so, or says that they come and lets them go.
func (s *session) pause(p *player, on bool) error {
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
