package srt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/datarhei/gosrt"

	"weir/internal/config"
	"weir/internal/listen"
	"weir/internal/stream"
)

// maxAsking is how many clients may be asked about at once; each costs the making of a key.
const maxAsking = 256

// The reasons to turn clients away before they have said what they want.
var (
	errFull   = errors.New("too many SRT clients: see max_connections")
	errEnding = errors.New("the server is about to end")
	errLate   = errors.New("nobody has said within connect_timeout whether the client may come in: see the callbacks, or give them more time")
)

// Options set up a Server.
type Options struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Log      *slog.Logger          // nil: slog.Default()
}

// Server serves SRT clients.
type Server struct {
	o      Options
	asking chan struct{} // has one for each client that is asked about
	inside atomic.Int64  // sessions
	full   atomic.Bool   // takes no more: the server is to end when all have left
	open   []srt.Listener
	calls  atomic.Int64 // of the library's work on connections that we have called for
}

// NewServer returns a server of the registry's streams.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o: o, asking: make(chan struct{}, maxAsking)}
}

// Listen opens the sockets that the configuration asks for, all or none. Call it once, before Run.
func (v *Server) Listen(c *config.SRTServer) error {
	if !c.Enabled {
		return nil
	}
	for _, addr := range listen.Apart(c.Listen) {
		ln, err := open(addressOf(addr), options(c))
		if err != nil {
			v.shut()
			return fmt.Errorf("srt_server: %w", err)
		}
		v.o.Log.Info("listening for SRT", "address", ln.Addr())
		v.open = append(v.open, ln)
	}
	return nil
}

// open opens a socket. The library shares a port with whoever else does, so it is tried out first.
func open(addr string, config srt.Config) (srt.Listener, error) {
	probe, err := listen.OpenPacket(addr, listen.Options{})
	if err != nil {
		return nil, fmt.Errorf("srt: %w", err)
	}
	if err := probe.Close(); err != nil {
		return nil, fmt.Errorf("srt: %w", err)
	}
	ln, err := srt.Listen("srt", addr, config)
	if err != nil {
		return nil, fmt.Errorf("srt: %s: %w", addr, err)
	}
	return ln, nil
}

func (v *Server) shut() {
	for _, ln := range v.open {
		ln.Close()
	}
	v.open = nil
}

// Drain has nobody come in any more.
func (v *Server) Drain() { v.full.Store(true) }

// Count returns how many clients there are.
func (v *Server) Count() int { return int(v.inside.Load()) }

// Run serves clients until ctx ends, and waits for their sessions.
func (v *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, ln := range v.open {
		all.Go(func() { v.accept(ctx, ln, &all) })
	}
	<-ctx.Done()
	v.shut()
	all.Wait()
	v.settle()
	return nil
}

// accept begins a session for each client that a socket brings.
func (v *Server) accept(ctx context.Context, ln srt.Listener, all *sync.WaitGroup) {
	for {
		req, err := ln.Accept2()
		if err != nil {
			if !errors.Is(err, srt.ErrListenerClosed) && ctx.Err() == nil {
				v.o.Log.Error("listener ended", "address", ln.Addr(), "cause", err)
			}
			return
		}
		select {
		case v.asking <- struct{}{}:
			all.Go(func() { v.serve(ctx, req) })
		default:
			req.Reject(srt.REJX_OVERLOAD)
		}
	}
}
