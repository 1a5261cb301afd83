package dash

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
	"weir/internal/testkit/studio"
)

// playing runs a test with a stream and a gate.
func playing(t *testing.T, dash string, test func(t *testing.T, r *rig, g *studio.Gate, e *studio.Encoder)) {
	t.Helper()
	g := &studio.Gate{}
	bubble(t, "dash_fragment 2; dash_update_period 2;"+dash, func(t *testing.T, r *rig) {
		test(t, r, g, r.Publish("live", "a").Run(13*time.Second))
	}, g)
}

// located returns where a manifest is to be fetched again, and the session's id.
func located(t testing.TB, v *view) (at, id string) {
	t.Helper()
	if len(v.Location) != 1 {
		t.Fatalf("no Location in\n%s", v.text)
	}
	at = strings.TrimSpace(v.Location[0].Value)
	found := regexp.MustCompile(`^/live/a\.mpd\?dash_ctx=([0-9a-zA-Z-]+)`).FindStringSubmatch(at)
	if found == nil {
		t.Fatalf("Location %s", at)
	}
	return at, found[1]
}

// TestSession has a player that does all as the manifest says.
func TestSession(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *studio.Gate, e *studio.Encoder) {
		player := newReader(t)
		v := player.see(r.Must("/live/a.mpd?token=x&b=c"))
		at, id := located(t, v)
		if !strings.HasSuffix(at, "&token=x&b=c") {
			t.Errorf("Location %s", at)
		}
		list := r.Players()
		if len(list) != 1 || list[0].Request.ID != id || list[0].Request.Name != "a.mpd" || list[0].Request.Param != "?token=x&b=c" {
			t.Fatalf("sessions %+v", list)
		}
		v = player.see(r.Must(at))
		sent := 0
		for set, list := range v.sets {
			for _, l := range list {
				if !strings.HasSuffix(l.uri, ".m4s?dash_ctx="+id) || !strings.HasSuffix(l.header, ".mp4?dash_ctx="+id) {
					t.Errorf("segment %+v", l)
				}
				sent += len(r.Must("/live/"+l.uri)) + len(r.Must("/live/"+l.header))
			}
			r.fetch(v, "/live/", set)
		}
		if got := list[0].Request.Traffic.Sent.Load(); got != uint64(2*sent) || sent == 0 {
			t.Errorf("%d bytes are counted; want twice %d", got, sent)
		}
		for range 10 { // it stays for as long as it asks
			e.Run(15 * time.Second)
			if next, again := located(t, read(t, r.Must(at))); next != at || again != id {
				t.Errorf("the next Location is %s", next)
			}
		}
		if g.Plays != 1 || len(r.Players()) != 1 {
			t.Errorf("the gate was asked %d times; sessions %v", g.Plays, r.Players())
		}
		e.Run(20 * time.Second)
		synctest.Wait()
		if len(r.Players()) != 0 || r.Log.Count("play ended: client left") != 1 || r.server.sessions.Len() != 0 {
			t.Errorf("silent for 20 s: %v", r.Players())
		}
		if _, again := located(t, read(t, r.Must(at))); again != id || g.Plays != 2 { // a tab that was asleep goes on
			t.Errorf("back again as %s: asked %d times", again, g.Plays)
		}
	})
}

// TestSessionUntold has a player that fetches the first address again and again, as ffmpeg does: it is one
// session, and so is another program beside it.
func TestSessionUntold(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *studio.Gate, e *studio.Encoder) {
		ids := map[string]string{}
		for range 30 {
			e.Run(2 * time.Second)
			for _, program := range []string{"Lavf/60", "other"} {
				_, body, _ := r.GetAs(program, "/live/a.mpd")
				v := read(t, body)
				_, id := located(t, v)
				if was := ids[program]; was != "" && was != id {
					t.Errorf("%s is %s and %s", program, was, id)
				}
				ids[program] = id
				if code, _, _ := r.GetAs(program, "/live/"+v.newest("video").uri); code != 200 {
					t.Errorf("a segment: %d", code)
				}
			}
		}
		if len(r.Players()) != 2 || g.Plays != 2 || ids["other"] == ids["Lavf/60"] {
			t.Errorf("sessions %v, asked %d times", r.Players(), g.Plays)
		}
		_, body, _ := r.GetAs("other", "/live/a.mpd?dash_ctx="+ids["other"]) // this one tells its id now
		if _, id := located(t, read(t, body)); id != ids["other"] {
			t.Errorf("told %s: is %s", ids["other"], id)
		}
		_, body, _ = r.GetAs("other", "/live/a.mpd")
		if _, id := located(t, read(t, body)); id == ids["other"] || len(r.Players()) != 3 {
			t.Errorf("the next of its kind: %s, sessions %v", id, r.Players())
		}
		if err := r.Registry.Kick(ids["Lavf/60"], stream.ErrKicked); err != nil {
			t.Fatal(err)
		}
		if code, body, _ := r.GetAs("Lavf/60", "/live/a.mpd"); code != http.StatusNotFound || !strings.Contains(body, "is EOF") {
			t.Errorf("kicked: %d %s", code, body)
		}
	})
}

