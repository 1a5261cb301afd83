// Package server puts the parts together: it starts them from a configuration, applies a new
// one to all that is running, and stops them.
package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/internal/api"
	"weir/internal/config"
	"weir/internal/listen"
	"weir/internal/protocol/hls"
	"weir/internal/protocol/remux"
	"weir/internal/stream"
)

// Options set up a Server.
type Options struct {
	Config    *config.Config
	Load      func() (*config.Config, error) // reads the configuration anew; nil cannot reload
	Identity  Identity
	Inherited *listen.Inherited // sockets left by whoever started the process
	Log       *slog.Logger
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
	identity  Identity
	inherited *listen.Inherited
	log       *slog.Logger

	registry   *stream.Registry
	sounds     *remux.Cache
	live       *remux.Server
	hls        *hls.Server
	limit      *listen.Limit
	api        *api.API
	rtmpFront  *front
	rtmpsFront *front
	rtmpsCert  certificate
	apiFront   *httpFront
	webFront   *httpFront
}

// New opens the sockets of a server; Run serves them.
func New(o Options) (*Server, error) {
	s := &Server{load: o.Load, identity: o.Identity, inherited: o.Inherited, log: o.Log}
	s.current.Store(o.Config)
	s.kept.Store(&map[string]*config.Vhost{})
	s.build()
	if err := s.listen(o.Config); err != nil {
		s.shut()
		return nil, err
	}
	return s, nil
}

// config returns the configuration in force.
func (s *Server) config() *config.Config { return s.current.Load() }

// Run serves until ctx ends, and returns nil then.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, service := range s.services() {
		group.Go(func() error { return service.Run(ctx) })
	}
	return group.Wait()
}

func (s *Server) shut() {
	s.rtmpFront.shut()
	s.rtmpsFront.shut()
	s.apiFront.shut()
	s.webFront.shut()
}

// Reload reads the configuration anew and applies it to what is running; nobody is dropped.
// With an error the configuration in force stays.
func (s *Server) Reload() error {
	if s.load == nil {
		return errors.New("server: there is no configuration file to read")
	}
	next, err := s.load()
	if err != nil {
		return err
	}
	if err := s.listen(next); err != nil {
		return err
	}
	changes := next.Changed(&s.config().Settings)
	s.keep(next)
	s.current.Store(next)
	s.know(next)
	s.registry.Review()
	var applied, restart []string
	for _, c := range changes {
		switch {
		case c.Later:
		case c.Reload == config.Restart:
			restart = append(restart, c.Path)
		default:
			applied = append(applied, c.Path)
		}
	}
	s.log.Info("configuration reloaded", "changed", applied)
	if len(restart) > 0 {
		s.log.Warn("these changes need a restart", "changed", restart)
	}
	announce(s.log, next)
	return nil
}

// Drain stops accepting clients, and returns when the last one has left or ctx ends.
func (s *Server) Drain(ctx context.Context) {
	c := s.config()
	if !wait(ctx, c.GraceStartWait) {
		return
	}
	s.shut()
	for _, f := range []*httpFront{s.apiFront, s.webFront} {
		f.http.SetKeepAlivesEnabled(false)
	}
	for s.limit.Count() > 0 {
		s.log.Info("waiting for clients to leave", "clients", s.limit.Count())
		for range drainTicks {
			if s.limit.Count() == 0 {
				break
			}
			if !wait(ctx, drainTick) {
				return
			}
		}
	}
	wait(ctx, c.GraceFinalWait)
}

// A drain looks each tick whether all have left, and logs after so many.
const (
	drainTick  = 100 * time.Millisecond
	drainTicks = 50
)

// wait waits for d; it is false if ctx has ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// announce logs what a user should know of a configuration.
func announce(log *slog.Logger, c *config.Config) {
	for _, n := range c.Notes {
		log.Warn(n.String())
	}
	if len(c.WithoutEffect) > 0 {
		log.Warn("these directives are accepted and have no effect yet", "directives", c.WithoutEffect)
	}
	for _, v := range c.Vhosts {
		var open []string
		if v.Security.Enabled {
			open = append(open, "security")
		}
		if v.Refer.Enabled {
			open = append(open, "refer")
		}
		if v.HTTPHooks.Enabled {
			open = append(open, "http_hooks")
		}
		if len(open) > 0 {
			log.Error("access rules are not enforced yet: everybody may publish and play", "vhost", v.Name, "rules", open)
		}
	}
}
