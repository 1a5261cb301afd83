package hls

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weir/internal/shelf"

	"weir/internal/stream"
)

// asked is a gate that counts who asks, and lets some in.
type asked struct{ plays int }

func (a *asked) Check(_ context.Context, q stream.Ask) error {
	if q.Act != stream.Play {
		return nil
	}
	a.plays++
	switch {
	case strings.Contains(q.Request.Param, "token=bad"):
		return &stream.Denied{Gate: "on_play", Reason: "your token is bad"}
	case strings.Contains(q.Request.Param, "token=moved"):
		return &stream.Moved{URL: "http://elsewhere/live/a.m3u8"}
	}
	return nil
}

var idIn = regexp.MustCompile(`a\.m3u8\?hls_ctx=([^&\n]+)(.*)\n`)

// enter plays the stream a and returns the session's id.
func (r *rig) enter(query string) string {
	r.t.Helper()
	found := idIn.FindStringSubmatch(r.must("/live/a.m3u8" + query))
	if found == nil {
		r.t.Fatal("no session in ", r.must("/live/a.m3u8"))
	}
	return found[1]
}

func (r *rig) players() (list []stream.SessionInfo) {
	for _, s := range r.registry.Sessions() {
		if s.Request.Kind == "hls-play" {
			list = append(list, s)
		}
	}
	return list
}

// playing runs a test with a stream of 12 s and a gate.
func playing(t *testing.T, hls string, test func(t *testing.T, r *rig, g *asked, e *encoder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &asked{}
		r := newRig(t, "hls_fragment 2; hls_window 12;"+hls)
		r.gates = []stream.Gate{g}
		r.start()
		defer r.stop()
		test(t, r, g, r.publish("live", "a").run(13*time.Second))
	})
}

func TestSession(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *asked, e *encoder) {
		master := r.must("/live/a.m3u8?token=x&b=c")
		want := regexp.MustCompile(`^#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=(\d{6}),AVERAGE-BANDWIDTH=(\d{6}),` +
			`CODECS="avc1.42c028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=30.000\na.m3u8\?hls_ctx=[0-9a-z]{8}&token=x&b=c\n$`)
		if !want.MatchString(master) {
			t.Errorf("master\n%s", master)
		}
		id := idIn.FindStringSubmatch(master)[1]
		list := r.players()
		if len(list) != 1 || list[0].Request.ID != id || list[0].Request.Name != "a.m3u8" || list[0].Request.Stream != "a" || list[0].Request.Param != "?token=x&b=c" {
			t.Fatalf("sessions %+v", list)
		}
		p := newReader(t).see(r.must("/live/a.m3u8?hls_ctx=" + id + "&token=x"))
		sent := 0
		for _, entry := range p.entries {
			if !strings.HasSuffix(entry.uri, ".ts?hls_ctx="+id) {
				t.Errorf("entry %s", entry.uri)
			}
			sent += len(r.must("/live/" + entry.uri))
		}
		if got := list[0].Request.Traffic.Sent.Load(); got != uint64(sent) || sent == 0 {
			t.Errorf("%d bytes are counted; want %d", got, sent)
		}
		for range 10 { // it stays for as long as it asks
			e.run(20 * time.Second)
			r.must("/live/a.m3u8?hls_ctx=" + id)
		}
		if g.plays != 1 || len(r.players()) != 1 {
			t.Errorf("the gate was asked %d times; sessions %v", g.plays, r.players())
		}
		e.run(26 * time.Second)
		synctest.Wait()
		if len(r.players()) != 0 || r.log.count("play ended: client left") != 1 {
			t.Errorf("silent for 26 s: %v", r.players())
		}
		again := r.must("/live/a.m3u8?hls_ctx=" + id) // a tab that was asleep goes on
		newReader(t).see(again)
		if g.plays != 2 || len(r.players()) != 1 || r.players()[0].Request.ID != id {
			t.Errorf("back again: asked %d times, %v", g.plays, r.players())
		}
	})
}

