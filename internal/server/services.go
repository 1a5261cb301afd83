package server

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"weir/internal/access"
	"weir/internal/api"
	"weir/internal/cmaf"
	"weir/internal/config"
	"weir/internal/hook"
	"weir/internal/listen"
	"weir/internal/protocol/dash"
	"weir/internal/protocol/hls"
	"weir/internal/protocol/remux"
	"weir/internal/protocol/rist"
	"weir/internal/protocol/rtmp"
	"weir/internal/protocol/srt"
	"weir/internal/protocol/udpts"
	"weir/internal/protocol/webrtc"
	"weir/internal/relay"
	"weir/internal/stream"
	"weir/internal/transport"
	"weir/internal/web"
)

// Service is one part of the server. Run blocks, ends with ctx, and returns nil on a clean
// stop.
type Service interface {
	Run(ctx context.Context) error
}

// services is the table of everything that runs. A new protocol adds one line. What retires ends when a new process takes this
// one's place.
func (s *Server) services() []Service {
	list := []Service{
		s.registry,
		s.hls,
		s.dash,
		s.live,
		s.api,
		s.watch,
		s.rtmpFront,
		s.rtmpsFront,
		s.rtcFront,
		s.apiFront,
		s.webFront,
		s.cast,
		s.breaker,
		s.exporterFront,
		s.pprofFront,
		s.pithy,
		s.relay.Registries(),
	}
	for _, each := range slices.Concat(s.retiring, s.overUDP) {
		list = append(list, each)
	}
	if s.before != nil {
		list = append(list, s.before)
	}
	return list
}

// build makes the parts of the server.
func (s *Server) build() {
	s.sounds = remux.NewCache(s.config)
	s.hls = hls.New(hls.Options{
		Registry:  func() *stream.Registry { return s.registry },
		Config:    s.config,
		Guarded:   s.guarded,
		OnSegment: s.segment,
		Log:       s.log,
	})
	s.dash = dash.New(dash.Options{
		Registry: func() *stream.Registry { return s.registry }, Config: s.config, Guarded: s.guarded, Log: s.log,
	})
	s.hooks = hook.New(hook.Options{
		Vhost: s.vhost, Server: s.identity.Server, Service: s.identity.Service,
		Agent: CompatSignature, Log: s.log,
	})
	s.relay = relay.New(relay.Options{
		Registry: func() *stream.Registry { return s.registry }, Config: s.config, Name: s.identity.Service, Self: s.node,
		Before: s.before.origin(), Backend: s.hooks.Forward, Log: s.log,
	})
	s.registry = stream.NewRegistry(stream.Options{
		Settings:  s.settings,
		Gates:     []stream.Gate{access.New(access.Options{Vhost: s.vhost, Log: s.log}), s.hooks, s.relay.Gate()},
		Route:     s.relay.Route,
		Supply:    s.relay.Supply(),
		Standing:  []stream.Standing{s.sounds.Standing(), s.hls.Standing(), cmaf.Standing(s.log, func() any { return s.config() }, s.hls.Chunks(), s.dash.Chunks()), s.relay.Standing()},
		Measures:  func() bool { return s.config().Stats.Enabled },
		Witnesses: []stream.Witness{func(e stream.Event) { s.api.Witness(e) }, func(e stream.Event) { s.metrics.Hear(e) }, s.hooks.Witness}, // which is built below
		Log:       s.log,
	})
	s.measure()
	s.know(s.config())
	s.limit = listen.NewLimit(
		func() int { return s.config().MaxConnections },
		func() int { return s.config().MaxConnectionsPerIP },
		s.log,
	)
	options := listen.Options{
		Limit: s.limit, Inherited: s.inherited, Log: s.log,
		Proxy: func() []netip.Prefix { return config.Networks(s.config().ProxyProtocol) },
	}
	s.player = rtmp.NewServer(rtmp.Options{
		Registry: s.registry,
		Config:   s.config,
		Product:  rtmp.Product{Signature: CompatSignature, Version: CompatVersion, Name: "weir/" + Version},
		Log:      s.log,
	})
	s.rtmpFront = newFront("RTMP", options, s.player.Serve)
	s.rtmpsFront = newFront("RTMPS", options, s.player.Secure(s.rtmpsCert.config()))
	s.srt = srt.NewServer(srt.Options{Registry: s.registry, Config: s.config, Log: s.log})
	s.rtc = webrtc.NewServer(webrtc.Options{
		Registry: s.registry, Config: s.config, Server: s.identity.Server, Service: s.identity.Service, Pid: s.identity.Pid,
		Product: "weir/" + Version, Log: s.log,
	})
	s.rtcFront = newFront("WebRTC over TCP", options, s.rtc.ServeTCP)
	s.relay.Serve(s.schemes(s.player))
	s.api = api.New(s.apiOptions())
	calls := api.Server(s.calls())
	calls.HTTP2 = web.HTTP2()
	calls.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelError)
	s.apiFront = newHTTPFront("HTTP API", options, calls, s.forwarders)
	s.webFront = newHTTPFront("HTTP server", options, web.HTTPServer(s.site(), s.log), s.forwarders)
	s.shareRTC()
	s.cast = s.casters(s.config(), options)
	s.export(options)
	s.report()
	s.retiring = []*retiring{newRetiring(s.relay), newRetiring(s.heart)}
	s.overUDP = []*retiring{newRetiring(s.srt), newRetiring(s.rtc)}
}

