package rtmp

import (
	"strings"
	"testing"

	"weir/internal/stream"
)

// TestVisit has a client that publishes, stops, plays and leaves: one visit.
func TestVisit(t *testing.T) {
	h := newHouse(t, nil)
	g := h.enter()
	g.connects()
	g.publishes("s")
	g.command("FCUnpublish", 4, nil, "s")
	h.logged("may start again")
	g.command("play", 5, nil, "s")
	h.logged("once somebody publishes")
	g.conn.Close()
	h.logged("rtmp-play ended")
	h.sessions.Wait()
	if got, want := h.events.String(), "connect: <nil>\npublish: <nil>\nunpublish: <nil>\nplay: <nil>\nstop: <nil>\nclose: <nil>\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// kick ends the one session there is.
func (h *house) kick() {
	for _, s := range h.registry.Sessions() {
		_ = h.registry.Kick(s.Request.ID, stream.ErrKicked)
	}
}

// TestVisitEnds has clients whose ends have causes.
func TestVisitEnds(t *testing.T) {
	for name, c := range map[string]struct {
		publishes bool
		end       func(*house, *guest)
		want      string
	}{
		"lost":     {true, func(_ *house, g *guest) { g.conn.Close() }, "connect: <nil>\npublish: <nil>\nunpublish: EOF\nclose: <nil>\n"},
		"kicked":   {true, func(h *house, _ *guest) { h.kick() }, "connect: <nil>\npublish: <nil>\nunpublish: kicked by the API\nclose: kicked by the API\n"},
		"left":     {false, func(_ *house, g *guest) { g.conn.Close() }, "connect: <nil>\nplay: <nil>\nstop: <nil>\nclose: <nil>\n"},
		"sent off": {false, func(h *house, _ *guest) { h.kick() }, "connect: <nil>\nplay: <nil>\nstop: kicked by the API\nclose: kicked by the API\n"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			g := h.enter()
			g.connects()
			if c.publishes {
				g.publishes("s")
				h.logged("publishing")
			} else {
				g.command("play", 5, nil, "s")
				h.logged("once somebody publishes")
			}
			c.end(h, g)
			for {
				if _, err := g.in.readMessage(); err != nil {
					break
				}
			}
			g.conn.Close()
			h.sessions.Wait()
			if got := h.events.String(); got != c.want {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestVisitDenied has a client that is not let in at all: it neither publishes nor is said to leave.
func TestVisitDenied(t *testing.T) {
	h := newHouse(t, nil)
	h.connect = &stream.Denied{Gate: "on_connect", Reason: "not today."}
	g := h.enter()
	g.connects()
	g.command("publish", 3, nil, "s", "live")
	if level, _, text := g.status(); level != "error" || !strings.Contains(text, "not today.") {
		t.Errorf("%s %q", level, text)
	}
	g.gone()
	g.conn.Close()
	h.sessions.Wait()
	if got, want := h.events.String(), "denied: on_connect: not today.\n"; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
