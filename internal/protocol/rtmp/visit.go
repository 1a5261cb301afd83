package rtmp

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
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
	s.server.options.Registry.Disconnect(s.visit, time.Since(s.started), unlessLeft(cause))
}

// report logs the end of the session, in one line with its cause.
func (s *session) report(err error, lasted time.Duration) {
	args := append([]any{
		"ip", s.remote, "stream", s.url, "time", lasted.Round(time.Millisecond),
		"received", s.past.Received.Load() + s.traffic.Received.Load(),
		"sent", s.past.Sent.Load() + s.traffic.Sent.Load(),
	}, s.notes...)
	refused := errors.As(err, new(*refusal)) // its cause may look like a client's leaving
	switch {
	case left(err) && !refused:
		s.log.Info(s.what+" ended: client left", args...)
	case quiet(err), s.stranger && !refused:
		s.log.Info(s.what+" ended", append(args, "cause", err)...)
	case refused:
		s.log.Warn(s.what+" refused", append(args, "cause", err)...)
	default:
		s.log.Warn(s.what+" ended", append(args, "cause", err)...)
	}
}

// left reports whether err is what a client's leaving looks like.
func left(err error) bool {
	for _, end := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT,
	} {
		if errors.Is(err, end) {
			return true
		}
	}
	return err == nil
}

// unlessLeft is the cause of an end, nil where it is the client's own.
func unlessLeft(cause error) error {
	if left(cause) {
		return nil
	}
	return cause
}

// quiet reports whether err is an end that nobody has to look into.
func quiet(err error) bool {
	for _, end := range []error{
		stream.ErrKicked, stream.ErrEnding, stream.ErrIdle, errComplete, errGone, fanout.ErrSlow, errSilent, context.Canceled,
	} {
		if errors.Is(err, end) {
			return true
		}
	}
	return errors.As(err, new(*stream.Moved))
}
