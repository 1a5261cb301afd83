package server

import (
	"context"
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
		s.apiFront,
	}
}

// build makes the parts of the server.
func (s *Server) build() {
	s.registry = stream.NewRegistry(stream.Options{Settings: s.settings})
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
	})
	s.apiFront = newHTTPFront(options, api.Server(s.api))
}

// listen opens the sockets that the configuration asks for.
func (s *Server) listen(c *config.Config) error {
	if err := s.rtmpFront.apply(c.Listen); err != nil {
		return err
	}
	var addrs []string
	if c.HTTPAPI.Enabled {
		addrs = c.HTTPAPI.Listen
	}
	return s.apiFront.apply(addrs)
}

// settings gives the hub a virtual host's rules.
func (s *Server) settings(vhost string) stream.Settings {
	v := s.config().Vhost(vhost)
	if v == nil {
		return stream.Settings{}
	}
	return stream.Settings{
		GOPCache:          v.Play.GopCache,
		GOPCacheMaxFrames: max(0, v.Play.GopCacheMaxFrames),
		QueueLength:       v.Play.QueueLength,
	}
}

func (s *Server) know(c *config.Config) {
	for _, v := range c.Vhosts {
		s.registry.Know(v.Name)
	}
}
