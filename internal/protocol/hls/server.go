package hls

import (
	"context"
	"log/slog"
	"path"
	"time"

	"weir/internal/cmaf"
	"weir/internal/config"
	"weir/internal/shelf"
	"weir/internal/stream"
)

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
	o        Options
	outputs  *shelf.Stock[*output]
	places   shelf.Places[*place]
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
			Kind: "hls-play", Param: ctxName, Registry: o.Registry, Log: o.Log,
			Limit: func() int { return o.Config().MaxConnections },
		}),
		wishes: shelf.NewWishes(o.Registry),
	}
	s.desk = &shelf.Desk[*output]{
		Stock: s.outputs, Sessions: s.sessions, Wishes: s.wishes, Config: o.Config, Form: "HLS", List: "playlist", Hidden: []string{directivePrefix},
	}
	return s
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
			if v := s.o.Config().Exactly(vhost); v != nil && v.HLS.HlsLowLatency {
				return v.HLS.HlsPart
			}
			return 0
		},
		Open: s.open,
	}
}

// makes reports whether a vhost is to have HLS of one form.
func (s *Server) makes(vhost string, mp4 bool) bool {
	v := s.o.Config().Exactly(vhost)
	return v != nil && v.HLS.Enabled && v.HLS.FMP4() == mp4
}

// Run ends sessions that are over and deletes the files of streams that are, until ctx ends. Then
// it waits for the outputs, which the Registry ends, and deletes what hls_dispose says.
func (s *Server) Run(ctx context.Context) error {
	return shelf.Tend(ctx, s.outputs, s.sessions, s.wishes)
}

// rules returns the settings in force for an output: its last ones if its vhost is gone.
func (s *Server) rules(o *output) *config.HLS {
	if v := s.o.Config().Exactly(o.name.Vhost); v != nil {
		return &v.HLS
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.rules
}

// output returns a stream's output at the place that the settings name, to be added to by its caller alone:
// the one there is, or one that goes on where the files on disk end. Next is the least sequence number; brought is that the
// stream comes from another server.
func (s *Server) output(n shelf.Name, v *config.Vhost, next uint64, brought bool) *output {
	o := s.outputs.Occupy(s.newOutput(n, v), func(*output) {})
	s.places.Put(o, n.Vhost, o.url, &place{output: o})
	o.resume(&v.HLS)
	o.feed(next, brought)
	o.become(v.HLS.FMP4(), v.HLS.HlsLowLatency)
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

// whose and isAt are for the stock.
func (o *output) whose() shelf.Name { return o.name }
func (o *output) isAt(other *output) bool {
	return o.dir == other.dir && o.file == other.file && o.url == other.url
}

// retire forgets an output that has nothing left, unless somebody adds to it.
func (s *Server) retire(o *output) {
	if s.outputs.Retire(o) {
		s.places.Take(o, o.name.Vhost, o.url)
	}
}
