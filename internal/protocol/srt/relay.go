package srt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/datarhei/gosrt"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// maxCallers is how many peers may call for one stream at an address of ours.
const maxCallers = 64

var (
	errClosed = errors.New("the other side has closed the connection, or has fallen silent")
	errTaken  = errors.New("somebody else is there")
	errOver   = errors.New("the publication has ended")
)

// CheckURL says what is wrong with an address of SRT.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

// Listens reports whether an address is ours, to be called at.
func Listens(raw string) bool {
	p, err := parseURL(raw)
	return err == nil && p.listens
}

// Pull publishes what is at an address as r says, until one of them ends: it calls there, or waits to be called. Of r all
// but what the connection knows is filled. Begun is called when the publication begins. It returns why it has ended, never nil.
func (v *Server) Pull(ctx context.Context, url string, r *stream.Request, begun func()) error {
	from, err := parseURL(url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := v.relayed(r)
	s.request.Kick, s.request.Link = cancel, s.link
	vhost := v.o.Config().Exactly(r.Vhost)
	if vhost == nil {
		return fmt.Errorf("srt: there is no virtual host %q", r.Vhost)
	}
	s.in = transport.NewIn(s.request, config.Follow(v.o.Config, vhost)).Frames()
	s.request.Damage = s.in.Damage
	if from.listens {
		return s.pullCaller(ctx, cancel, &from, begun)
	}
	conn, err := v.dial(ctx, &from)
	if err != nil {
		return err
	}
	defer conn.Close()
	p, err := v.o.Registry.Publish(ctx, s.request)
	if err != nil {
		return err
	}
	begun()
	return s.pull(ctx, cancel, p, conn)
}

// relayed makes a session of a request that is ours.
func (v *Server) relayed(r *stream.Request) *session {
	s := &session{
		server: v, id: r.ID, log: v.o.Log.With("cid", r.ID), started: time.Now(), traffic: &stream.Traffic{},
		request: r, what: r.Kind, url: r.URL(), asked: func() {},
	}
	r.Traffic = s.traffic
	return s
}

// pull takes what comes over a connection.
func (s *session) pull(ctx context.Context, cancel context.CancelCauseFunc, p *stream.Publisher, conn srt.Conn) error {
	defer p.Close()
	s.conn, s.remote = conn, addrOf(conn.RemoteAddr())
	s.peer.Store(&s.conn)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	s.log.Info("publishing", "kind", s.request.Kind, "ip", s.remote, "stream", s.url)
	err := transport.CauseOf(ctx, s.ingest(ctx, cancel, p))
	s.report(err)
	if errors.Is(err, io.EOF) {
		return errClosed
	}
	return err
}

// pullCaller waits for a peer to call, and takes what it sends.
func (s *session) pullCaller(ctx context.Context, cancel context.CancelCauseFunc, at *peer, begun func()) error {
	return s.server.callers(ctx, at, 1, nil, func(req srt.ConnRequest) error {
		p, err := s.server.o.Registry.Publish(ctx, s.request)
		if err != nil {
			req.Reject(codeOf(err))
			return err
		}
		conn, err := req.Accept()
		if err != nil {
			p.Close()
			return fmt.Errorf("srt: %w", err)
		}
		defer conn.Close()
		begun()
		return s.pull(ctx, cancel, p, conn)
	})
}

// Push sends a stream to an address until the publication or the peer ends: it calls there, or waits to be called, by
// several. Open gives a position in the stream, and is called when somebody is there to be sent it; over is closed when
// the publication has ended, which is no error.
func (v *Server) Push(ctx context.Context, url string, visit transport.Visit, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
	to, err := parseURL(url)
	if err != nil {
		return err
	}
	if !to.listens {
		conn, err := v.dial(ctx, &to)
		if err != nil {
			return err
		}
		return v.push(ctx, &to, conn, visit.Traffic, open(transport.Cargo))
	}
	return v.callers(ctx, &to, maxCallers, over, func(req srt.ConnRequest) error {
		conn, err := req.Accept()
		if err != nil {
			v.o.Log.Warn("srt peer refused", "ip", addrOf(req.RemoteAddr()), "cause", err)
			return nil
		}
		from := addrOf(conn.RemoteAddr())
		v.o.Log.Info("srt peer has called", "ip", from)
		err = v.push(ctx, &to, conn, visit.Traffic, open(transport.Cargo))
		v.o.Log.Info("srt peer left", "ip", from, "cause", err)
		return nil
	})
}

// push sends a stream over a connection, and closes both. Traffic may be nil.
func (v *Server) push(ctx context.Context, to *peer, conn srt.Conn, traffic *stream.Traffic, sub *stream.Subscriber) error {
	defer sub.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if traffic == nil {
		traffic = &stream.Traffic{}
	}
	p := &player{conn: conn, traffic: traffic, size: int(to.config.PayloadSize), rate: to.rate}
	err := p.run(ctx, cancel, sub)
	switch {
	case errors.Is(err, transport.ErrEnded):
		return nil
	case errors.Is(err, io.EOF):
		return errClosed
	}
	return err
}

// callers waits at an address of ours for peers to call, and serves so many at once. It ends with ctx, with the first error
// that serving one gives, or without one: when over is closed, and those who are there have been served. It waits for all.
func (v *Server) callers(ctx context.Context, at *peer, most int, over <-chan struct{}, serve func(srt.ConnRequest) error) error {
	config, passphrase := at.config, at.config.Passphrase
	config.Passphrase = "" // asked for below
	ln, err := open(at.address, config)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer ln.Close() // which ends all connections
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, ln.Close)()
	v.o.Log.Info("waiting for SRT peers to call", "address", ln.Addr())
	places := make(chan struct{}, most)
	all.Go(func() {
		select {
		case <-over:
			for range most { // as those who are there leave; nobody else finds a place
				places <- struct{}{}
			}
			cancel(errOver)
		case <-ctx.Done():
		}
	})
	for {
		req, err := ln.Accept2()
		switch err := transport.CauseOf(ctx, err); {
		case errors.Is(err, errOver):
			return nil
		case err != nil:
			return fmt.Errorf("srt: %w", err)
		}
		select {
		case places <- struct{}{}:
		default:
			v.o.Log.Warn("srt peer refused", "ip", addrOf(req.RemoteAddr()), "cause", errTaken)
			req.Reject(srt.REJX_CONFLICT)
			continue
		}
		all.Go(func() {
			defer func() { <-places }()
			err := stream.Guard("srt", func() error {
				if err := unlock(req, passphrase); err != nil {
					v.o.Log.Warn("srt peer refused", "ip", addrOf(req.RemoteAddr()), "cause", err)
					req.Reject(codeOf(err))
					return nil
				}
				return serve(req)
			})
			if err != nil {
				cancel(err)
			}
		})
	}
}
