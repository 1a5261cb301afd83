package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"weir/internal/protocol/rtmp"
)

// goal is a target that a stream is sent on to, as the API lists it.
type goal struct {
	StreamID string  `json:"stream_id"`
	Stream   string  `json:"stream"`
	Target   string  `json:"target"`
	State    string  `json:"state"`
	Attempts int     `json:"attempts"`
	Sent     int     `json:"send_bytes"`
	Frames   int     `json:"send_frames"`
	Lost     int     `json:"lost"`
	Error    *string `json:"last_error"`
}

// goals lists them, of all streams or of the one with that id.
func (f *fixture) goals(id string) (list []goal) {
	f.t.Helper()
	var answer struct {
		Code     int
		Forwards []goal
	}
	raw, err := f.call("GET", "/api/v1/forwards/"+id)
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil || answer.Code != 0 {
		f.t.Fatalf("%s, %v", raw, err)
	}
	return answer.Forwards
}

// goal returns the one whose address begins so.
func (f *fixture) goal(prefix string) goal {
	f.t.Helper()
	for _, g := range f.goals("") {
		if strings.HasPrefix(g.Target, prefix) {
			return g
		}
	}
	return goal{}
}

func (f *fixture) reaches(t *testing.T, prefix, state string, attempts int) {
	t.Helper()
	waitFor(t, prefix+" to be "+state, func() bool {
		g := f.goal(prefix)
		return g.State == state && g.Attempts >= attempts
	})
}

// exporting switches the metrics on.
func exporting(t *testing.T) string { return "exporter { enabled on; listen " + freeAddress(t) + "; }" }

// sendsTo answers where to, as a backend.
func sendsTo(urls ...string) func(http.ResponseWriter, callback) {
	return func(w http.ResponseWriter, _ callback) {
		raw, _ := json.Marshal(map[string]any{"code": 0, "data": map[string]any{"urls": append([]string{}, urls...)}})
		_, _ = w.Write(raw)
	}
}

// ffmpegServer is an ffmpeg that waits for one publisher of RTMP.
func ffmpegServer(t *testing.T, url string) viewing {
	t.Helper()
	return ffmpegViewer("-listen", "1")(t, url, "h264")
}

// TestForwardBackend sends a stream to where a backend says: to another server, and to an ffmpeg that is killed and comes
// back. The API, the metrics and the events tell how that goes.
func TestForwardBackend(t *testing.T) {
	t.Parallel()
	far, at := serve(t, conf{}), freeAddress(t)
	to := "rtmp://" + at + "/out/key"
	backend := receive(t, sendsTo(far.url("s_copy")+"?token=7", to))
	near := serve(t, conf{
		global: exporting(t),
		vhost:  `http_hooks { secret s3cret; } forward { enabled on; destination ` + freeAddress(t) + `; backend http://` + backend.address + `/forward; }`,
	})
	events := near.hear("?what=forward_begin,forward_end,forward_error", "")
	first := ffmpegServer(t, to)
	c := newClip(t, "h264", "small")
	p := ffmpegPublisher("ffmpeg")(t, near.url("s?key=1"), c, 0)
	published(t, far)
	near.reaches(t, "rtmp://"+at, "sending", 1)
	shown := near.goal("rtmp://" + at).Target
	if !strings.HasPrefix(shown, "rtmp://"+at+"/out/***") {
		t.Errorf("%s is shown as %s", to, shown)
	}

	asked := backend.wait(1, "on_forward")
	want := fmt.Sprintf(`{"action":"on_forward","server_id":"vid-testing","service_id":"testing0","client_id":"%s","ip":"127.0.0.1",`+
		`"vhost":"__defaultVhost__","app":"live","tcUrl":"rtmp://%s/live","stream":"s","param":"?key=1"}`, near.publishers()[0].ID, near.rtmp)
	if len(asked) != 1 || asked[0].body != want || asked[0].path != "/forward" || !strings.HasPrefix(asked[0].Get("X-Weir-Signature"), "sha256=") {
		t.Errorf("the backend was asked %+v, want %s", asked, want)
	}
	copied := ffmpegPlayer(t, far.url("s_copy"), "h264")
	watched(t, map[string]viewing{"far": copied, "ffmpeg": first}, 60)
	finish(t, map[string]viewing{"far": copied}, expectation{clip: c, frames: 40})
	id := near.streamID("/live/s")
	list := near.goals(id)
	if len(list) != 2 || list[0].Stream != "/live/s" || list[0].StreamID != id || list[0].Sent == 0 || list[1].Sent == 0 || list[0].Frames < 40 || list[1].Frames < 40 {
		t.Errorf("the API lists %+v", list)
	}
	if g := near.goal("rtmp://" + far.rtmp); !strings.HasSuffix(g.Target, "?token=***") || strings.Contains(g.Target, "copy") || g.State != "sending" || g.Attempts != 1 || g.Error != nil {
		t.Errorf("the API lists %+v", g)
	}
	now := scrape(t, near.api)
	up, bytes := now.of("weir_forward_up", "stream", "/live/s"), now.of("weir_forward_bytes_total", "target", shown)
	if frames := now.of("weir_forward_frames_total", "target", shown); up != 2 || frames < 40 || bytes < frames {
		t.Errorf("%v targets are up, and %v frames of %v bytes went to one", up, frames, bytes)
	}
	next(t, events, "forward_begin")
	next(t, events, "forward_begin")

	first.stop()
	near.reaches(t, shown, "waiting", 1)
	if e := next(t, events, "forward_end"); e.Target != shown || e.Stream != "/live/s" || e.Cause == "" {
		t.Errorf("the event %+v", e)
	}
	next(t, events, "forward_error")
	if up = scrape(t, near.api).of("weir_forward_up", "stream", "/live/s"); up != 1 {
		t.Errorf("%v targets are up", up)
	}
	second := ffmpegServer(t, to)
	near.reaches(t, shown, "sending", 2)
	watched(t, map[string]viewing{"ffmpeg": second}, 60)
	finish(t, map[string]viewing{"ffmpeg": second}, expectation{clip: c, frames: 40})
	if n := scrape(t, near.api).of("weir_forward_retries_total", "target", shown); n < 1 {
		t.Errorf("%v retries", n)
	}
	if g := near.goal("rtmp://" + far.rtmp); g.Attempts != 1 || g.Lost != 0 || g.State != "sending" {
		t.Errorf("the other target is %+v", g)
	}
	p.stop()
	unpublished(t, far)
	waitFor(t, "the targets to be gone", func() bool { return len(near.goals("")) == 0 })
	if strings.Contains(near.log.String(), "token=7") {
		t.Error("the token is in the log")
	}
}

