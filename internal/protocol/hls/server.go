package hls

import (
	"context"
	"log/slog"
	"path"
	"sync"
	"time"

	"weir/internal/config"
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
	outputs  map[name]*output
	old      map[*output]struct{} // whose stream has another output now
	places   map[spot]*place
	sessions map[string]*session
	running  int // packagers
	stopping bool
	idle     chan struct{} // closed when the last packager has ended after a stop
}

// New returns a server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Server{
		o: o, outputs: map[name]*output{}, old: map[*output]struct{}{}, places: map[spot]*place{},
		sessions: map[string]*session{}, idle: make(chan struct{}),
	}
}

// pace is how often frames are taken.
const pace = 200 * time.Millisecond

// Standing is the output for stream.Options.
func (s *Server) Standing() stream.Standing {
	return stream.Standing{
		Name: "hls",
		Wanted: func(vhost string) bool {
			v := s.vhost(vhost)
			return v != nil && v.HLS.Enabled
		},
		Pace: stream.Pace{Latency: pace},
		Run:  s.pack,
	}
}

// Run ends sessions that are over and deletes the files of streams that are, until ctx ends. Then
// it waits for the outputs, which the Registry ends, and deletes what hls_dispose says.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.expire(now)
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
	s.endAll(errStopped)
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
	if v := s.vhost(o.name.vhost); v != nil {
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

// output returns a stream's output at the place that the settings name, to be added to: the one
// there is, or one that goes on where the files on disk end. Next is the least sequence number.
func (s *Server) output(n name, v *config.Vhost, next uint64) *output {
	o := s.newOutput(n, v)
	s.mu.Lock()
	if was := s.outputs[n]; was != nil {
		if was.dir == o.dir && was.file == o.file && was.url == o.url {
			was.active = true
			s.mu.Unlock()
			was.resume(&v.HLS)
			return was
		}
		was.active = false
		s.old[was] = struct{}{}
	}
	o.active = true
	s.outputs[n] = o
	s.mu.Unlock()
	o.resume(&v.HLS)
	o.mu.Lock()
	o.next = max(o.next, next)
	o.mu.Unlock()
	s.put(o, o.url, &place{output: o})
	return o
}

func (s *Server) newOutput(n name, v *config.Vhost) *output {
	o := &output{
		server: s, name: n, dir: dir(v.HLS.HlsPath), file: n.expand(v.HLS.HlsM3u8File),
		base: base(s.o.Config(), v), rules: &v.HLS, last: time.Now(), shown: make(chan struct{}),
	}
	o.url = path.Join(o.base, o.file)
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
		s.take(o, o.url)
	}
}

// put says what is at a path.
func (s *Server) put(o *output, at string, p *place) {
	if at == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places[spot{o.name.vhost, at}] = p
	s.places[spot{"", at}] = p
}

// take says that what an output had at a path is not there any more.
func (s *Server) take(o *output, at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, where := range [...]spot{{o.name.vhost, at}, {"", at}} {
		if p := s.places[where]; p != nil && p.output == o {
			delete(s.places, where)
		}
	}
}
