package flvpost

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/stream"
	"weir/internal/web"
)

// kindPublish is the kind of all sessions, in the API and callbacks.
const kindPublish = "flv-publish"

// session is one client, which publishes one stream.
type session struct {
	// Set at construction.
	server  *Server
	asks    *http.Request
	id      string
	remote  netip.Addr
	log     *slog.Logger
	started time.Time
	conn    net.Conn
	body    *body
	traffic *stream.Traffic

	// Owned by serve.
	request *stream.Request
	rules   func() *config.Vhost
	visit   bool // the gates have let it in

	published bool   // it has sent a stream
	what      string // for the log
	url       string
	notes     []any
}

// serve serves the client to its end.
func (s *session) serve(server context.Context) {
	defer s.conn.Close()
	ctx, cancel := context.WithCancelCause(server)
	defer cancel(nil)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = s.conn.SetReadDeadline(time.Unix(1, 0)) // if it fails, so does the read
	})
	err := stream.Guard("flvpost", func() error { return s.run(ctx, cancel) })
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if !stop() {
		<-stopped // it must not touch the deadline any more
	}
	if err == nil || !fanout.Left(err) { // else nobody is there to hear it
		s.part(s.last(err), server.Err() != nil)
	}
	if s.visit {
		s.server.o.Registry.Disconnect(s.request, time.Since(s.started), fanout.UnlessLeft(err))
	}
	s.report(err)
}

// run asks whether the client may publish what it wants, and has it do so.
func (s *session) run(ctx context.Context, cancel context.CancelCauseFunc) error {
	if err := s.want(cancel); err != nil {
		return err
	}
	s.what, s.url = s.request.Kind, s.request.URL()
	if err := s.server.o.Registry.Connect(ctx, s.request); err != nil {
		return refuseStream(err, s.request)
	}
	s.visit = true
	return s.publish(ctx, cancel)
}

// want names the stream and the session to the registry.
func (s *session) want(cancel context.CancelCauseFunc) error {
	t, err := targetOf(s.server.o.Output, s.asks.URL)
	if err != nil {
		return err
	}
	c := s.server.o.Config()
	v := c.Vhost(t.vhost)
	switch {
	case v == nil && t.vhost == "":
		return refuse(http.StatusNotFound, "The address names no virtual host, and there is no default one.")
	case v == nil:
		return refuse(http.StatusNotFound, "The virtual host %q is not served here: it is not in the configuration, and neither is a default one.", t.vhost)
	case !v.Enabled:
		return refuse(http.StatusForbidden, "The virtual host %q is switched off.", v.Name)
	}
	host := t.vhost
	if host == "" {
		host = web.Host(s.asks)
	}
	s.rules = config.Follow(s.server.o.Config, v)
	s.request = &stream.Request{
		ID: s.id, Kind: kindPublish, Remote: s.remote,
		Vhost: v.Name, App: t.app, Stream: t.stream, Name: t.name, Param: t.param,
		TCURL: "http://" + host + "/" + t.app, PageURL: s.asks.Referer(), Token: web.Bearer(s.asks),
		Kick: cancel, Link: fanout.LinkOf(s.conn), Traffic: s.traffic,
	}
	return nil
}

// report logs the end of the session, in one line with its cause.
func (s *session) report(err error) {
	args := append([]any{
		"ip", s.remote, "stream", s.url, "time", time.Since(s.started).Round(time.Millisecond),
		"received", s.traffic.Received.Load(), "sent", s.traffic.Sent.Load(),
	}, s.notes...)
	if refusal, refused := errors.AsType[*refusal](err); refused && !s.published {
		s.log.Warn(s.what+" refused", append(args, "code", refusal.status, "cause", err)...)
		return
	}
	stream.LogEnd(s.log, s.what, fanout.UnlessLeft(err), stream.Quiet(err, stream.ErrReplaced), args...)
}
