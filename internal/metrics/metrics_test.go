package metrics

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

var update = flag.Bool("update", false, "write the golden files")

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// gate lets nobody publish what is called secret, and sends who plays it elsewhere.
type gate struct{}

func (gate) Check(_ context.Context, a stream.Ask) error {
	switch {
	case a.Request.Stream != "secret":
		return nil
	case a.Act == stream.Play:
		return &stream.Moved{URL: "x://elsewhere/live"}
	}
	return &stream.Denied{Gate: "security", Reason: "no"}
}

// show has some of everything.
func show(t testing.TB) *stage {
	s := newStage(t, func() Callbacks {
		return Callbacks{Queued: 3, Retried: 1, GaveUp: 4, Dropped: 5, Actions: []Callback{{
			Action: "on_publish", Denied: 1, Mute: 2,
			Took: stream.Histogram{Bounds: []float64{0.1, 1}, Counts: []uint64{5, 2}, Sum: 3.5, Count: 8},
		}}}
	})
	p := s.publish(t, "cam")
	s.play(t, "cam", "rtmp-play")
	s.play(t, "cam", "flv-play")
	late := s.play(t, "cam", "flv-play")
	s.play(t, "empty", "hls-play")
	s.play(t, "empty", "record")
	film(t, p, 60)
	var one [1]*media.Frame
	if _, err := late.Take(one[:]); err != nil {
		t.Fatal(err)
	}
	late.Close()
	for _, name := range []string{"secret", "cam"} {
		if _, err := s.registry.Publish(t.Context(), s.request(name, "fmle-publish")); err == nil {
			t.Fatal(name, "was let in")
		}
	}
	if _, err := s.registry.Subscribe(t.Context(), s.request("secret", "rtmp-play")); err == nil {
		t.Fatal("secret was let in")
	}
	return s
}

// TestGolden holds the names, the types, the helps and the labels, which dashboards rely on, and
// those values that are always the same.
func TestGolden(t *testing.T) {
	s := show(t)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var got strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		words := strings.Fields(line)
		name := words[0]
		if name == "#" {
			name = words[2]
		}
		changes := strings.HasPrefix(name, "srs_node") || strings.HasPrefix(name, "srs_memory") ||
			strings.HasPrefix(name, "weir_first_frame_seconds") || strings.Contains(name, "per_second") || strings.Contains(name, "lost_frames")
		switch {
		case strings.HasPrefix(name, "go_"), strings.HasPrefix(name, "process_"):
		case changes && words[0] != "#":
			if cut, rest, ok := strings.Cut(line, "{"); ok && strings.HasPrefix(name, "srs_node") {
				line = cut + "{" + keys(rest) + "} 1\n"
				got.WriteString(line)
				continue
			}
			got.WriteString(strings.Join(words[:len(words)-1], " ") + " ?\n")
		default:
			got.WriteString(line)
		}
	}
	const golden = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != got.String() {
		t.Errorf("%s is not what is told (%v):\n%s", golden, err, got.String())
	}
}

// keys keeps the names of labels: a="x",b="y" is a,b.
func keys(labels string) string {
	var list []string
	for pair := range strings.SplitSeq(labels, `",`) {
		name, _, _ := strings.Cut(pair, "=")
		list = append(list, name)
	}
	return strings.Join(list, ",")
}

// TestCompatible holds that the metrics of SRS are all there as dashboards for it know them.
func TestCompatible(t *testing.T) {
	got := show(t).scrape(t)
	for name, want := range map[string]string{
		"srs_node_uname_info":     "GAUGE machine,nodename,release,sysname,version Labeled system information as provided by the uname system call.",
		"srs_build_info":          "GAUGE build_date,code,label,major,pid,server,service,tag,version A metric with a constant '1' value labeled by build_date, version from which SRS was built.",
		"srs_cpu_percent":         "GAUGE  SRS cpu used percent.",
		"srs_memory":              "GAUGE  SRS memory used.",
		"srs_send_bytes_total":    "COUNTER  SRS total sent bytes.",
		"srs_receive_bytes_total": "COUNTER  SRS total received bytes.",
		"srs_streams":             "GAUGE  The number of SRS concurrent streams.",
		"srs_clients":             "GAUGE  The number of SRS concurrent clients.",
		"srs_clients_total":       "COUNTER  The total counts of SRS clients.",
		"srs_clients_errs_total":  "COUNTER  The total errors of SRS clients.",
	} {
		f := got[name]
		if len(f.GetMetric()) != 1 {
			t.Errorf("%s: %v", name, f)
			continue
		}
		var names []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			names = append(names, l.GetName())
		}
		slices.Sort(names)
		if have := fmt.Sprintf("%s %s %s", f.GetType(), strings.Join(names, ","), f.GetHelp()); have != want {
			t.Errorf("%s: %s\nwant %s", name, have, want)
		}
	}
	if n := value(got["weir_lost_frames_total"].GetMetric()[0]); n == 0 {
		t.Error("no frames are lost")
	}
	if got["go_goroutines"] == nil || runtime.GOOS == "linux" && got["process_open_fds"] == nil {
		t.Error("nothing is told of the Go runtime, or of the process")
	}
}

