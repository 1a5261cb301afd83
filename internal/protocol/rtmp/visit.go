package rtmp

import (
	"context"
	"errors"
	"time"

	"weir/internal/fanout"
	"weir/internal/stream"
)

// arrive asks whether the client may be here, when it has first said what it wants.
func (s *session) arrive(ctx context.Context, r *stream.Request) error {
	if s.visit != nil || s.kin() {
		return nil
	}
	visit := *r
	visit.Traffic = &stream.Traffic{}
	if err := s.server.options.Registry.Connect(ctx, &visit); err != nil {
		return err
	}
	s.visit = &visit
	return nil
}

// heed asks for the leave of a client of another server, who knocks for it, before that hears that it may go on.
func (s *session) heed(ctx context.Context, c *command) error {
	name := s.connect.args.String(knockName)
	if name == "" || c.name != "createStream" || s.visit != nil {
		return nil
	}
	r, err := s.request(wish{kind: "rtmp-play", stream: name})
	if err != nil {
		return s.turnAway(err)
	}
	s.what, s.url, s.stranger = "knock", r.URL(), false
	if err := s.arrive(ctx, r); err != nil {
		return s.turnAwayStream(err, false, r)
	}
	return nil
}

// depart is the end of what arrive began.
func (s *session) depart(cause error) {
	if s.visit == nil {
		return
	}
	t := s.visit.Traffic
	t.Received.Store(s.past.Received.Load() + s.traffic.Received.Load())
	t.Sent.Store(s.past.Sent.Load() + s.traffic.Sent.Load())
	s.server.options.Registry.Disconnect(s.visit, time.Since(s.started), fanout.UnlessLeft(cause))
}

// report logs the end of the session, in one line with its cause.
func (s *session) report(err error, lasted time.Duration) {
	args := append([]any{
		"ip", s.remote, "stream", s.url, "time", lasted.Round(time.Millisecond),
		"received", s.past.Received.Load() + s.traffic.Received.Load(),
		"sent", s.past.Sent.Load() + s.traffic.Sent.Load(),
	}, s.notes...)
	refused := errors.As(err, new(*refusal)) // its cause may look like a client's leaving
	switch quiet := quiet(err); {
	case refused && quiet:
		stream.LogEnd(s.log, s.what, err, true, args...)
	case refused:
		s.log.Warn(s.what+" refused", append(args, "cause", err)...)
	default:
		stream.LogEnd(s.log, s.what, fanout.UnlessLeft(err), quiet || s.stranger, args...)
	}
}

// quiet reports whether err is an end that nobody has to look into.
func quiet(err error) bool { return stream.Quiet(err, errComplete, errGone, fanout.ErrSlow, errSilent) }