func TestSessionKicked(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *asked, e *encoder) {
		id, other := r.enter(""), r.enter("")
		if err := r.registry.Kick(id, stream.ErrKicked); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			e.run(5 * time.Second)
			if code, body, _ := r.get("/live/a.m3u8?hls_ctx=" + id); code != http.StatusNotFound || !strings.Contains(body, "HLS stream "+id+" is EOF") {
				t.Errorf("%d %s", code, body)
			}
		}
		newReader(t).see(r.must("/live/a.m3u8?hls_ctx=" + other))
		if n := len(r.players()); n != 1 || g.plays != 2 || r.log.count("kicked by the API") != 1 {
			t.Errorf("%d sessions, %d asked", n, g.plays)
		}
	})
}

func TestSessionDenied(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *asked, _ *encoder) {
		code, body, h := r.get("/live/a.m3u8?token=bad")
		if code != http.StatusForbidden || body != "{\"code\":403,\"reason\":\"on_play: your token is bad\"}\n" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s %v", code, body, h)
		}
		if code, _, h := r.get("/live/a.m3u8?token=moved"); code != http.StatusFound || h.Get("Location") != "http://elsewhere/live/a.m3u8" {
			t.Errorf("moved: %d %v", code, h)
		}
		if code, _, _ := r.get("/live/a.m3u8?hls_ctx=aaaaaaaa&token=bad"); code != http.StatusForbidden {
			t.Errorf("with an id of its own: %d", code)
		}
		if len(r.players()) != 0 || r.server.sessions.Len() != 0 || g.plays != 3 {
			t.Errorf("sessions %v, asked %d times", r.players(), g.plays)
		}
	})
}

// TestSessionIDs has players bring ids.
func TestSessionIDs(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *asked, _ *encoder) {
		if id := r.enter("?hls_ctx=customer-17"); id != "customer-17" {
			t.Errorf("an id of the player's own became %s", id)
		}
		publisher := r.registry.Streams()[0].Publisher
		for _, bad := range []string{publisher, "a%22b", strings.Repeat("x", 65), ""} {
			if id := r.enter("?hls_ctx=" + bad); id == bad || !shelf.Ours(id) {
				t.Errorf("%q became %q", bad, id)
			}
		}
		r.publish("live", "b").run(5 * time.Second)
		if body := r.must("/live/b.m3u8?hls_ctx=customer-17"); strings.Contains(body, "customer-17") || !strings.Contains(body, "STREAM-INF") {
			t.Errorf("the session of another stream:\n%s", body)
		}
	})
}

func TestSessionBounds(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *asked, _ *encoder) {
		r.config.Load().MaxConnections = 2
		for range 2 * shelf.PerConnection {
			r.enter("")
		}
		if code, _, _ := r.get("/live/a.m3u8"); code != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", code)
		}
	})
}

func TestWithoutSessions(t *testing.T) {
	playing(t, "hls_ts_ctx off;", func(t *testing.T, r *rig, g *asked, e *encoder) {
		id := r.enter("")
		for _, entry := range newReader(t).see(r.must("/live/a.m3u8?hls_ctx=" + id)).entries {
			if strings.Contains(entry.uri, "?") {
				t.Errorf("hls_ts_ctx off: %s", entry.uri)
			}
		}
		r.configure("hls_fragment 2; hls_ctx off;")
		newReader(t).see(r.must("/live/a.m3u8"))
		if g.plays != 1 {
			t.Errorf("asked %d times", g.plays)
		}
		if n := len(r.players()); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// TestServerStops ends every session once.
func TestServerStops(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *asked, _ *encoder) {
		for range 5 {
			r.enter("")
		}
		r.stop()
		if n := r.log.count("the server stops"); n != 5 || len(r.players()) != 0 || r.server.sessions.Len() != 0 {
			t.Errorf("%d lines, sessions %v", n, r.players())
		}
	})
}
