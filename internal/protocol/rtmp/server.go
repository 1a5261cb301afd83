package rtmp

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// Options set up a Server.
type Options struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Product  Product
	Log      *slog.Logger
}

// Server serves RTMP clients.
type Server struct {
	options Options
	pid     int
	records sync.Pool // of *record
	rooms   sync.Pool // of *room
	shards  shards
}

// NewServer returns a server of the registry's streams.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{options: o, pid: os.Getpid()}
}

// Serve serves one client until it leaves, is refused, or ctx ends, and closes the connection.
// It logs the session's start and end.
func (v *Server) Serve(ctx context.Context, conn net.Conn) {
	s := newSession(v, conn)
	ctx, stop := s.life.begin(ctx)
	defer stop()
	defer s.cancel(nil) // a panic passes through here
	err := s.life.finish(ctx, s.run(ctx))
	broken := s.out.broken()
	if len(farewell(err)) > 0 && !broken {
		linger(conn)
	}
	shut(conn, broken)
	s.report(err, time.Since(s.started))
}
