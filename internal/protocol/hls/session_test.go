package hls

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/shelf"
	"weir/internal/stream"
	"weir/internal/testkit/studio"
)

var idIn = regexp.MustCompile(`a\.m3u8\?hls_ctx=([^&\n]+)(.*)\n`)

// enter plays the stream a and returns the session's id.
func (r *rig) enter(query string) string {
	r.t.Helper()
	found := idIn.FindStringSubmatch(r.Must("/live/a.m3u8" + query))
	if found == nil {
		r.t.Fatal("no session in ", r.Must("/live/a.m3u8"))
	}
	return found[1]
}

// playing runs a test with a stream of 12 s and a gate.
func playing(t *testing.T, hls string, test func(t *testing.T, r *rig, g *studio.Gate, e *studio.Encoder)) {
	t.Helper()
	g := &studio.Gate{}
	bubble(t, "hls_fragment 2; hls_window 12;"+hls, func(t *testing.T, r *rig) {
		test(t, r, g, r.Publish("live", "a").Run(13*time.Second))
	}, g)
}

func TestSession(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *studio.Gate, e *studio.Encoder) {
		master := r.Must("/live/a.m3u8?token=x&b=c")
		want := regexp.MustCompile(`^#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=(\d{6}),AVERAGE-BANDWIDTH=(\d{6}),` +
			`CODECS="avc1.42c028,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=30.000\na.m3u8\?hls_ctx=[0-9a-z]{8}&token=x&b=c\n$`)
		if !want.MatchString(master) {
			t.Errorf("master\n%s", master)
		}
		id := idIn.FindStringSubmatch(master)[1]
		list := r.Players()
		if len(list) != 1 || list[0].Request.ID != id || list[0].Request.Name != "a.m3u8" || list[0].Request.Stream != "a" || list[0].Request.Param != "?token=x&b=c" {
			t.Fatalf("sessions %+v", list)
		}
		p := newReader(t).see(r.Must("/live/a.m3u8?hls_ctx=" + id + "&token=x"))
		sent := 0
		for _, entry := range p.entries {
			if !strings.HasSuffix(entry.uri, ".ts?hls_ctx="+id) {
				t.Errorf("entry %s", entry.uri)
			}
			sent += len(r.Must("/live/" + entry.uri))
		}
		if got := list[0].Request.Traffic.Sent.Load(); got != uint64(sent) || sent == 0 {
			t.Errorf("%d bytes are counted; want %d", got, sent)
		}
		for range 10 { // it stays for as long as it asks
			e.Run(20 * time.Second)
			r.Must("/live/a.m3u8?hls_ctx=" + id)
		}
		if g.Plays != 1 || len(r.Players()) != 1 {
			t.Errorf("the gate was asked %d times; sessions %v", g.Plays, r.Players())
		}
		e.Run(26 * time.Second)
		synctest.Wait()
		if len(r.Players()) != 0 || r.Log.Count("play ended: client left") != 1 {
			t.Errorf("silent for 26 s: %v", r.Players())
		}
		again := r.Must("/live/a.m3u8?hls_ctx=" + id) // a tab that was asleep goes on
		newReader(t).see(again)
		if g.Plays != 2 || len(r.Players()) != 1 || r.Players()[0].Request.ID != id {
			t.Errorf("back again: asked %d times, %v", g.Plays, r.Players())
		}
	})
}

func TestSessionKicked(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *studio.Gate, e *studio.Encoder) {
		id, other := r.enter(""), r.enter("")
		if err := r.Registry.Kick(id, stream.ErrKicked); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			e.Run(5 * time.Second)
			if code, body, _ := r.Get("/live/a.m3u8?hls_ctx=" + id); code != http.StatusNotFound || !strings.Contains(body, "HLS stream "+id+" is EOF") {
				t.Errorf("%d %s", code, body)
			}
		}
		newReader(t).see(r.Must("/live/a.m3u8?hls_ctx=" + other))
		if n := len(r.Players()); n != 1 || g.Plays != 2 || r.Log.Count("kicked by the API") != 1 {
			t.Errorf("%d sessions, %d asked", n, g.Plays)
		}
	})
}

func TestSessionDenied(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *studio.Gate, _ *studio.Encoder) {
		code, body, h := r.Get("/live/a.m3u8?token=bad")
		if code != http.StatusForbidden || body != "{\"code\":403,\"reason\":\"on_play: your token is bad\"}\n" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s %v", code, body, h)
		}
		if code, _, h := r.Get("/live/a.m3u8?token=moved"); code != http.StatusFound || h.Get("Location") != "http://elsewhere/live/a.m3u8" {
			t.Errorf("moved: %d %v", code, h)
		}
		if code, _, _ := r.Get("/live/a.m3u8?hls_ctx=aaaaaaaa&token=bad"); code != http.StatusForbidden {
			t.Errorf("with an id of its own: %d", code)
		}
		if len(r.Players()) != 0 || r.server.sessions.Len() != 0 || g.Plays != 3 {
			t.Errorf("sessions %v, asked %d times", r.Players(), g.Plays)
		}
	})
}

// TestSessionIDs has players bring ids.
func TestSessionIDs(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *studio.Gate, _ *studio.Encoder) {
		if id := r.enter("?hls_ctx=customer-17"); id != "customer-17" {
			t.Errorf("an id of the player's own became %s", id)
		}
		publisher := r.Registry.Streams()[0].Publisher
		for _, bad := range []string{publisher, "a%22b", strings.Repeat("x", 65), ""} {
			if id := r.enter("?hls_ctx=" + bad); id == bad || !shelf.Ours(id) {
				t.Errorf("%q became %q", bad, id)
			}
		}
		r.Publish("live", "b").Run(5 * time.Second)
		if body := r.Must("/live/b.m3u8?hls_ctx=customer-17"); strings.Contains(body, "customer-17") || !strings.Contains(body, "STREAM-INF") {
			t.Errorf("the session of another stream:\n%s", body)
		}
	})
}

func TestSessionBounds(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *studio.Gate, _ *studio.Encoder) {
		r.Config.Load().MaxConnections = 2
		for range 2 * shelf.PerConnection {
			r.enter("")
		}
		if code, _, _ := r.Get("/live/a.m3u8"); code != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", code)
		}
	})
}

func TestWithoutSessions(t *testing.T) {
	playing(t, "hls_ts_ctx off;", func(t *testing.T, r *rig, g *studio.Gate, e *studio.Encoder) {
		id := r.enter("")
		for _, entry := range newReader(t).see(r.Must("/live/a.m3u8?hls_ctx=" + id)).entries {
			if strings.Contains(entry.uri, "?") {
				t.Errorf("hls_ts_ctx off: %s", entry.uri)
			}
		}
		r.configure("hls_fragment 2; hls_ctx off;")
		newReader(t).see(r.Must("/live/a.m3u8"))
		if g.Plays != 1 {
			t.Errorf("asked %d times", g.Plays)
		}
		if n := len(r.Players()); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

// TestServerStops ends every session once.
func TestServerStops(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *studio.Gate, _ *studio.Encoder) {
		for range 5 {
			r.enter("")
		}
		r.Stop()
		if n := r.Log.Count("the server stops"); n != 5 || len(r.Players()) != 0 || r.server.sessions.Len() != 0 {
			t.Errorf("%d lines, sessions %v", n, r.Players())
		}
	})
}
