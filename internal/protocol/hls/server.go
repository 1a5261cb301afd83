package hls

import (
	"context"
	"log/slog"
	"path"
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
	Registry  func() *stream.Registry // where sessions ask; called when there is one
	Config    func() *config.Config   // the configuration in force
	Guarded   func(vhost string) bool // not everybody may play there; nil: everybody may
	OnSegment func(Segment)           // told of every segment in the order of the stream, and must not block; may be nil
	Log       *slog.Logger            // nil: slog.Default()
}

// Server makes HLS of all streams that are to have it, and serves it.
type Server struct {
	o Options

	mu       sync.Mutex // guards what follows, and is taken after any output's locks
	outputs  map[shelf.Name]*output
	old      map[*output]struct{} // whose stream has another output now
	running  int                  // packagers
	stopping bool
	idle     chan struct{} // closed when the last packager has ended after a stop

	places   shelf.Places[*place]
	sessions *shelf.Sessions
}

// New returns a server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{
		o: o, outputs: map[shelf.Name]*output{}, old: map[*output]struct{}{}, idle: make(chan struct{}),
		sessions: shelf.NewSessions(shelf.Options{
			Kind: "hls-play", Param: ctxName, Registry: o.Registry, Log: o.Log,
			Limit: func() int { return o.Config().MaxConnections },
		}),
	}
}

// pace is how often frames are taken.
const pace = 200 * time.Millisecond

// Standing is the output in transport streams for stream.Options.
func (s *Server) Standing() stream.Standing {
	return stream.Standing{
		Name:   "hls",
		Wanted: func(vhost string) bool { return s.makes(vhost, false) },
		Pace:   func(string) stream.Pace { return stream.Pace{Latency: pace} },
		Run:    s.pack,
	}
}

// Chunks is the output in MP4.
func (s *Server) Chunks() cmaf.Kind {
	return cmaf.Kind{
		Name:   "hls",
		Wanted: func(vhost string) bool { return s.makes(vhost, true) },
		Part: func(vhost string) time.Duration {
			if v := s.vhost(vhost); v != nil && v.HLS.HlsLowLatency {
				return v.HLS.HlsPart
			}
			return 0
		},
		Open: s.open,
	}
}

// makes reports whether a vhost is to have HLS of one form.
func (s *Server) makes(vhost string, mp4 bool) bool {
	v := s.vhost(vhost)
	return v != nil && v.HLS.Enabled && v.HLS.FMP4() == mp4
}

// Run ends sessions that are over and deletes the files of streams that are, until ctx ends. Then
// it waits for the outputs, which the Registry ends, and deletes what hls_dispose says.
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
		if s.rules(o).HlsDispose > 0 {
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
func (s *Server) rules(o *output) *config.HLS {
	if v := s.vhost(o.name.Vhost); v != nil {
		return &v.HLS
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

// output returns a stream's output at the place that the settings name, to be added to by its caller alone:
// the one there is, or one that goes on where the files on disk end. Next is the least sequence number.
func (s *Server) output(n shelf.Name, v *config.Vhost, next uint64) *output {
	o := s.take(n, v)
	for !s.occupy(o) {
		o = s.take(n, v)
	}
	o.resume(&v.HLS)
	o.mu.Lock()
	o.next = max(o.next, next)
	o.mu.Unlock()
	o.become(v.HLS.FMP4(), v.HLS.HlsLowLatency)
	return o
}

// occupy waits until nobody else adds to an output. It is false if the stream has another output by then.
func (s *Server) occupy(o *output) bool {
	o.use.Lock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outputs[o.name] != o {
		o.use.Unlock()
		return false
	}
	o.active = true // also if who had it has let go of it just now
	return true
}

// take finds the output of a stream, or makes one.
func (s *Server) take(n shelf.Name, v *config.Vhost) *output {
	o := s.newOutput(n, v)
	s.mu.Lock()
	defer s.mu.Unlock()
	if was := s.outputs[n]; was != nil {
		if was.dir == o.dir && was.file == o.file && was.url == o.url {
			was.active = true
			return was
		}
		was.active = false
		s.old[was] = struct{}{}
	}
	o.active = true
	s.outputs[n] = o
	s.places.Put(o, n.Vhost, o.url, &place{output: o})
	return o
}

func (s *Server) newOutput(n shelf.Name, v *config.Vhost) *output {
	o := &output{
		server: s, name: n, dir: shelf.Dir(v.HLS.HlsPath), file: n.Expand(v.HLS.HlsM3u8File),
		base: shelf.Base(s.o.Config(), v, v.HLS.HlsPath), rules: &v.HLS, last: time.Now(), changed: make(chan struct{}),
		born: time.Now().UnixMilli(),
	}
	o.url = path.Join(o.base, o.file)
	return o
}

// release says that nobody adds to an output any more.
func (s *Server) release(o *output) {
	s.mu.Lock()
	o.active = false
	s.mu.Unlock()
	o.use.Unlock()
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
	}
}
