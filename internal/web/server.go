package web

import (
	"log/slog"
	"net/http"
	"strings"

	"weir/internal/config"
)

// Options set up a Server.
type Options struct {
	Config  func() *config.Config  // the configuration in force, asked at each request
	Routes  []Route                // asked in this order, after the API and before files
	Hidden  func(file string) bool // files that are nobody's business here, by their whole path without links; nil: none
	API     http.Handler           // answers below /api/; nil: nobody does
	Pages   http.Handler           // answers / and /players/ where no file does; nil: nobody does
	Product string                 // the Server header; empty: none
	Log     *slog.Logger           // nil: slog.Default()
}

// Server answers requests for streams and files. It is an http.Handler for any number of
// listeners, plain or with TLS.
type Server struct {
	o Options
}

// New returns a server. It reads its settings at each request, so a reload reaches it.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{o: o}
}

// ServeHTTP answers a request. The API, which has rules of its own for pages of other sites, comes
// first, then the routes, then files and pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer guard(s.o.Log, r)
	p := newPatient(w)
	defer p.done()
	if s.o.Product != "" {
		p.Header().Set("Server", s.o.Product)
	}
	if s.o.API != nil && s.isAPI(r.URL.Path) {
		bound(p, r)
		s.o.API.ServeHTTP(p, r)
		return
	}
	if !swallow(p, r) || !allowed(p, r, s.o.Config().HTTPServer.Crossdomain) {
		return
	}
	s.route(r).ServeHTTP(p, r)
}

// route finds who answers a request that is not for the API. Its paths are nobody else's.
func (s *Server) route(r *http.Request) http.Handler {
	if !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/console/") {
		for _, route := range s.o.Routes {
			if h := route(r); h != nil {
				return h
			}
		}
	}
	return http.HandlerFunc(s.files)
}

// isAPI reports whether a path is the API's. The version is told to everybody, all else where both
// have the same address.
func (s *Server) isAPI(path string) bool {
	if path == "/api/v1/versions" {
		return true
	}
	if !s.o.Config().SharesAPI() {
		return false
	}
	for _, prefix := range []string{"/api/", "/rtc/"} {
		if strings.HasPrefix(path, prefix) || path+"/" == prefix {
			return true
		}
	}
	return path == "/metrics"
}
