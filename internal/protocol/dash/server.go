package dash

import (
	"context"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"weir/internal/cmaf"
	"weir/internal/config"
	"weir/internal/shelf"
	"weir/internal/stream"
)

// sweepEvery is how often it is looked for what is over: sessions, and streams without frames.
const sweepEvery = time.Second

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
	places   shelf.Places[place]
	sessions *shelf.Sessions

	mu       sync.Mutex // guards what follows, and is taken after any output's locks
	outputs  map[shelf.Name]*output
	old      map[*output]struct{} // whose stream has another output now
	running  int                  // packagers
	stopping bool
	idle     chan struct{} // closed when the last packager has ended after a stop
}

// New returns a server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{
		o: o, outputs: map[shelf.Name]*output{}, old: map[*output]struct{}{}, idle: make(chan struct{}),
		sessions: shelf.NewSessions(shelf.Options{
			Kind: "dash-play", Param: ctxName, Registry: o.Registry, Log: o.Log,
			Limit: func() int { return o.Config().MaxConnections },
		}),
	}
}

// Chunks is the output for cmaf.Standing.
func (s *Server) Chunks() cmaf.Kind {
	return cmaf.Kind{
		Name: "dash",
		Wanted: func(vhost string) bool {
			v := s.vhost(vhost)
			return v != nil && v.Dash.Enabled
		},
		Part: func(vhost string) time.Duration {
			if v := s.vhost(vhost); v != nil && v.Dash.DashLowLatency {
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
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.sessions.Expire(now)
			s.sweep(now)
		case <-ctx.Done():
			s.stop()
			return nil
		}
	}
}

// stop is the end of Run.
func (s *Server) stop() {
	s.mu.Lock()
	s.stopping = true
	if s.running == 0 {
		close(s.idle)
	}
	s.mu.Unlock()
	s.sessions.Stop()
	<-s.idle
	for _, o := range s.all() {
		if s.rules(o).DashDispose > 0 {
			o.dispose()
		}
	}
}

// all lists the outputs.
func (s *Server) all() (list []*output) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outputs {
		list = append(list, o)
	}
	for o := range s.old {
		list = append(list, o)
	}
	return list
}

// vhost returns the vhost of exactly that name, or nil.
func (s *Server) vhost(name string) *config.Vhost {
	if v := s.o.Config().Vhost(name); v != nil && v.Name == name {
		return v
	}
	return nil
}

// rules returns the settings in force for an output: its last ones if its vhost is gone.
func (s *Server) rules(o *output) *config.Dash {
	if v := s.vhost(o.name.Vhost); v != nil {
		return &v.Dash
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.rules
}

func (s *Server) isActive(o *output) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return o.active
}

// enter counts a packager; it is false when the server stops.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.running++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running == 0 && s.stopping {
		close(s.idle)
	}
}

// output returns a stream's output at the place that the settings name, to be added to: the one there is, or one
// that goes on where the manifest on disk ends.
func (s *Server) output(n shelf.Name, v *config.Vhost) *output {
	o := s.newOutput(n, v)
	s.mu.Lock()
	was := s.outputs[n]
	if was != nil {
		if was.dir == o.dir && was.file == o.file && was.url == o.url {
			was.active = true
			s.mu.Unlock()
			return was
		}
		was.active = false
		s.old[was] = struct{}{}
	}
	o.active = true
	s.outputs[n] = o
	s.mu.Unlock()
	if was != nil {
		o.inherit(was)
	}
	o.recall(&v.Dash)
	s.places.Put(o, n.Vhost, o.url, place{output: o})
	s.places.Put(o, n.Vhost, path.Join(path.Dir(o.url), o.folder, clockName), place{output: o, clock: true})
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

// release says that nobody adds to an output any more.
func (s *Server) release(o *output) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.active = false
}

// retire forgets an output that has nothing left, unless somebody adds to it.
func (s *Server) retire(o *output) {
	s.mu.Lock()
	active := o.active
	if !active {
		if s.outputs[o.name] == o {
			delete(s.outputs, o.name)
		}
		delete(s.old, o)
	}
	s.mu.Unlock()
	if !active {
		s.places.Take(o, o.name.Vhost, o.url)
		s.places.Take(o, o.name.Vhost, path.Join(path.Dir(o.url), o.folder, clockName))
	}
}
