package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// patient lets a publisher be that sends nothing.
const patient = quick + "publish { firstpkt_timeout 60000; normal_timeout 60000; }"

// page asks for something below an address, and gives the status and the body.
func page(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := apiClient.Get(url)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(raw)
}

// counters are what the metrics say at one time.
type counters map[string]*dto.MetricFamily

func scrape(t *testing.T, at string) counters {
	t.Helper()
	status, text := page(t, "http://"+at+"/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if status != http.StatusOK || err != nil {
		t.Fatalf("%d, %v: %.300s", status, err, text)
	}
	return all
}

// of sums up the metric's values that have these labels: "stream", "cam", "type", "flv-play".
func (c counters) of(name string, labels ...string) (sum float64) {
	for _, m := range c[name].GetMetric() {
		for _, l := range m.GetLabel() {
			if i := slices.Index(labels, l.GetName()); i >= 0 && labels[i+1] != l.GetValue() {
				m = nil
				break
			}
		}
		switch {
		case m == nil:
		case m.Counter != nil:
			sum += m.Counter.GetValue()
		case m.Histogram != nil:
			sum += float64(m.Histogram.GetSampleCount())
		default:
			sum += m.Gauge.GetValue()
		}
	}
	return sum
}

// label gives a label of a metric that is there once.
func (c counters) label(name, label string) string {
	for _, l := range c[name].GetMetric()[0].GetLabel() {
		if l.GetName() == label {
			return l.GetValue()
		}
	}
	return ""
}

// TestMetrics reads the metrics of a server at work, before and after.
func TestMetrics(t *testing.T) {
	t.Parallel()
	exporter := freeAddress(t)
	c := conf{global: "exporter { enabled on; listen " + exporter + "; label cn-beijing; }\nmax_connections 50;", vhost: quick + "http_remux { enabled on; }"}
	f := serve(t, c)
	before := scrape(t, exporter)
	source := ffmpegPublisher("ffmpeg")(t, f.url("cam"), newClip(t, "h264", "small"), 0)
	published(t, f)
	players := map[string]viewing{
		"rtmp": ffmpegPlayer(t, f.url("cam"), "h264"),
		"flv":  ffmpegPlayer(t, "http://"+f.http+"/live/cam.flv", "h264"),
	}
	watched(t, players, 30)
	rival := exec.Command(tool(t, "ffmpeg"), strings.Fields("-loglevel error -f lavfi -i testsrc=size=64x64:rate=25 -t 1 -f flv "+f.url("cam"))...)
	if rival.Run() == nil {
		t.Error("a second publisher was let in")
	}
	var after counters
	waitFor(t, "the rates to be known", func() bool {
		after = scrape(t, exporter)
		return after.of("weir_stream_frames_per_second", "stream", "cam") > 0
	})
	stream := []string{"vhost", "__defaultVhost__", "app", "live", "stream", "cam"}
	for name, least := range map[string]float64{
		"srs_send_bytes_total": 2000, "srs_receive_bytes_total": 2000, "srs_clients_total": 3, "srs_clients_errs_total": 1,
		"srs_streams": 1, "srs_clients": 3, "weir_stream_video_frames_total": 25, "weir_stream_send_bytes_total": 2000,
		"weir_stream_receive_bytes_total": 2000, "weir_first_frame_seconds": 2, "weir_viewers": 2, "weir_publishers": 1,
	} {
		if old, now := before.of(name), after.of(name); old != 0 && !strings.HasSuffix(name, "_bytes_total") || now < old+least {
			t.Errorf("%s: %v, then %v", name, old, now)
		}
	}
	for name, want := range map[string]bool{
		"srs_memory": after.of("srs_memory") > 1000, "goroutines": after.of("go_goroutines") > 10,
		"up": after.of("weir_stream_publisher_up", stream...) == 1, "bit rate": after.of("weir_stream_bits_per_second", stream...) > 1000,
		"viewers of RTMP": after.of("weir_stream_viewers", append(stream, "type", "rtmp-play")...) == 1,
		"viewers of FLV":  after.of("weir_stream_viewers", append(stream, "type", "flv-play")...) == 1,
		"denied":          after.of("weir_denied_total", "gate", "busy", "act", "publish") == 1,
		"events":          after.of("weir_events_total", "event", "play") == 2 && after.of("weir_events_total", "event", "publish") == 1,
		"connections":     after.of("weir_connections") >= 3,
		"label":           after.label("srs_build_info", "label") == "cn-beijing" && after.label("srs_build_info", "version") == "7.0.18",
	} {
		if !want {
			t.Errorf("%s is not as it should be", name)
		}
	}
	if n := scrape(t, f.api).of("srs_streams"); n != 1 {
		t.Errorf("at the API's address there are %v streams", n)
	}
	if status, text := page(t, "http://"+exporter+"/api/v1/versions"); status != 200 || !strings.Contains(text, `"major":7`) {
		t.Errorf("the API at the exporter's address: %d %s", status, text)
	}
	for _, p := range players {
		p.stop()
	}
	source.stop()
	waitFor(t, "the stream to be gone", func() bool {
		now := scrape(t, exporter)
		return now.of("srs_clients") == 0 && now["weir_stream_publisher_up"] == nil && now.of("srs_send_bytes_total") >= after.of("srs_send_bytes_total")
	})
}

