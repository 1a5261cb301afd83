package rtmp

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
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
	records sync.Pool                                  // of *record
	secure  func(net.Conn, net.Buffers) (int64, error) // writes what goes over TLS
	rooms   sync.Pool                                  // of *room
	shards  fanout.Shards
}

// NewServer returns a server of the registry's streams.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	v := &Server{options: o, pid: os.Getpid()}
	v.secure = recordWriter(&v.records)
	return v
}

// Serve serves one client until it leaves, is refused, or ctx ends, and closes the connection.
// It logs the session's start and end.
func (v *Server) Serve(ctx context.Context, conn net.Conn) {
	v.serve(ctx, newSession(v, conn))
}

func (v *Server) serve(ctx context.Context, s *session) {
	conn := s.conn
	ctx, stop := s.life.begin(ctx)
	defer stop()
	var err error
	defer func() { s.depart(err) }()
	defer s.cancel(nil) // a panic passes through here
	err = s.life.finish(ctx, s.run(ctx))
	broken := s.out.Broken()
	if len(farewell(err)) > 0 && !broken {
		linger(conn)
	}
	shut(conn, broken)
	s.report(err, time.Since(s.started))
}
