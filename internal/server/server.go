// Package server puts the parts together: it starts them from a configuration, applies a new
// one to all that is running, and stops them.
package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"weir/internal/api"
	"weir/internal/config"
	"weir/internal/heartbeat"
	"weir/internal/hook"
	"weir/internal/listen"
	"weir/internal/metrics"
	"weir/internal/protocol/dash"
	"weir/internal/protocol/hls"
	"weir/internal/protocol/remux"
	"weir/internal/protocol/rtmp"
	"weir/internal/protocol/srt"
	"weir/internal/protocol/webrtc"
	"weir/internal/relay"
	"weir/internal/stream"
)

// Options set up a Server.
type Options struct {
	Config    *config.Config
	Load      func() (*config.Config, error) // reads the configuration anew; nil cannot reload
	Identity  Identity
	Inherited *listen.Inherited // sockets left by whoever started the process
	Kin       *listen.Kin       // to the process whose place this one takes; nil is nobody
	Manager   *Manager          // is told how the server fares; nil is nobody
	Log       *slog.Logger

	// Logs opens the log that another configuration asks for; commit has it used, or not. Nil leaves
	// the log as it is.
	Logs func(*config.Config) (commit func(bool), err error)
}

// Identity is who the server is in the API, in callbacks and in heartbeats.
type Identity struct {
	Server  string // the same at every start: "vid-" and seven characters, unless configured
	Service string // of this start
	Pid     int
}

// Server is the running whole.
type Server struct {
	// Set at construction.
	current   atomic.Pointer[config.Config]
	kept      atomic.Pointer[map[string]*config.Vhost] // gone from the configuration, by name
	load      func() (*config.Config, error)
	logs      func(*config.Config) (func(bool), error)
	started   *config.Config // what needs a restart is as it says
	reloading sync.Mutex     // held by a reload
	watch     *watch
	identity  Identity
	inherited *listen.Inherited
	manager   *Manager
	before    *before // whose place this process takes; nil is nobody
	player    *rtmp.Server
	retiring  []*retiring   // what ends when another process takes this one's place
	overUDP   []*retiring   // what ends then if it cannot go on beside that process
	drains    chan struct{} // cap 1: the API asks for a drain
	draining  atomic.Bool
	log       *slog.Logger

	registry   *stream.Registry
	sounds     *remux.Cache
	live       *remux.Server
	hls        *hls.Server
	dash       *dash.Server
	hooks      *hook.Hooks
	limit      *listen.Limit
	api        *api.API
	rtmpFront  *front
	rtmpsFront *front
	srt        *srt.Server
	rtc        *webrtc.Server
	rtcFront   *front
	relay      *relay.Relay
	towards    towards
	rtmpsCert  certificate
	apiFront   *httpFront
	webFront   *httpFront
	cast       casters

	breaker       *metrics.Breaker
	metrics       *metrics.Metrics
	exporterFront *httpFront
	pprofFront    *httpFront
	heart         *heartbeat.Heart
	pithy         *pithy
}

// New opens the sockets of a server; Run serves them.
func New(o Options) (*Server, error) {
	s := &Server{load: o.Load, identity: o.Identity, inherited: o.Inherited, manager: o.Manager, log: o.Log, logs: o.Logs, started: o.Config, drains: make(chan struct{}, 1)}
	s.current.Store(o.Config)
	s.kept.Store(&map[string]*config.Vhost{})
	s.watch = newWatch(s.config, func() { _, _ = s.Reload() }, s.log) // which tells the log of errors
	s.before = newBefore(o.Kin, o.Log)
	s.build()
	if err := s.relay.Join(o.Config); err != nil {
		s.shut()
		return nil, err
	}
	if err := s.listen(o.Config); err != nil {
		s.shut()
		return nil, err
	}
	if s.before != nil {
		return s, nil // the process before still has the sockets of UDP
	}
	if err := s.listenUDP(); err != nil {
		s.shut()
		return nil, err
	}
	return s, nil
}

// listenUDP opens the sockets of sessions over UDP.
func (s *Server) listenUDP() error {
	joins := s.before != nil
	if err := s.srt.Listen(&s.started.SRTServer, joins); err != nil {
		return err
	}
	return s.rtc.Listen(&s.started.RTCServer, joins)
}

// takeOver takes the place of the process before, once that has let go of it.
func (s *Server) takeOver(path string) (*PIDFile, error) {
	pid, err := s.before.take(path)
	if err != nil {
		return nil, err
	}
	if err := s.listenUDP(); err != nil {
		s.log.Error("nobody is served over UDP: start the server again when that is mended", "cause", err)
	}
	return pid, nil
}

// config returns the configuration in force.
func (s *Server) config() *config.Config { return s.current.Load() }

// Run serves until ctx ends, and returns nil then, or ErrStuck if a part does not end.
func (s *Server) Run(ctx context.Context) error {
	last, end := context.WithCancel(context.WithoutCancel(ctx)) // callbacks tell of ends, so theirs is the last
	told := make(chan error, 1)
	go func() { told <- runAll(last, []Service{s.hooks}, s.log) }()
	err := runAll(ctx, s.services(), s.log)
	end()
	return errors.Join(err, <-told)
}

func (s *Server) shut() {
	s.rtmpFront.shut()
	s.rtmpsFront.shut()
	s.rtcFront.shut()
	s.apiFront.shut()
	s.webFront.shut()
	s.cast.shut()
	s.exporterFront.shut()
	s.pprofFront.shut()
}

// announce logs what a user should know of a configuration.
func announce(log *slog.Logger, c *config.Config) {
	for _, n := range c.Notes {
		log.Warn(n.String())
	}
	if len(c.WithoutEffect) > 0 {
		log.Warn("these directives are accepted and have no effect yet", "directives", c.WithoutEffect)
	}
	warnOfProfiles(log, c)
	warnOfAPI(log, c)
}