// TestExporterSettings switches what the exporter obeys, while the server runs.
func TestExporterSettings(t *testing.T) {
	t.Parallel()
	one, two := freeAddress(t), freeAddress(t)
	with := func(exporter string) conf { return conf{global: "exporter { " + exporter + " }", vhost: patient} }
	f := serve(t, with("enabled off; listen "+one+";"))
	for _, name := range []string{"a", "b", "c"} {
		source := openFeed(t, f.url(name))
		source.header(t)
	}
	waitFor(t, "the streams", func() bool { return len(f.publishers()) == 3 })
	see := func(exporter, want string) {
		t.Helper()
		f.reload(with(exporter))
		var got []string
		for _, at := range []string{one, two, f.api} {
			status, text := page(t, "http://"+at+"/metrics")
			switch {
			case status == 0:
				got = append(got, "nobody")
			case text == `{"code":1090}`:
				got = append(got, "1090")
			default:
				c := scrape(t, at)
				got = append(got, fmt.Sprintf("%d+%v %s/%s", len(c["weir_stream_publisher_up"].GetMetric()), c.of("weir_streams_left_out"),
					c.label("srs_build_info", "label"), c.label("srs_build_info", "tag")))
			}
		}
		if have := strings.Join(got, ", "); have != want {
			t.Errorf("with %s: %s; want %s", exporter, have, want)
		}
	}
	see("enabled off; listen "+one+";", "nobody, nobody, 1090")
	see("enabled on; listen "+one+";", "3+0 /, nobody, 3+0 /")
	see("enabled on; listen "+two+"; label x;", "nobody, 3+0 x/, 3+0 x/")
	see("enabled on; listen "+one+"; label y; tag z; streams 2;", "2+1 y/z, nobody, 2+1 y/z")
	see("enabled off; listen "+one+" "+two+";", "nobody, nobody, 1090")
}

// TestPprof switches the profiles on, moves them and switches them off. No other port has them.
func TestPprof(t *testing.T) {
	t.Parallel()
	one, two := freeAddress(t), freeAddress(t)
	with := func(pprof string) conf { return conf{global: "pprof { " + pprof + " }", vhost: quick} }
	f := serve(t, with("listen "+one+";"))
	for _, x := range []struct{ pprof, at string }{
		{"listen " + one + ";", ""}, {"enabled on; listen " + one + ";", one}, {"enabled on; listen " + two + ";", two}, {"enabled off;", ""},
	} {
		f.reload(with(x.pprof))
		for _, at := range []string{one, two, f.api, f.http} {
			_, text := page(t, "http://"+at+"/debug/pprof/goroutine?debug=1")
			if got := strings.HasPrefix(text, "goroutine profile: total"); got != (at == x.at) {
				t.Errorf("with %s there are profiles at %s: %t", x.pprof, at, got)
			}
		}
	}
	if n := f.log.Count("pprof listens where other machines"); n != 0 {
		t.Errorf("%d warnings", n)
	}
}

// mailbox is a service that heartbeats are posted to.
type mailbox struct {
	http.Server

	mu   sync.Mutex
	last map[string]any
	keys []string // of the last, in their order
	n    int
}

