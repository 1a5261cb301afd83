package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// edgeVhost is the virtual host of an edge that everybody may publish to.
func edgeVhost(origins string) string {
	return "cluster { mode remote; origin " + origins + "; }\nsrt { enabled on; }\n" + bridges
}

// edgePublishers are a publisher of each protocol.
func edgePublishers() []publisher {
	return slices.DeleteFunc(slices.Clone(publishers), func(p publisher) bool {
		return !slices.Contains([]string{"client", "ffmpeg-srt", "ffmpeg-flv-post", "whip"}, p.name)
	})
}

// TestEdgePublish publishes at an edge by every protocol. The origin has the stream at once, by the encoder's own times, until
// the encoder ends.
func TestEdgePublish(t *testing.T) {
	t.Parallel()
	const start = 100 * time.Second
	origin := serve(t, conf{name: "origin", vhost: "play { atc on; }"})
	edge := serve(t, conf{name: "edge", global: exporting(t), srt: "latency 120;", rtc: " ", vhost: edgeVhost(origin.rtmp)})
	c := newClip(t, "h264", "small")
	for _, p := range edgePublishers() {
		t.Run(p.name, func(t *testing.T) {
			name := p.name
			pub := p.start(t, edge.url(name), c, start)
			waitFor(t, "the stream at the edge", func() bool { return edge.publishes(name) })
			came := time.Now()
			waitFor(t, "the stream at the origin", func() bool { return origin.publishes(name) })
			if d := time.Since(came); d > time.Second {
				t.Errorf("the origin has the stream %s after the edge", d)
			}
			far := playClient(t, origin.url(name))
			views := map[string]viewing{"origin": ffmpegPlayer(t, origin.url(name), "h264"), "edge": ffmpegPlayer(t, edge.url(name), "h264"), "client": far}
			watched(t, views, 50)
			now := scrape(t, edge.api)
			if n, sent := now.of("weir_edge_streams", "way", "sent"), now.of("weir_edge_bytes_total", "way", "sent"); n != 1 || sent < 1000 {
				t.Errorf("%v streams are sent on, and %v bytes were", n, sent)
			}
			for _, m := range far.messages() {
				if m.Kind == 9 && !isHeader(&m) {
					if at := time.Duration(m.Time) * time.Millisecond; !p.fixed && at < start-100*time.Millisecond { // pictures are decoded before they are shown
						t.Errorf("the first picture at the origin is of %s, and the encoder began with %s", at, start)
					}
					break
				}
			}
			finish(t, views, expectation{clip: c, frames: 40})
			pub.stop()
			waitFor(t, "the end at the edge", func() bool { return !edge.publishes(name) })
			gone := time.Now()
			waitFor(t, "the end at the origin", func() bool { return !origin.publishes(name) })
			if d := time.Since(gone); d > time.Second {
				t.Errorf("the origin has the stream for %s longer than the edge", d)
			}
		})
	}
}

// publishes reports whether a stream is published at a server.
func (f *fixture) publishes(name string) bool {
	return slices.ContainsFunc(f.publishers(), func(c client) bool { return strings.HasSuffix(c.URL, "/live/"+name) })
}

