package flvpost

import (
	"log/slog"
	"net/http"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/web"
)

// Options set up a Server.
type Options struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Output   config.Place          // where streams go, with the variables [app] and [stream]
	Product  string                // the Server header; empty: none
	Log      *slog.Logger          // nil: slog.Default()
}

// Server publishes what requests have in their bodies. It is an http.Handler for HTTP/1: it takes each connection from
// the HTTP server, so that it can answer a client that still sends, and returns when that has left.
type Server struct {
	o Options
}

// New returns a server that publishes to the registry's streams.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o}
}

// ServeHTTP publishes the body of a request, whatever its method, to its end.
func (v *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if v.o.Product != "" {
		w.Header().Set("Server", v.o.Product)
	}
	if r.ContentLength == 0 {
		w.Header().Set("Allow", "POST, PUT")
		web.Fail(w, http.StatusMethodNotAllowed, "There is nothing to see here: send a stream in FLV as the body of POST or PUT.")
		return
	}
	conn, read, err := http.NewResponseController(w).Hijack()
	if err != nil {
		web.Fail(w, http.StatusHTTPVersionNotSupported, "A stream can be sent over HTTP/1 only.")
		return
	}
	id := stream.NewID()
	s := &session{
		server: v, asks: r, id: id, remote: web.ClientAddr(r), log: v.o.Log.With("cid", id), started: time.Now(),
		conn: conn, traffic: &stream.Traffic{}, what: "flv connection",
	}
	s.body = newBody(r, conn, read.Reader, s.traffic)
	s.serve(r.Context())
}