// TestForwardBackendFails has a backend that is down: backend_on_error says what becomes of the publisher. One who is let in
// is sent on once the backend is back, and the publisher after it is asked for by itself.
func TestForwardBackendFails(t *testing.T) {
	t.Parallel()
	c := newClip(t, "h264", "small")
	for _, onError := range []string{"deny", "allow"} {
		t.Run(onError, func(t *testing.T) {
			t.Parallel()
			far := serve(t, conf{})
			backend := receive(t, sendsTo(far.url("s")))
			backend.kill()
			near := serve(t, conf{vhost: "forward { enabled on; backend http://" + backend.address + "; backend_on_error " + onError + "; }"})
			words := near.knock(near.url("x"), func(c *rtmp.Client, ctx context.Context) error { return c.Publish(ctx) })
			if onError == "deny" {
				if !strings.Contains(words, "NetStream.Publish.Denied") || !strings.Contains(words, "the receiver has not answered") {
					t.Errorf("the publisher hears %q", words)
				}
				backend.start()
			} else if words != "" {
				t.Errorf("the publisher hears %q", words)
			}
			waitFor(t, "nobody to be there", func() bool { return len(near.sessions()) == 0 })
			p := ffmpegPublisher("ffmpeg")(t, near.url("s"), c, 0)
			published(t, near)
			if onError == "allow" {
				near.said(t, 1, "the backend does not say where this stream is sent on to", "stream=/live/s")
				backend.start()
			}
			published(t, far)
			views := map[string]viewing{"far": ffmpegPlayer(t, far.url("s"), "h264")}
			watched(t, views, 60)
			finish(t, views, expectation{clip: c, frames: 40})
			p.stop()
			unpublished(t, far)

			backend.say(func(w http.ResponseWriter, _ callback) { _, _ = io.WriteString(w, `{"code":3,"msg":"not today"}`) })
			words = near.knock(near.url("s"), func(c *rtmp.Client, ctx context.Context) error { return c.Publish(ctx) })
			if !strings.Contains(words, "code 3: not today") {
				t.Errorf("the publisher hears %q", words)
			}
		})
	}
}

