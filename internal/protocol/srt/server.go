package srt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

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
	raw    []syscall.RawConn // of the sockets that are open
	calls  atomic.Int64      // of the library's work on connections that we have called for

	mu  sync.Mutex
	ids map[uint32]bool // Guarded by mu: of the library's connections; as many as there are sessions
}

// NewServer returns a server of the registry's streams.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o: o, asking: make(chan struct{}, maxAsking), ids: map[uint32]bool{}}
}

// Listen opens the sockets that the configuration asks for, all or none. Call it once, before Run. Joins says that another process
// of this server may have them, and keeps what comes for its own sessions.
func (v *Server) Listen(c *config.SRTServer, joins bool) error {
	if !c.Enabled {
		return nil
	}
	for _, addr := range listen.Apart(c.Listen) {
		ln, err := v.listen(addressOf(addr), options(c), joins)
		if err != nil {
			v.shut()
			return fmt.Errorf("srt_server: %w", err)
		}
		v.o.Log.Info("listening for SRT", "address", ln.Addr())
		v.open = append(v.open, ln)
	}
	return nil
}

// listen opens a socket of a server, which may be divided.
func (v *Server) listen(addr string, config srt.Config, joins bool) (srt.Listener, error) {
	buffers := config.ListenerControl
	config.ListenerControl = func(network, address string, c syscall.RawConn) error {
		v.raw = append(v.raw, c)
		if listen.CanDivide {
			if err := listen.ShareControl(network, address, c); err != nil {
				return err
			}
		}
		return buffers(network, address, c)
	}
	if joins {
		return openShared(addr, config)
	}
	return open(addr, config)
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
	return openShared(addr, config)
}

func openShared(addr string, config srt.Config) (srt.Listener, error) {
	ln, err := srt.Listen("srt", addr, config)
	if err != nil {
		return nil, fmt.Errorf("srt: %s: %w", addr, err)
	}
	return ln, nil
}

// Divide has what comes for the sessions there are go on coming here once another process of this server listens at the same
// addresses, and all else go there.
func (v *Server) Divide() error {
	v.Drain()
	v.mu.Lock()
	d := listen.Division{Sockets: 1, IDs: slices.Sorted(maps.Keys(v.ids))}
	v.mu.Unlock()
	for _, raw := range v.raw {
		if err := listen.Divide(raw, d); err != nil {
			return fmt.Errorf("srt: %w", err)
		}
	}
	return nil
}

// know notes a connection of the library's until it is forgotten.
func (v *Server) know(id uint32) (forget func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ids[id] = true
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.ids, id)
	}
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