func TestSessionKicked(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *studio.Gate, e *studio.Encoder) {
		v := read(t, r.Must("/live/a.mpd"))
		at, id := located(t, v)
		if err := r.Registry.Kick(id, stream.ErrKicked); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			e.Run(3 * time.Second)
			for _, path := range []string{at, "/live/" + v.newest("video").uri, "/live/" + v.newest("audio").header} {
				if code, body, _ := r.Get(path); code != http.StatusNotFound || !strings.Contains(body, "DASH stream "+id+" is EOF") {
					t.Errorf("%s: %d %s", path, code, body)
				}
			}
		}
		if n := r.Log.Count("kicked by the API"); n != 1 || len(r.Players()) != 0 {
			t.Errorf("%d lines in the log, sessions %v", n, r.Players())
		}
	})
}

func TestSessionDenied(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, g *studio.Gate, _ *studio.Encoder) {
		for _, query := range []string{"?token=bad", "?dash_ctx=aaaaaaaa&token=bad"} {
			if code, body, _ := r.Get("/live/a.mpd" + query); code != http.StatusForbidden || !strings.Contains(body, "your token is bad") {
				t.Errorf("%s: %d %s", query, code, body)
			}
		}
		if len(r.Players()) != 0 || r.server.sessions.Len() != 0 || g.Plays != 2 {
			t.Errorf("sessions %v, asked %d times", r.Players(), g.Plays)
		}
		_, id := located(t, read(t, r.Must("/live/a.mpd?dash_ctx=customer-17")))
		if id != "customer-17" {
			t.Errorf("an id of the player's own became %s", id)
		}
		r.Publish("live", "b").Run(5 * time.Second)
		if body := r.Must("/live/b.mpd?dash_ctx=customer-17"); strings.Contains(body, "customer-17") {
			t.Errorf("the session of another stream:\n%s", body)
		}
	})
}

// TestWithoutSessions serves everybody the same.
func TestWithoutSessions(t *testing.T) {
	playing(t, "dash_ctx off;", func(t *testing.T, r *rig, g *studio.Gate, _ *studio.Encoder) {
		for range 5 {
			if _, body, h := r.Get("/live/a.mpd?x=y"); strings.Contains(body, "dash_ctx") || h.Get("Cache-Control") != "max-age=1" {
				t.Errorf("%v\n%s", h, body)
			}
		}
		if len(r.Players()) != 0 || g.Plays != 0 {
			t.Errorf("sessions %v, asked %d times", r.Players(), g.Plays)
		}
	})
}

// TestServerStops ends every session once.
func TestServerStops(t *testing.T) {
	playing(t, "", func(t *testing.T, r *rig, _ *studio.Gate, _ *studio.Encoder) {
		for _, program := range []string{"a", "b", "c"} {
			r.GetAs(program, "/live/a.mpd")
		}
		r.Stop()
		if n := r.Log.Count("the server stops"); n != 3 || len(r.Players()) != 0 || r.server.sessions.Len() != 0 {
			t.Errorf("%d lines, sessions %v", n, r.Players())
		}
	})
}

// TestSessionAfterGap has a player that stays while a publisher leaves and another comes, and players that come while
// that one has no segment yet, and after it has: they see nothing of the first.
func TestSessionAfterGap(t *testing.T) {
	for _, more := range []string{"", "dash_low_latency on;", "dash_window_size 30;"} {
		playing(t, more, func(t *testing.T, r *rig, _ *studio.Gate, e *studio.Encoder) {
			stays := newReader(t)
			stays.low = strings.Contains(more, "low")
			v := stays.see(r.Must("/live/a.mpd"))
			at, _ := located(t, v)
			e.End()
			time.Sleep(4 * time.Second)
			if _, body, _ := r.GetAs("away", "/live/a.mpd"); !strings.Contains(body, `<Period id="0"`) {
				t.Errorf("while nobody publishes: %s", body)
			}
			began := time.Now()
			next := r.Publish("live", "a")
			answer := make(chan string)
			go func() {
				time.Sleep(500 * time.Millisecond)
				_, body, _ := r.GetAs("early", "/live/a.mpd")
				answer <- body
			}()
			var work sync.WaitGroup
			work.Go(func() { next.Run(25 * time.Second) })
			defer work.Wait()
			body := <-answer
			if d := time.Since(began); d < 2*time.Second || d > 4*time.Second {
				t.Errorf("%q: an early player is answered after %s", more, d)
			}
			early := newReader(t)
			early.low = stays.low
			v = early.see(body)
			if len(v.starts) != 1 || strings.Contains(body, `<Period id="0"`) {
				t.Errorf("%q: an early player sees\n%s", more, body)
			}
			again, _ := located(t, v)
			for range 8 {
				_, body, _ = r.GetAs("early", again)
				early.see(body)
				time.Sleep(2 * time.Second)
				if v = stays.see(r.Must(at)); strings.Contains(more, "30") && len(v.starts) != 2 {
					t.Errorf("who has seen the first publisher is to have its segments:\n%s", v.text)
				}
			}
			_, late, _ := r.GetAs("late", "/live/a.mpd")
			if v = read(t, late); len(v.starts) != 1 {
				t.Errorf("%q: a late player sees\n%s", more, late)
			}
			r.fetch(v, "/live/", "video")
		})
	}
}
