package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"weir/internal/config"
	"weir/internal/stream"
)

// maxScrapes is how many requests are answered at once; further ones get 503.
const maxScrapes = 8

// Options say what the metrics speak of. The functions are asked at each request, from any
// goroutine; those that may be nil say so.
type Options struct {
	Registry *stream.Registry
	Config   func() *config.Config
	Build    Build
	Load     *Breaker // knows the processors' load

	Connections func() (open int, refused uint64)  // of clients; nil: none are told
	Callbacks   func() Callbacks                   // nil: there are none
	Edges       func() (fetched, sent stream.Haul) // what goes between this server and its origins; nil: nothing
	Forwards    func() []stream.Target             // where streams are sent on to, in their order; nil: there are none
	Log         interface{ Println(v ...any) }     // of what a request cannot be told; nil says nothing
}

// Build says who the server is.
type Build struct {
	Server, Service string // its ids
	Pid             int
	Date            string // of the build
	Major           string // of the SRS that it is compatible with, as the next two
	Version, Code   string
	Weir            string // its own version
}

// Metrics answers /metrics. It is an http.Handler for any number of listeners.
type Metrics struct {
	// Set at construction.
	o        Options
	events   *counts
	registry *prometheus.Registry
	page     http.Handler
}

// New returns the metrics of a server.
func New(o Options) *Metrics {
	m := &Metrics{o: o, events: newCounts(), registry: prometheus.NewRegistry()}
	m.registry.MustRegister(
		identity{m},
		newServer(m),
		newStreams(m),
		newTimes(m),
		newForwards(m),
		newEdges(m),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	h := promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
	}
	if o.Log != nil {
		h.ErrorLog = o.Log
	}
	m.page = promhttp.HandlerFor(m.registry, h)
	return m
}

// Hear is the witness of the events that are counted.
func (m *Metrics) Hear(e stream.Event) { m.events.hear(e) }

// ServeHTTP answers a request, if the configuration says so.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.o.Config().Exporter.Enabled {
		m.page.ServeHTTP(w, r)
		return
	}
	const disabled = `{"code":1090}`
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(disabled)) // the client has gone: nobody is left to tell
}
