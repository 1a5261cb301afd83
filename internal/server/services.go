package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"weir/internal/api"
	"weir/internal/config"
	"weir/internal/listen"
	"weir/internal/protocol/rtmp"
	"weir/internal/stream"
)

// Service is one part of the server. Run blocks, ends with ctx, and returns nil on a clean
// stop.
type Service interface {
	Run(ctx context.Context) error
}

// services is the table of everything that runs. A new protocol adds one line.
func (s *Server) services() []Service {
	return []Service{
		s.registry,
		s.api,
		s.rtmpFront,
		s.rtmpsFront,
		s.apiFront,
	}
}

// build makes the parts of the server.
func (s *Server) build() {
	s.registry = stream.NewRegistry(stream.Options{Settings: s.settings, Log: s.log})
	s.know(s.config())
	s.limit = listen.NewLimit(
		func() int { return s.config().MaxConnections },
		func() int { return s.config().MaxConnectionsPerIP },
		s.log,
	)
	options := listen.Options{Limit: s.limit, Inherited: s.inherited, Log: s.log}
	player := rtmp.NewServer(rtmp.Options{
		Registry: s.registry,
		Config:   s.config,
		Product:  rtmp.Product{Signature: CompatSignature, Version: CompatVersion, Name: "weir/" + Version},
		Log:      s.log,
	})
	s.rtmpFront = newFront(options, player.Serve)
	s.rtmpsFront = newFront(options, player.Secure(s.rtmpsCert.config()))
	s.api = api.New(api.Options{
		Registry: s.registry,
		Server:   s.identity.Server, Service: s.identity.Service, Pid: s.identity.Pid, Started: time.Now(),
		Version:      api.Version{Major: compatMajor, Minor: compatMinor, Revision: compatRevision},
		WeirVersion:  Version,
		ServerHeader: CompatSignature,
		Connections:  s.limit.Count,
		VhostEnabled: func(name string) bool {
			v := s.config().Vhost(name)
			return v != nil && v.Enabled
		},
		HLS: func(name string) (bool, time.Duration) {
			v := s.config().Vhost(name)
			if v == nil {
				return false, 0
			}
			return v.HLS.Enabled, v.HLS.HlsFragment
		},
		CrossDomain: func() bool { return s.config().HTTPAPI.Crossdomain },
		Profiles:    func() bool { return s.config().HTTPAPI.Pprof },
	})
	web := api.Server(s.api)
	web.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelError)
	s.apiFront = newHTTPFront(options, web)
}

// place is where a front listens.
type place struct {
	front *front
	addrs []string
}

// places lists where c wants the server to listen.
func (s *Server) places(c *config.Config) []place {
	list := []place{{front: s.rtmpFront, addrs: c.Listen}, {front: s.rtmpsFront}, {front: s.apiFront.front}}
	if c.RTMPS.Enabled {
		list[1].addrs = c.RTMPS.Listen
	}
	if c.HTTPAPI.Enabled {
		list[2].addrs = c.HTTPAPI.Listen
	}
	return list
}

// listen opens the sockets that the configuration asks for. With an error it leaves those of
// the configuration in force.
func (s *Server) listen(c *config.Config) error {
	was := s.rtmpsCert.Load()
	if c.RTMPS.Enabled {
		certs, err := listen.LoadCertificates(c.RTMPS.Cert, c.RTMPS.Key, s.log)
		if err != nil {
			return fmt.Errorf("rtmps is enabled and needs a certificate and its key: %w", err)
		}
		s.rtmpsCert.Store(certs)
	}
	for i, p := range s.places(c) {
		err := p.front.apply(p.addrs)
		if err == nil {
			continue
		}
		for _, old := range s.places(s.config())[:i] {
			err = errors.Join(err, old.front.apply(old.addrs))
		}
		s.rtmpsCert.Store(was)
		return err
	}
	return nil
}

// settings gives the hub a virtual host's rules.
func (s *Server) settings(vhost string) stream.Settings {
	v := s.config().Vhost(vhost)
	if kept := (*s.kept.Load())[vhost]; kept != nil {
		v = kept
	}
	if v == nil {
		return stream.Settings{}
	}
	return stream.Settings{
		GOPCache:          v.Play.GopCache,
		GOPCacheMaxFrames: max(0, v.Play.GopCacheMaxFrames),
		MixCorrect:        v.Play.MixCorrect,
		QueueLength:       v.Play.QueueLength,
		Takeover:          v.Publish.Takeover,
		Resume:            v.Publish.ResumeTimeout,
		Idle:              v.Publish.KickoffForIdle,
	}
}

// know lists the virtual hosts of a configuration.
func (s *Server) know(c *config.Config) {
	for _, v := range c.Vhosts {
		s.registry.Know(v.Name)
	}
}

// keep remembers the virtual hosts that next has not any more: their streams go on by the
// rules they had.
func (s *Server) keep(next *config.Config) {
	kept := maps.Clone(*s.kept.Load())
	for _, v := range s.config().Vhosts {
		kept[v.Name] = v
	}
	for _, v := range next.Vhosts {
		delete(kept, v.Name)
	}
	s.kept.Store(&kept)
}