// TestForwardBackendReload has another backend take over while a stream is live.
func TestForwardBackendReload(t *testing.T) {
	t.Parallel()
	far, other := serve(t, conf{}), serve(t, conf{})
	one, two := receive(t, sendsTo(far.url("s"))), receive(t, sendsTo(other.url("s")))
	by := func(v *receiver) conf {
		return conf{vhost: "forward { enabled on; backend http://" + v.address + "; }"}
	}
	near := serve(t, by(one))
	p := ffmpegPublisher("ffmpeg")(t, near.url("s"), newClip(t, "h264", "small"), 0)
	published(t, far)
	near.reload(by(two))
	published(t, other)
	unpublished(t, far)
	if len(one.calls("on_forward")) != 1 || len(two.calls("on_forward")) != 1 || len(near.publishers()) != 1 {
		t.Errorf("the backends were asked %d and %d times", len(one.calls("")), len(two.calls("")))
	}
	p.stop()
	unpublished(t, other)
}

// TestForwardSlow has a target that stops to read: it loses what is older than queue_length, and neither the stream nor the
// other target waits for it.
func TestForwardSlow(t *testing.T) {
	t.Parallel()
	far, at := serve(t, conf{}), freeAddress(t)
	to := "rtmp://" + at + "/out/key"
	slow := ffmpegServer(t, to)
	near := serve(t, conf{global: exporting(t), vhost: "play { queue_length 5; } forward { enabled on; destination " + to + " " + far.rtmp + "; }"})
	c := newClip(t, "h264", "heavy")
	p := ffmpegPublisher("ffmpeg")(t, near.url("s"), c, 0)
	published(t, far)
	near.reaches(t, "rtmp://"+at, "sending", 1)
	views := map[string]viewing{"near": ffmpegPlayer(t, near.url("s"), "h264"), "far": ffmpegPlayer(t, far.url("s"), "h264")}
	watched(t, views, 25)
	slow.freeze(true)
	waitFor(t, "frames to be lost", func() bool { return near.goal("rtmp://"+at).Lost > 25 })
	watched(t, views, 50)
	if g := near.goal("rtmp://" + far.rtmp); g.Lost != 0 || g.State != "sending" || g.Attempts != 1 {
		t.Errorf("the other target is %+v", g)
	}
	finish(t, views, expectation{clip: c, frames: 75})
	if lost := scrape(t, near.api).of("weir_forward_lost_frames_total", "target", near.goal("rtmp://"+at).Target); lost < 25 {
		t.Errorf("the metrics say that %v frames are lost", lost)
	}
	slow.freeze(false)
	p.stop()
	unpublished(t, far)
}

// TestForwardCircle sends a stream to the same server by another name, and so on: not without end.
func TestForwardCircle(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{})
	f.reload(conf{vhost: "forward { enabled on; destination rtmp://" + f.rtmp + "/live/[stream]_c; }"})
	c := newClip(t, "h264", "small")
	p := startClientPublisher(t, f.url("s"), c, 0)
	f.said(t, 1, "again and again", "stream=/live/s_c_c_c", "times=3")
	watched(t, map[string]viewing{"last": ffmpegPlayer(t, f.url("s_c_c_c"), "h264")}, 25)
	if n := len(f.publishers()); n != 4 {
		t.Errorf("%d streams are published, want 4", n)
	}
	p.stop()
	unpublished(t, f)
}

// TestForwardEdge sends on what is published at an edge, and not what that has fetched.
func TestForwardEdge(t *testing.T) {
	t.Parallel()
	origin, far := serve(t, conf{}), serve(t, conf{})
	edge := serve(t, conf{name: "edge", global: exporting(t), vhost: "cluster { mode remote; origin " + origin.rtmp + "; } forward { enabled on; destination " + far.rtmp + "; }"})
	c := newClip(t, "h264", "small")
	p := ffmpegPublisher("ffmpeg")(t, origin.url("s"), c, 0)
	published(t, origin)
	views := map[string]viewing{"one": ffmpegPlayer(t, edge.url("s"), "h264"), "two": ffmpegPlayer(t, edge.url("s"), "h264")}
	watched(t, views, 60)
	now := scrape(t, edge.api)
	if n, fetched := now.of("weir_edge_streams", "way", "fetched"), now.of("weir_edge_bytes_total", "way", "fetched"); n != 1 || fetched < 1000 {
		t.Errorf("%v streams are fetched, and %v bytes were", n, fetched)
	}
	edge.said(t, 1, "are not sent on", "stream=/live/s")
	if list := far.publishers(); len(list) != 0 || len(edge.goals("")) != 0 {
		t.Errorf("what was fetched is sent on: %+v, %+v", list, edge.goals(""))
	}
	finish(t, views, expectation{clip: c, frames: 40})
	q := ffmpegPublisher("ffmpeg")(t, edge.url("t"), c, 0)
	published(t, far)
	if lines := edge.logged("are not sent on"); len(lines) != 1 {
		t.Errorf("the log says %q", lines)
	}
	q.stop()
	p.stop()
	unpublished(t, far)
}
