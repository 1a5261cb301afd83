package srt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datarhei/gosrt"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// The kinds of sessions, in the API and callbacks.
const (
	kindPublish = "srt-publish"
	kindPlay    = "srt-play"
)

// session is one client, which publishes or plays one stream.
type session struct {
	// Set at construction.
	server  *Server
	id      string
	remote  netip.Addr
	log     *slog.Logger
	started time.Time
	traffic *stream.Traffic
	asked   func() // the client is not asked about any more

	// Owned by run.
	request *stream.Request
	visit   bool     // the gates have let it in
	conn    srt.Conn // nil until the client is let in
	what    string   // for the log
	url     string
	notes   []any

	in *transport.In // of a publisher

	peer atomic.Pointer[srt.Conn] // conn, for who looks at it from elsewhere
}

// serve serves one client to its end.
func (v *Server) serve(ctx context.Context, req srt.ConnRequest) {
	id := stream.NewID()
	s := &session{
		server: v, id: id, log: v.o.Log.With("cid", id), started: time.Now(), traffic: &stream.Traffic{},
		remote: addrOf(req.RemoteAddr()), what: "srt connection", asked: sync.OnceFunc(func() { <-v.asking }),
	}
	v.inside.Add(1)
	defer v.inside.Add(-1)
	defer v.know(req.SocketId())()
	defer s.asked()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := stream.Guard("srt", func() error { return s.run(ctx, cancel, req) })
	if s.conn == nil && errors.Is(err, context.DeadlineExceeded) {
		err = refuse(srt.REJX_ISE, errLate)
	}
	if s.conn == nil {
		req.Reject(codeOf(err)) // without effect where that has been said
	} else {
		_ = s.conn.Close() // the client has gone, or hears of it by this
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if s.visit {
		v.o.Registry.Disconnect(s.request, time.Since(s.started), unlessLeft(err))
	}
	s.report(err)
}

// run asks whether the client may have what it wants, and gives it that.
func (s *session) run(ctx context.Context, cancel context.CancelCauseFunc, req srt.ConnRequest) error {
	r, publish, err := s.want(req, cancel)
	if err != nil {
		return err
	}
	s.request, s.what, s.url = r, r.Kind, r.URL()
	c := s.server.o.Config()
	asking, done := context.WithTimeout(ctx, c.SRTServer.ConnectTimeout)
	defer done()
	if err := s.server.o.Registry.Connect(asking, r); err != nil {
		return err
	}
	s.visit = true
	if publish {
		return s.publish(ctx, asking, cancel, req)
	}
	return s.play(ctx, asking, cancel, req)
}

// want reads what a client wants.
func (s *session) want(req srt.ConnRequest, cancel context.CancelCauseFunc) (r *stream.Request, publish bool, err error) {
	c := s.server.o.Config()
	if s.server.full.Load() {
		return nil, false, refuse(srt.REJX_DOWN, errEnding)
	}
	if s.server.Count() > c.MaxConnections {
		return nil, false, refuse(srt.REJX_OVERLOAD, errFull)
	}
	t, err := parseID(req.StreamId(), c.SRTServer.DefaultApp)
	switch {
	case errors.Is(err, errMode):
		return nil, false, refuse(srt.REJX_BAD_MODE, err)
	case err != nil:
		return nil, false, refuse(srt.REJX_BAD_REQUEST, err)
	}
	v := c.Vhost(t.vhost)
	switch {
	case v == nil:
		return nil, false, refuse(srt.REJX_NOTFOUND, fmt.Errorf("the virtual host %q is not served here: it is not in the configuration, and neither is a default one", t.vhost))
	case !v.Enabled:
		return nil, false, refuse(srt.REJX_FORBIDDEN, fmt.Errorf("the virtual host %q is switched off", v.Name))
	case !v.SRT.Enabled:
		return nil, false, refuse(srt.REJX_FORBIDDEN, fmt.Errorf("the virtual host %q has no SRT: write srt { enabled on; } there", v.Name))
	}
	if err := unlock(req, c.SRTServer.Passphrase); err != nil {
		return nil, false, err
	}
	kind := kindPlay
	if t.publish {
		kind = kindPublish
	}
	host := t.vhost
	if host == "" {
		host = v.Name
	}
	r = &stream.Request{
		ID: s.id, Kind: kind, Remote: s.remote, Vhost: v.Name, App: t.app, Stream: t.stream, Name: t.stream, Param: t.param,
		TCURL: "srt://" + host + "/" + t.app, Viewer: !t.publish, Wait: true, Notice: true, Packets: transport.Cargo,
		Kick: func(cause error) { cancel(cause) }, Link: s.link, Traffic: s.traffic,
	}
	if t.publish {
		s.in = transport.NewIn(r, config.Follow(s.server.o.Config, v))
		r.Damage = s.in.Damage
	}
	return r, t.publish, nil
}

// unlock sees to it that client and server have the same passphrase, or none.
func unlock(req srt.ConnRequest, passphrase string) error {
	switch {
	case passphrase == "" && req.IsEncrypted():
		return refuse(srt.REJ_UNSECURE, errors.New("the client has a passphrase, and there is none here"))
	case passphrase == "":
		return nil
	case !req.IsEncrypted():
		return refuse(srt.REJ_UNSECURE, errors.New("the client has no passphrase, and there is one here"))
	}
	if err := req.SetPassphrase(passphrase); err != nil {
		return refuse(srt.REJ_BADSECRET, errors.New("the client's passphrase is wrong"))
	}
	return nil
}

// accept lets the client in; its connection ends with ctx.
func (s *session) accept(ctx context.Context, req srt.ConnRequest) (stop func() bool, err error) {
	if s.conn, err = req.Accept(); err != nil {
		return nil, fmt.Errorf("srt: %w", err)
	}
	s.peer.Store(&s.conn)
	s.asked()
	return context.AfterFunc(ctx, func() { _ = s.conn.Close() }), nil
}

// report logs the end of the session, in one line with its cause.
func (s *session) report(err error) {
	args := append([]any{
		"ip", s.remote, "stream", s.url, "time", time.Since(s.started).Round(time.Millisecond),
		"received", s.traffic.Received.Load(), "sent", s.traffic.Sent.Load(),
	}, s.notes...)
	if s.conn == nil {
		s.log.Warn(s.what+" refused", append(args, "code", int(codeOf(err)), "cause", err)...)
		return
	}
	stream.LogEnd(s.log, s.what, unlessLeft(err), stream.Quiet(err, stream.ErrReplaced, transport.ErrEnded), args...)
}

// unlessLeft is the cause of an end, nil where the client has gone.
func unlessLeft(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func addrOf(a net.Addr) netip.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