func (m *mailbox) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var raw json.RawMessage
	last := map[string]any{}
	if json.NewDecoder(r.Body).Decode(&raw) != nil || json.Unmarshal(raw, &last) != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.n, m.keys = last, m.n+1, nil
	for key := range strings.SplitSeq(string(raw), `":`) {
		key = key[strings.LastIndex(key, `"`)+1:]
		if _, top := last[key]; top && !slices.Contains(m.keys, key) {
			m.keys = append(m.keys, key)
		}
	}
}

func (m *mailbox) take() (map[string]any, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := m.last
	m.last = nil
	return last, strings.Join(m.keys, " ")
}

// TestHeartbeat has a server tell of itself, with two values of each directive.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	at := freeAddress(t)
	box := &mailbox{}
	box.Addr, box.Handler = at, box
	ended := make(chan error, 1)
	go func() { ended <- box.ListenAndServe() }()
	t.Cleanup(func() {
		_ = box.Close() // it serves nobody any more
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	with := func(heartbeat string) conf {
		return conf{global: "heartbeat { interval 1; url http://" + at + "/api/v1/servers?token=secret; " + heartbeat + " }", vhost: quick}
	}
	f := serve(t, with("enabled off;"))
	time.Sleep(1500 * time.Millisecond)
	if got, _ := box.take(); got != nil {
		t.Errorf("they are off: %v", got)
	}
	const who = "device_id ip server service pid"
	see := func(heartbeat, keys string) (got map[string]any) {
		t.Helper()
		f.reload(with(heartbeat))
		waitFor(t, "heartbeats with "+heartbeat, func() bool {
			last, have := box.take()
			if last != nil && have == keys {
				got = last
			}
			return got != nil
		})
		return got
	}
	got := see("enabled on; device_id my-device;", who)
	if got["device_id"] != "my-device" || got["server"] != "vid-testing" || got["service"] != "testing0" || got["ip"] == "" {
		t.Errorf("%v", got)
	}
	if pid, ok := got["pid"].(string); !ok || pid == "" || strings.Trim(pid, "0123456789") != "" {
		t.Errorf("pid %v", got["pid"])
	}
	got = see("enabled on; ports on;", who+" rtmp http api")
	if fmt.Sprint(got["rtmp"], got["http"], got["api"]) != fmt.Sprintf("[%s] [%s] [%s]", f.rtmp, f.http, f.api) || got["device_id"] != "" {
		t.Errorf("%v", got)
	}
	got = see("enabled on; summaries on;", who+" summaries")
	data, _ := got["summaries"].(map[string]any)["data"].(map[string]any)
	if ok, _ := data["ok"].(bool); !ok || data["self"] == nil || data["system"] == nil {
		t.Errorf("%v", got)
	}
	f.reload(with("enabled off;"))
	waitFor(t, "the last heartbeat", func() bool {
		box.take()
		time.Sleep(1500 * time.Millisecond)
		last, _ := box.take()
		return last == nil
	})
	if strings.Contains(f.log.String(), "heartbeats") {
		t.Errorf("the log:\n%s", &f.log)
	}
}

// TestStats turns the measuring of the machine off and on.
func TestStats(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick})
	see := func() string {
		raw, err := f.call("GET", "/api/v1/summaries")
		var answer struct {
			Data struct {
				OK   bool `json:"ok"`
				Self struct {
					Mem int `json:"mem_kbyte"`
				} `json:"self"`
			} `json:"data"`
		}
		if err != nil {
			return err.Error()
		}
		unmarshal(t, raw, &answer)
		return strconv.FormatBool(answer.Data.OK && answer.Data.Self.Mem > 0)
	}
	for _, x := range []struct{ global, want string }{{"", "true"}, {"stats { enabled off; }", "false"}, {"stats { enabled on; disk none; }", "true"}} {
		f.reload(conf{global: x.global, vhost: quick})
		waitFor(t, "summaries with "+x.global, func() bool { return see() == x.want })
	}
}

// TestStatus changes how often the line of statistics comes.
func TestStatus(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{global: "pithy_print_ms 60000;", vhost: patient})
	source := openFeed(t, f.url("cam"))
	source.header(t)
	time.Sleep(2500 * time.Millisecond)
	if n := f.log.Count("msg=status"); n != 0 {
		t.Errorf("%d lines in 2.5 s, and one is due each minute", n)
	}
	f.reload(conf{global: "pithy_print_ms 1000;", vhost: patient})
	waitFor(t, "a line each second", func() bool { return f.log.Count("msg=status", "clients=1 streams=1 in_kbps=") >= 3 })
}