// TestEdgeRefusals has encoders at an edge hear the origin's no: somebody publishes there, or its callback does not want it.
func TestEdgeRefusals(t *testing.T) {
	t.Parallel()
	away := receive(t, func(w http.ResponseWriter, c callback) {
		if c.Action == "on_publish" && strings.HasPrefix(c.Stream, "no") {
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write([]byte("0"))
	})
	origin := serve(t, conf{name: "origin", vhost: away.hooks("")})
	edge := serve(t, conf{name: "edge", srt: "latency 120;", rtc: " ", vhost: edgeVhost(origin.rtmp)})
	c := newClip(t, "h264", "small")
	publishTags(t, origin.url("busy"), readClip(t, c), 0)
	published(t, origin)
	for _, p := range edgePublishers() {
		for name, reason := range map[string]string{"busy": "at the origin " + origin.rtmp, "no-" + p.name: "the origin does not take the stream"} {
			t.Run(p.name+" "+name, func(t *testing.T) {
				pub := p.start(t, edge.url(name), c, 0)
				if err := pub.wait(); err == nil || err.Error() == "it does not end" {
					t.Errorf("the encoder ends with %v", err)
				}
				edge.said(t, 1, "refused", "/live/"+name, reason)
				if name == "busy" {
					reason = "/live/busy is being published already"
				}
				if p.name == "client" && !strings.Contains(pub.shown(), reason) {
					t.Errorf("the encoder is told %q, want %q", pub.shown(), reason)
				}
			})
		}
	}
	waitFor(t, "all to be gone", func() bool { return len(edge.publishers()) == 0 })
	if n := len(origin.publishers()); n != 1 {
		t.Errorf("%d publish at the origin, want the one who did", n)
	}
}

// TestEdgePublishFailover has the origin end that has taken a stream: the next one in the list takes it, and the encoder hears
// nothing of that.
func TestEdgePublishFailover(t *testing.T) {
	t.Parallel()
	at := conf{name: "a"}
	a, b := serve(t, at), serve(t, conf{name: "b"})
	edge := serve(t, conf{name: "edge", vhost: edgeVhost(a.rtmp + " " + b.rtmp)})
	c := newClip(t, "h264", "small")
	pub := ffmpegPublisher("ffmpeg")(t, edge.url("s"), c, 0)
	published(t, edge)
	has, next := a, b
	if !a.publishes("s") {
		has, next = b, a
	}
	near := map[string]viewing{"near": ffmpegPlayer(t, edge.url("s"), "h264")}
	watched(t, near, 25)
	id := edge.publishers()[0].ID
	has.restart(at)
	waitFor(t, "the other origin to take the stream", func() bool { return next.publishes("s") })
	far := map[string]viewing{"far": ffmpegPlayer(t, next.url("s"), "h264")}
	watched(t, far, 40)
	finish(t, far, expectation{clip: c, frames: 35})
	finish(t, near, expectation{clip: c, frames: 60, gap: 0.2})
	if list := edge.publishers(); len(list) != 1 || list[0].ID != id {
		t.Errorf("the publishers at the edge are %+v, want %s", list, id)
	}
	pub.stop()
	unpublished(t, next)
}

// TestEdgeTokenTraverse has an origin say which clients may come to an edge, or not.
func TestEdgeTokenTraverse(t *testing.T) {
	t.Parallel()
	for value, wants := range map[string]bool{"on": false, "off": true} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			guard := receive(t, func(w http.ResponseWriter, c callback) {
				if c.Action == "on_connect" && strings.Contains(c.TCURL, "stranger") {
					w.WriteHeader(http.StatusForbidden)
				}
				_, _ = w.Write([]byte("0"))
			})
			origin := serve(t, conf{name: "origin", vhost: guard.hooks("")})
			edge := serve(t, conf{name: "edge", vhost: "cluster { mode remote; origin " + origin.rtmp + "; token_traverse " + value + "; }\nhls { enabled on; hls_ctx off; hls_fragment 1; hls_path " + t.TempDir() + "; }"})
			publishTags(t, origin.url("s"), readClip(t, newClip(t, "h264", "small")), 0)
			published(t, origin)
			for who, may := range map[string]bool{"friend": true, "stranger": wants} {
				view := playClient(t, "rtmp://"+edge.rtmp+"/live?key="+who+"/s")
				if came := poll(func() bool { return view.frames() > 5 || view.shown() != "" }) && view.frames() > 5; came != may {
					t.Errorf("%s sees the stream: %t, want %t: %s", who, came, may, view.shown())
				}
				view.stop()
				pub := publishTags(t, "rtmp://"+edge.rtmp+"/live?key="+who+"/"+who, readClip(t, newClip(t, "h264", "small")), 0)
				if came := pub.shown() == "" && poll(func() bool { return origin.publishes(who) || pub.shown() != "" }) && origin.publishes(who); came != may {
					t.Errorf("%s publishes: %t, want %t: %s", who, came, may, pub.shown())
				}
				pub.stop()
			}
			// What not everybody may play is for sessions only, whatever hls_ctx says.
			status, list := edge.get("http://" + edge.http + "/live/s.m3u8")
			if session := strings.Contains(list, "hls_ctx="); status != http.StatusOK || session != !wants {
				t.Errorf("the playlist is answered with %d and has a session: %t\n%s", status, session, list)
			}
			for _, p := range edge.players() {
				edge.kick(p.ID)
			}
		})
	}
}
