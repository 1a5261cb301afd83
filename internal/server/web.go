package server

import (
	"net/http"
	"time"

	"weir/internal/api"
	"weir/internal/console"
	"weir/internal/protocol/remux"
	"weir/internal/web"
)

// site makes what the web server answers with. A protocol over HTTP adds one line.
func (s *Server) site() http.Handler {
	var site *web.Server
	s.live = remux.New(remux.Options{
		Registry: s.registry,
		Config:   s.config,
		Product:  remux.Product{Signature: CompatSignature, Version: CompatVersion},
		Recorded: func(r *http.Request) bool { return site.Has(r) },
		Cache:    s.sounds,
		Log:      s.log,
	})
	site = web.New(web.Options{
		Config:  s.config,
		Routes:  []web.Route{s.hls.Route, s.live.Route},
		API:     s.calls(),
		Pages:   console.New(console.Options{Registry: s.registry, Config: s.config}),
		Product: CompatSignature,
		Log:     s.log,
	})
	return site
}

// apiOptions says what the API speaks of.
func (s *Server) apiOptions() api.Options {
	return api.Options{
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
		Disks:       func() []string { return s.config().Stats.Disk },
		Load:        func() string { return s.breaker.Level().String() },
		Measures:    func() bool { return s.config().Stats.Enabled },
	}
}