// TestSettings gives each directive that the page obeys two values.
func TestSettings(t *testing.T) {
	s := show(t)
	for conf, want := range map[string]string{
		"exporter { enabled on; }":                   "",
		"exporter { enabled on; label a; }":          "label=a",
		"exporter { enabled on; label b; tag c; }":   "label=b tag=c",
		"exporter { enabled on; tag c; streams 1; }": "tag=c",
	} {
		s.config = settings(t, conf)
		var got []string
		for _, l := range s.scrape(t)["srs_build_info"].GetMetric()[0].GetLabel() {
			if l.GetName() == "label" || l.GetName() == "tag" {
				got = append(got, l.GetName()+"="+l.GetValue())
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("with %s the labels are %s", conf, got)
		}
	}
	s.config = settings(t, "exporter { enabled off; }")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 || w.Body.String() != `{"code":1090}` || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("disabled: %d %s", w.Code, w.Body)
	}
}

// TestCardinality bounds the streams that have metrics of their own.
func TestCardinality(t *testing.T) {
	s := newStage(t, nil)
	for n := range 5 {
		name := fmt.Sprint("s", n)
		s.publish(t, name)
		for range n {
			s.play(t, name, "flv-play")
		}
	}
	for limit, want := range map[int]string{0: "", 2: "s3 s4", 5: "s0 s1 s2 s3 s4", 1000: "s0 s1 s2 s3 s4"} {
		s.config = settings(t, fmt.Sprintf("exporter { enabled on; streams %d; }", limit))
		got, names := s.scrape(t), map[string]bool{}
		for family, f := range got {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == "stream" && !strings.HasPrefix(family, "weir_forward_") {
						names[l.GetValue()] = true
					}
				}
			}
		}
		if have, want := len(got["weir_forward_up"].GetMetric()), min(limit, 3); have != want {
			t.Errorf("%d streams: %d targets, want %d", limit, have, want)
		}
		if have := strings.Join(slices.Sorted(maps.Keys(names)), " "); have != want {
			t.Errorf("%d streams: %s; want %s", limit, have, want)
		}
		if out, want := values(got["weir_streams_left_out"]), fmt.Sprintf("{} %d", max(0, 5-limit)); out != want {
			t.Errorf("%d streams: left out %s; want %s", limit, out, want)
		}
		if all := values(got["weir_viewers"]); all != "{type=flv-play} 10" {
			t.Errorf("%d streams: viewers %s", limit, all)
		}
	}
}

// TestOddNames has clients whose names are no text, which no label may be.
func TestOddNames(t *testing.T) {
	s := newStage(t, nil)
	for _, name := range []string{"a\xff", "a\xfe", "\"\\\n", strings.Repeat("é", 1000)} {
		s.publish(t, name)
	}
	if got := len(s.scrape(t)["weir_stream_publisher_up"].GetMetric()); got != 3 { // two look the same
		t.Errorf("%d streams", got)
	}
}

// TestOpenMetrics asks for the newer form.
func TestOpenMetrics(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	w := httptest.NewRecorder()
	show(t).ServeHTTP(w, r)
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text; version=1.0.0") ||
		!strings.HasSuffix(w.Body.String(), "# EOF\n") || !strings.Contains(w.Body.String(), "\nsrs_send_bytes_total 0.0\n") {
		t.Errorf("%s\n%s", w.Header(), w.Body)
	}
}

// TestFirstFrames has a player whose first frame comes late.
func TestFirstFrames(t *testing.T) {
	s := newStage(t, nil)
	p := s.publish(t, "cam")
	film(t, p, 1)
	before := s.scrape(t)["weir_first_frame_seconds"].GetMetric()[0].GetHistogram()
	r := s.play(t, "cam", "rtmp-play")
	time.Sleep(30 * time.Millisecond)
	var one [1]*media.Frame
	if _, err := r.Take(one[:]); err != nil {
		t.Fatal(err)
	}
	after := s.scrape(t)["weir_first_frame_seconds"].GetMetric()[0].GetHistogram()
	if before.GetSampleCount() != 0 || after.GetSampleCount() != 1 || after.GetSampleSum() < 0.03 {
		t.Errorf("%v, then %v", before, after)
	}
	for _, b := range after.GetBucket() {
		if b.GetUpperBound() < 0.03 && b.GetCumulativeCount() != 0 || b.GetUpperBound() >= 60 && b.GetCumulativeCount() != 1 {
			t.Errorf("bucket %v", b)
		}
	}
}

// TestManyGates has gates of ever new names.
func TestManyGates(t *testing.T) {
	c := newCounts()
	for n := range 10 * maxGates {
		c.hear(stream.Event{What: stream.Refused, Act: stream.Publish, Cause: &stream.Denied{Gate: fmt.Sprint(n)}})
	}
	if len(c.denied) > maxGates+1 || c.denied[denial{"others", "publish"}] != 9*maxGates || c.failed != 10*maxGates {
		t.Errorf("%d gates, %d failed", len(c.denied), c.failed)
	}
}

// BenchmarkScrape asks a server with 1,000 streams.
func BenchmarkScrape(b *testing.B) {
	s := newStage(b, nil)
	for n := range 1000 {
		name := fmt.Sprint("stream", n)
		p := s.publish(b, name)
		for _, kind := range []string{"rtmp-play", "flv-play", "hls-play"} {
			s.play(b, name, kind)
		}
		film(b, p, 2)
	}
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		b.ReportMetric(float64(w.Body.Len()), "bytes/page")
	}
}
