package server

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"weir/internal/api"
	"weir/internal/config"
	"weir/internal/heartbeat"
	"weir/internal/listen"
	"weir/internal/metrics"
	"weir/internal/protocol/webrtc"
)

// maxProfilers is how many connections may ask for profiles at once. They are not counted among the
// clients: a server that is full can still be looked into.
const maxProfilers = 16

// measure makes what counts and watches.
func (s *Server) measure() {
	s.breaker = metrics.NewBreaker(metrics.BreakerOptions{Config: s.config, Log: s.log})
	s.metrics = metrics.New(metrics.Options{
		Registry: s.registry,
		Config:   s.config,
		Build: metrics.Build{
			Server: s.identity.Server, Service: s.identity.Service, Pid: s.identity.Pid, Date: buildDate(),
			Major: strconv.Itoa(compatMajor), Version: CompatVersion, Code: compatCode, Weir: Version,
		},
		Load:        s.breaker,
		Connections: func() (int, uint64) { return s.limit.Count(), s.limit.Refused() },
		Callbacks:   s.callbacks,
		Forwards:    s.relay.Targets,
		Edges:       s.relay.Hauls,
		Log:         slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	})
}

// callbacks tells the metrics how the callbacks are doing.
func (s *Server) callbacks() metrics.Callbacks {
	now := s.hooks.Stats()
	c := metrics.Callbacks{Retried: now.Retried, GaveUp: now.Failed, Dropped: now.Dropped, Queued: now.Waiting}
	for _, a := range now.Actions {
		c.Actions = append(c.Actions, metrics.Callback{Action: a.Action, Took: a.Times, Denied: a.Denied, Mute: a.Mute})
	}
	return c
}

// export makes the fronts of the exporter and of the profiles.
func (s *Server) export(o listen.Options) {
	errors := slog.NewLogLogger(s.log.Handler(), slog.LevelError)
	exporter := api.Server(s.calls())
	exporter.ErrorLog = errors
	s.exporterFront = newHTTPFront("exporter", o, exporter, s.forwarders)
	o.Limit = listen.NewLimit(func() int { return maxProfilers }, nil, s.log)
	profiler := api.Server(metrics.Profiles())
	profiler.ErrorLog, profiler.WriteTimeout = errors, 0 // a profile takes as long as it is asked to
	s.pprofFront = newHTTPFront("pprof", o, profiler, s.forwarders)
}

// report makes what tells others of the server without being asked.
func (s *Server) report() {
	s.heart = heartbeat.New(heartbeat.Options{
		Config: s.config,
		Server: s.identity.Server, Service: s.identity.Service, Pid: s.identity.Pid, Agent: CompatSignature,
		SRT: true, RTC: true,
		DeviceIP:  os.Getenv("SRS_DEVICE_IP"),
		Summaries: s.api.Summaries,
		Log:       s.log,
	})
	s.pithy = &pithy{
		every:  func() time.Duration { return s.config().PithyPrint },
		totals: s.registry.Totals, load: s.breaker, log: s.log,
	}
}

// calls answers for the API, and for the metrics beside it.
func (s *Server) calls() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/metrics":
			w.Header().Set("Server", CompatSignature)
			s.metrics.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, webrtc.Path): // who may publish and play there is the gates' affair
			w.Header().Set("Server", CompatSignature)
			if h := s.elsewhere(r); h != nil {
				h.ServeHTTP(w, r)
				return
			}
			s.rtc.ServeHTTP(w, r)
		default:
			s.api.ServeHTTP(w, r)
		}
	})
}

// elsewhere answers for a session of WebRTC that the process before may have; nil for all others.
func (s *Server) elsewhere(r *http.Request) http.Handler {
	if r.Method != http.MethodDelete && r.Method != http.MethodPatch || s.rtc.Knows(r) {
		return nil
	}
	return s.before.ask(r)
}

// warnOfProfiles warns of profiles that others than this machine can read.
func warnOfProfiles(log *slog.Logger, c *config.Config) {
	if !c.Pprof.Enabled {
		return
	}
	for _, at := range c.Pprof.Listen {
		if !loopback(at) {
			log.Warn("pprof listens where other machines may reach it: they can read the profiles, and make the server busy", "listen", at)
		}
	}
}

// loopback reports whether only this machine reaches an endpoint of the configuration.
func loopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return false // a port alone
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// buildDate is when the source that the program was made from was committed, else when its file was
// written.
func buildDate() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, x := range info.Settings {
			if at, err := time.Parse(time.RFC3339, x.Value); x.Key == "vcs.time" && err == nil {
				return at.Format(time.DateTime)
			}
		}
	}
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Stat(self)
	if err != nil {
		return ""
	}
	return file.ModTime().UTC().Format(time.DateTime)
}
