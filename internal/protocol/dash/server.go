package dash

import (
	"context"
	"log/slog"
	"path"
	"strings"
	"time"

	"weir/internal/cmaf"
	"weir/internal/config"
	"weir/internal/shelf"
	"weir/internal/stream"
)

// Options set up a Server.
type Options struct {
	Registry func() *stream.Registry // where sessions ask; called when there is one
	Config   func() *config.Config   // the configuration in force
	Guarded  func(vhost string) bool // not everybody may play there; nil: everybody may
	Log      *slog.Logger            // nil: slog.Default()
}

// Server makes DASH of all streams that are to have it, and serves it.
type Server struct {
	o        Options
	outputs  *shelf.Stock[*output]
	places   shelf.Places[place]
	sessions *shelf.Sessions
	wishes   *shelf.Wishes
	desk     *shelf.Desk[*output]
}

// New returns a server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Server{
		o: o, outputs: shelf.NewStock((*output).whose, (*output).isAt),
		sessions: shelf.NewSessions(shelf.Options{
			Kind: "dash-play", Param: ctxName, Registry: o.Registry, Log: o.Log,
			Limit: func() int { return o.Config().MaxConnections },
		}),
		wishes: shelf.NewWishes(o.Registry),
	}
	s.desk = &shelf.Desk[*output]{
		Stock: s.outputs, Sessions: s.sessions, Wishes: s.wishes, Config: o.Config, Form: "DASH", List: "manifest",
	}
	return s
}

// Chunks is the output for cmaf.Standing.
func (s *Server) Chunks() cmaf.Kind {
	return cmaf.Kind{
		Name: "dash",
		Wanted: func(vhost string) bool {
			v := s.o.Config().Exactly(vhost)
			return v != nil && v.Dash.Enabled
		},
		Part: func(vhost string) time.Duration {
			if v := s.o.Config().Exactly(vhost); v != nil && v.Dash.DashLowLatency {
				return v.Dash.DashPart
			}
			return 0
		},
		Open: s.open,
	}
}

// Run ends sessions that are over and deletes the files of streams that are, until ctx ends. Then
// it waits for the outputs, which the Registry ends, and deletes what dash_dispose says.
func (s *Server) Run(ctx context.Context) error {
	return shelf.Tend(ctx, s.outputs, s.sessions, s.wishes)
}

// rules returns the settings in force for an output: its last ones if its vhost is gone.
func (s *Server) rules(o *output) *config.Dash {
	if v := s.o.Config().Exactly(o.name.Vhost); v != nil {
		return &v.Dash
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.rules
}

// output returns a stream's output at the place that the settings name, to be added to by its caller alone: the one
// there is, or one that goes on where the manifest on disk ends. Brought is that it comes from
// another server.
func (s *Server) output(n shelf.Name, v *config.Vhost, brought bool) *output {
	o := s.newOutput(n, v)
	o = s.outputs.Occupy(o, func(was *output) {
		if was != nil {
			o.inherit(was)
		}
		o.recall(&v.Dash)
		s.places.Put(o, n.Vhost, o.url, place{output: o})
		s.places.Put(o, n.Vhost, o.clockURL(), place{output: o, clock: true})
	})
	o.feed(brought)
	return o
}

func (s *Server) newOutput(n shelf.Name, v *config.Vhost) *output {
	o := &output{
		server: s, name: n, dir: shelf.Dir(v.Dash.DashPath), file: n.Expand(v.Dash.DashMpdFile),
		base: shelf.Base(s.o.Config(), v, v.Dash.DashPath), rules: &v.Dash, last: time.Now(), changed: make(chan struct{}),
	}
	o.url = path.Join(o.base, o.file)
	o.folder = path.Base(n.Stream)
	if o.folder == path.Base(o.file) { // a directory cannot have the name of a file
		o.folder = strings.TrimSuffix(o.folder, path.Ext(o.folder)) + ".dash"
	}
	return o
}

// whose and isAt are for the stock.
func (o *output) whose() shelf.Name { return o.name }
func (o *output) isAt(other *output) bool {
	return o.dir == other.dir && o.file == other.file && o.url == other.url
}

// clockURL is the path at which the time is told.
func (o *output) clockURL() string { return path.Join(path.Dir(o.url), o.folder, clockName) }

// retire forgets an output that has nothing left, unless somebody adds to it.
func (s *Server) retire(o *output) {
	if s.outputs.Retire(o) {
		s.places.Take(o, o.name.Vhost, o.url)
		s.places.Take(o, o.name.Vhost, o.clockURL())
	}
}
