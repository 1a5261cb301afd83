package metrics

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// stage is metrics of a registry with streams and settings of its own.
type stage struct {
	*Metrics
	registry *stream.Registry
	config   *config.Config
}

func newStage(t testing.TB, callbacks func() Callbacks) *stage {
	t.Helper()
	s := &stage{config: settings(t, "exporter { enabled on; label cn-beijing; tag cn-edge; }")}
	s.registry = stream.NewRegistry(stream.Options{
		Settings:  func(string) stream.Settings { return stream.Settings{GOPCache: true, QueueLength: time.Second} },
		Witnesses: []stream.Witness{func(e stream.Event) { s.Hear(e) }},
		Gates:     []stream.Gate{gate{}},
	})
	get := func() *config.Config { return s.config }
	s.Metrics = New(Options{
		Registry: s.registry, Config: get,
		Build: Build{
			Server: "vid-0golden", Service: "k2v9x01c", Pid: 4242, Date: "2026-11-22 05:57:27",
			Major: "7", Version: "7.0.18", Code: "Hang", Weir: "0.1",
		},
		Load:        NewBreaker(BreakerOptions{Config: get}),
		Connections: func() (int, uint64) { return 6, 2 },
		Callbacks:   callbacks,
		Edges: func() (fetched, sent stream.Haul) {
			return stream.Haul{Streams: 2, Bytes: 4000}, stream.Haul{Bytes: 50}
		},
		Forwards: func() []stream.Target {
			return []stream.Target{
				{Stream: "/live/cam", URL: "rtmp://192.0.2.1/live/cam?token=***", State: stream.Sending, Attempts: 3, Sent: 100, Frames: 20, Lost: 1},
				{Stream: "/live/cam", URL: "rtmp://192.0.2.1/live/cam?token=***", State: stream.Waiting, Attempts: 2, Sent: 10, Frames: 3, Lost: 1},
				{Stream: "/live/cam", URL: "srt://192.0.2.2:10080", State: stream.Sending, Attempts: 1, Sent: 7, Frames: 1},
				{Stream: "/live/\xff", URL: "srt://192.0.2.2:10080", State: stream.Turned},
			}
		},
	})
	return s
}

func settings(t testing.TB, conf string) *config.Config {
	t.Helper()
	c, err := config.Load(config.Options{File: file(t, "listen 1935;\nvhost __defaultVhost__ { }\n"+conf)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *stage) request(name, kind string) *stream.Request {
	return &stream.Request{
		ID: stream.NewID(), Kind: kind, Vhost: stream.DefaultVhost, App: "live", Stream: name,
		Viewer: strings.HasSuffix(kind, "-play"), Traffic: &stream.Traffic{},
	}
}

func (s *stage) publish(t testing.TB, name string) *stream.Publisher {
	t.Helper()
	p, err := s.registry.Publish(t.Context(), s.request(name, "fmle-publish"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *stage) play(t testing.TB, name, kind string) *stream.Subscriber {
	t.Helper()
	r, err := s.registry.Subscribe(t.Context(), s.request(name, kind))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// film writes so many pictures, 25 a second and each tenth a key frame, and a sound with each.
func film(t testing.TB, p *stream.Publisher, pictures int) {
	t.Helper()
	layout := &media.Layout{Tracks: []*media.Track{{Kind: media.Video, Codec: media.H264}, {Kind: media.Audio, Codec: media.AAC}}}
	for n := range 2 * pictures {
		f := media.NewFrame(nil, make([]byte, 1000))
		f.Layout, f.Track, f.Key = layout, uint8(n%2), n%20 == 0 || n%2 == 1
		f.DTS = int64(n/2) * int64(40*time.Millisecond)
		f.PTS, f.At = f.DTS, media.Now()-int64(time.Second)+f.DTS/int64(pictures)
		if err := p.WriteFrame(f); err != nil {
			t.Fatal(err)
		}
	}
}

// scrape asks as Prometheus does.
func (s *stage) scrape(t testing.TB) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := w.Header().Get("Content-Type"); w.Code != 200 || !strings.HasPrefix(got, "text/plain; version=0.0.4; charset=utf-8") {
		t.Fatalf("%d, %s, %.300s", w.Code, got, w.Body)
	}
	return parse(t, w.Body)
}

func parse(t testing.TB, text io.Reader) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(text)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// values renders a family: "{a="1",b="2"} 3" by line, in order.
func values(f *dto.MetricFamily) string {
	var lines []string
	for _, m := range f.GetMetric() {
		lines = append(lines, labels(m)+" "+model.SampleValue(value(m)).String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func labels(m *dto.Metric) string {
	pairs := map[string]string{}
	for _, l := range m.GetLabel() {
		pairs[l.GetName()] = l.GetValue()
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		out = append(out, name+"="+pairs[name])
	}
	return "{" + strings.Join(out, ",") + "}"
}

func value(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.Counter.GetValue()
	case m.Histogram != nil:
		return float64(m.Histogram.GetSampleCount())
	}
	return m.Gauge.GetValue()
}