// shareRTC has WebRTC over TCP come through the sockets of the web server and the API, where it has their addresses.
func (s *Server) shareRTC() {
	c := s.started
	if c.RTCShares(c.HTTPServer.Listen) || c.RTCShares(c.HTTPServer.HTTPS.Listen) {
		s.webFront.ice = s.rtc.ServeTCP
	}
	if c.RTCShares(c.HTTPAPI.Listen) || c.RTCShares(c.HTTPAPI.HTTPS.Listen) {
		s.apiFront.ice = s.rtc.ServeTCP
	}
}

// schemes are the protocols by which streams are relayed, by what is in front of :// in an address.
func (s *Server) schemes(player *rtmp.Server) map[string]relay.Scheme {
	byRTMP := relay.Scheme{Check: rtmp.CheckURL, Pull: player.Pull, Push: player.Push, Fetch: player.Fetch, Knock: player.Knock}
	byHTTP := relay.Scheme{Check: remux.CheckURL, Fetch: func(ctx context.Context, url string, v transport.Visit) (transport.Feed, error) {
		return s.live.Fetch(ctx, url, v)
	}} // which is built below
	hub := transport.Hub{Registry: s.registry, Config: s.config, Log: s.log}
	byRIST, byUDP := rist.Relay{Hub: hub}, udpts.Relay{Hub: hub}
	return map[string]relay.Scheme{
		"rtmp":  byRTMP,
		"rtmps": byRTMP,
		"http":  byHTTP,
		"https": byHTTP,
		"srt":   {Check: srt.CheckURL, Sole: srt.Listens, Pull: s.srt.Pull, Push: s.srt.Push},
		"rist":  {Check: rist.CheckURL, Sole: func(string) bool { return true }, Pull: byRIST.Pull, Push: byRIST.Push},
		"udp":   {Check: udpts.CheckURL, Pull: byUDP.Pull},
	}
}

// checkURL says what is wrong with an address that a stream is fetched from or sent to.
func checkURL(url string) error {
	switch scheme, _, _ := strings.Cut(url, "://"); scheme {
	case "rtmp", "rtmps":
		return rtmp.CheckURL(url)
	case "srt":
		return srt.CheckURL(url)
	case "rist":
		return rist.CheckURL(url)
	case "udp":
		return udpts.CheckURL(url)
	default:
		return fmt.Errorf("%q is none of rtmp, rtmps, srt, rist, udp", scheme)
	}
}

// vhost returns the rules of a virtual host's streams: those it had last, if it is gone from the
// configuration.
func (s *Server) vhost(name string) *config.Vhost {
	if kept := (*s.kept.Load())[name]; kept != nil {
		return kept
	}
	return s.config().Vhost(name)
}

// guarded reports whether not everybody may play in a virtual host.
func (s *Server) guarded(vhost string) bool {
	v := s.vhost(vhost)
	return v != nil && (v.Security.Enabled || v.Auth.Enabled && v.Auth.Play || v.Refer.Enabled && v.Refer.HTTP ||
		v.Cluster.Remote() && v.Cluster.TokenTraverse ||
		v.HTTPHooks.Enabled && len(v.HTTPHooks.OnPlay) > 0)
}

// settings gives the hub a virtual host's rules.
func (s *Server) settings(vhost string) stream.Settings {
	v := s.vhost(vhost)
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

// forwarders are the proxies whose word on clients counts.
func (s *Server) forwarders() []netip.Prefix { return config.Networks(s.config().ForwardedFor) }

// segment has callbacks tell of a segment of HLS.
func (s *Server) segment(g hls.Segment) {
	r := g.Request
	info, _ := s.registry.Find(r.Vhost, r.App, r.Stream)
	s.hooks.Segment(hook.Segment{
		Request: r, StreamID: info.ID, Duration: g.Duration, Seq: g.Seq, CWD: g.CWD,
		File: g.File, URL: g.URL, M3U8: g.M3U8, M3U8URL: strings.TrimPrefix(g.M3U8URL, "/"),
	})
}
