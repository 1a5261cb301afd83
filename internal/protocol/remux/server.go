package remux

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"strings"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/web"
)

// Product is how the server is named in a stream's description.
type Product struct {
	Signature string // with its version, as players know it
	Version   string
}

// Options set up a Server.
type Options struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Product  Product
	// Recorded reports whether there is a file for a request: it is sent where nobody publishes the
	// stream that the address means. Nil: there are no files.
	Recorded func(r *http.Request) bool
	Cache    *Cache // of newest sounds; nil for none
	Log      *slog.Logger
}

// Server answers requests for live streams.
type Server struct {
	options Options
	shards  fanout.Shards
	crowd   crowd // on connections that the HTTP server does not know any more
}

// New returns a server of the registry's streams.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{options: o}
}

// Route is a web.Route: it takes the addresses that http_remux of a vhost mounts streams on.
func (s *Server) Route(r *http.Request) http.Handler {
	host := web.Host(r)
	c := s.options.Config()
	v := c.Vhost(host)
	if v == nil || !v.HTTPRemux.Enabled {
		return nil
	}
	form := formOf(path.Ext(v.HTTPRemux.Mount))
	m := mountOf(v.HTTPRemux.Mount, v.Name)
	if form == nil || m.host != "" && !strings.EqualFold(m.host, host) {
		return nil
	}
	t, ok := m.match(r.URL.Path)
	switch {
	case !ok:
		return nil
	case !t.proper() || slashed(r.URL.RawPath):
		return refuse(http.StatusBadRequest, "The address is not one of a stream.")
	case !v.Enabled:
		return refuse(http.StatusForbidden, "The virtual host "+v.Name+" is switched off.")
	}
	if t.appless {
		t.app = s.appOf(v.Name, t.stream)
	}
	if s.options.Recorded != nil && !s.isLive(v.Name, t) && s.options.Recorded(r) {
		return nil
	}
	rules := rules{get: s.options.Config, of: c, now: v}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, t, form, rules) })
}

func (s *Server) isLive(vhost string, t target) bool {
	info, ok := s.options.Registry.Find(vhost, t.app, t.stream)
	return ok && info.Publisher != ""
}

// slashed reports whether a path as it was sent hides slashes.
func slashed(raw string) bool {
	raw = strings.ToLower(raw)
	return strings.Contains(raw, "%2f") || strings.Contains(raw, "%5c")
}

// appOf finds the application of a stream whose address has none.
func (s *Server) appOf(vhost, name string) string {
	for _, info := range s.options.Registry.Streams() {
		if info.Vhost == vhost && info.Name == name && info.Publisher != "" {
			return info.App
		}
	}
	return "__defaultApp__"
}

// answer answers a request for a stream.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, t target, form *form, rules rules) {
	switch r.Method {
	case http.MethodGet:
		s.play(w, r, t, form, rules)
	case http.MethodHead:
		if !s.isLive(rules.now.Name, t) {
			web.Fail(w, http.StatusNotFound, "Nobody publishes this stream.")
			return
		}
		head(w.Header(), r, form)
	default:
		w.Header().Set("Allow", "GET, HEAD")
		web.Fail(w, http.StatusMethodNotAllowed, "A stream can be played, with GET, and nothing else.")
	}
}

// head sets the headers of a stream.
func head(h http.Header, r *http.Request, form *form) {
	h.Set("Content-Type", form.mime)
	h.Set("Cache-Control", "no-cache")
	if r.ProtoMajor == 1 {
		h.Set("Connection", "close")
	}
}

// request names the session and the stream to the registry.
func (s *Server) request(r *http.Request, t target, rules rules) *stream.Request {
	scheme, param := "http://", ""
	if r.TLS != nil {
		scheme = "https://"
	}
	if r.URL.RawQuery != "" {
		param = "?" + r.URL.RawQuery
	}
	server := r.Header.Get(viaHeader) != ""
	return &stream.Request{
		ID: stream.NewID(), Kind: "flv-play", Remote: web.ClientAddr(r),
		Vhost: rules.now.Name, App: t.app, Stream: t.stream, Via: viaOf(r),
		Name: t.stream + path.Ext(r.URL.Path), Param: param,
		TCURL: scheme + web.Host(r) + "/" + t.app, PageURL: r.Referer(), Token: web.Bearer(r),
		Viewer: true, Link: fanout.LinkOf(web.Conn(r)), Traffic: &stream.Traffic{},
		Pace: func() stream.Pace {
			play := &rules.current().Play
			pace := stream.Pace{Latency: play.MwLatency, Frames: play.MwMsgs}
			if server {
				return pace.ForServer()
			}
			return pace
		},
	}
}

// play sends a stream, or says why not.
func (s *Server) play(w http.ResponseWriter, r *http.Request, t target, form *form, rules rules) {
	ctx, cancel := context.WithCancelCause(context.Background()) // the request's ends with this function
	stop := context.AfterFunc(r.Context(), func() { cancel(context.Cause(r.Context())) })
	request := s.request(r, t, rules)
	request.Kick = cancel
	v := &viewer{
		server: s, request: request, form: form, rules: rules, remux: rules.now.HTTPRemux,
		log:    s.options.Log.With("cid", request.ID),
		frames: make([]*media.Frame, media.MaxBatch),
	}
	v.out = newSink(w, r, form, request.Traffic, cancel, s.options.Config().HTTPServer.Crossdomain)
	if mayDirect(w, r, &v.rules) {
		v.shard, v.chunked = true, r.ProtoAtLeast(1, 1)
	}
	err := v.run(ctx, cancel)
	stop()
	if v.direct == nil {
		v.report(err)
		cancel(nil)
		return
	}
	base := context.Background()
	if h, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && h.BaseContext != nil {
		base = h.BaseContext(nil) // ends when the server stops
	}
	s.crowd.admit(func() { v.direct.serve(ctx, base, cancel) })
}

// Run waits for ctx and then until the last viewer has gone: all have to, when the HTTP server stops.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.crowd.wait()
	return nil
}
