package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"weir/internal/api"
	"weir/internal/config"
	"weir/internal/console"
	"weir/internal/protocol/remux"
	"weir/internal/stream"
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
		Routes:  []web.Route{s.lent, s.hls.Route, s.dash.Route, s.live.Route},
		Hidden:  func(file string) bool { return s.hls.Hidden(file) || s.dash.Hidden(file) },
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
		Login: func() (api.Login, bool) {
			auth := &s.config().HTTPAPI.Auth
			return api.Login{Name: auth.Username, Password: auth.Password}, auth.Enabled
		},
		Raw: func() api.Raw {
			c := &s.config().HTTPAPI
			return api.Raw{
				Enabled: c.Enabled, Listen: c.Listen, CrossDomain: c.Crossdomain,
				Commands: c.RawAPI.Enabled, Reload: c.RawAPI.AllowReload,
			}
		},
		Reload: func() (applied, restart []string, err error) {
			done, err := s.Reload()
			return done.Applied, done.Restart, err
		},
		Drain:    s.askToDrain,
		Draining: s.draining.Load,
		Contacts: func() []stream.Contact { return s.rtc.Contacts() },
		Forwards: s.relay.Targets,
		Cluster:  s.nodes,
		Origin:   s.origin,
		Borrows: func(vhost, app, name string) bool {
			return s.before.has(context.Background(), &stream.Request{Vhost: vhost, App: app, Stream: name})
		},
	}
}

// origin tells a server of a cluster where this one is. Where it listens on all addresses, it is where
// the asker has found it.
func (s *Server) origin(coworker string) *api.Origin {
	c := s.config()
	ip, port := split(c.Listen)
	_, control := split(c.HTTPAPI.Listen)
	if at, err := netip.ParseAddr(ip); ip == "" || err == nil && (at.IsUnspecified() || at.IsLoopback()) {
		if ip, _ = split([]string{coworker}); ip == "" {
			ip = "127.0.0.1"
		}
	}
	at := net.JoinHostPort(ip, strconv.Itoa(control))
	return &api.Origin{IP: ip, Port: port, API: at, Routers: []string{at}}
}

// split takes the first of some endpoints apart; one that is a port alone has no address.
func split(endpoints []string) (ip string, port int) {
	if len(endpoints) == 0 {
		return "", 0
	}
	ip, text, err := net.SplitHostPort(endpoints[0])
	if err != nil {
		ip, text = "", endpoints[0]
	}
	port, _ = strconv.Atoi(text) // zero if it is none
	return ip, port
}

// warnOfAPI warns of an API that others than this machine reach, and that asks nobody who they are.
func warnOfAPI(log *slog.Logger, c *config.Config) {
	if !c.HTTPAPI.Enabled || c.HTTPAPI.Auth.Enabled {
		return
	}
	addrs := c.HTTPAPI.Listen
	if c.HTTPAPI.HTTPS.Enabled {
		addrs = append(slices.Clone(addrs), c.HTTPAPI.HTTPS.Listen...)
	}
	for _, at := range addrs {
		if !loopback(at) {
			log.Warn("the HTTP API listens where other machines may reach it, and asks for no password: whoever does can end any session; set http_api { auth { ... } }, or let it listen on 127.0.0.1", "listen", at)
			return
		}
	}
}
