package flvpost

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/testkit/sent"
)

// TestPublish has streams of both kinds of body, with any method.
func TestPublish(t *testing.T) {
	all := second()
	whole := file(all...)
	want := all[3:]
	for name, send := range map[string]func(h *house) *guest{
		"chunked": func(h *house) *guest {
			g := h.posts("/live/s.flv?token=1", "Referer: http://page.test/", "Authorization: Bearer abc")
			for piece := whole; len(piece) > 0; piece = piece[min(100, len(piece)):] {
				g.chunk(piece[:min(100, len(piece))])
			}
			g.chunk(nil)
			return g
		},
		"sized": func(h *house) *guest {
			g := h.guest()
			g.write([]byte("PUT /live/s.flv?token=1 HTTP/1.1\r\nHost: a.test\r\nReferer: http://page.test/\r\nAuthorization: Bearer abc\r\nContent-Length: " + strconv.Itoa(len(whole)) + "\r\n\r\n"))
			g.write(whole)
			return g
		},
		"cut in the last tag": func(h *house) *guest {
			g := h.posts("/live/s.flv?token=1", "Referer: http://page.test/", "Authorization: Bearer abc")
			g.chunk(append(bytes.Clone(whole), whole[13:50]...))
			g.chunk(nil)
			return g
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			var seen stream.Request
			h.gate = func(a stream.Ask) error {
				if a.Act == stream.Publish {
					seen = *a.Request
				}
				return nil
			}
			sub := h.played()
			g := send(h)
			g.answered(200, "/live/s has been published to its end")
			g.conn.Close()
			got := frames(sub)
			if len(got) != len(want) {
				t.Fatalf("%d frames, want %d", len(got), len(want))
			}
			for i, f := range got {
				if !bytes.Equal(f.Raw(), want[i].Body) || f.DTS != int64(want[i].Time)*1e6 {
					t.Errorf("frame %d is % x at %d", i, f.Raw(), f.DTS)
				}
			}
			if l := got[0].Layout; l.Meta.Get("width") != 320.0 || len(l.Tracks) != 2 {
				t.Errorf("layout %+v", l)
			}
			if seen.Kind != "flv-publish" || seen.Remote.String() != "127.0.0.1" || seen.Name != "s.flv" || seen.Param != "?token=1" ||
				seen.TCURL != "http://a.test/live" || seen.PageURL != "http://page.test/" || seen.Token != "abc" ||
				seen.Traffic.Received.Load() < uint64(len(whole)) {
				t.Errorf("request %+v", seen)
			}
			h.logged("flv-publish ended: client left", "frames=50", "stream=/live/s")
			if n := seen.Traffic.Sent.Load(); n == 0 {
				t.Error("nothing was counted of the answer")
			}
			h.wait("the events", func() bool {
				return strings.HasPrefix(h.events.String(), "play: <nil>\nconnect: <nil>\npublish: <nil>\nunpublish: <nil>\n") && h.events.Count("close: <nil>") == 1
			})
		})
	}
}

// TestRefusals has those who may not publish hear why, while they go on sending.
func TestRefusals(t *testing.T) {
	denied := &stream.Denied{Gate: "on_publish", Reason: "no."}
	for name, c := range map[string]struct {
		address string
		gate    func(stream.Ask) error
		status  int
		words   string
	}{
		"no stream":   {"/live/", nil, 400, "no stream name"},
		"off":         {"/live/s.flv?vhost=off.test", nil, 403, `The virtual host "off.test" is switched off.`},
		"busy":        {"/live/busy.flv", nil, 409, "/live/busy is being published already by somebody else."},
		"connect":     {"/live/s.flv", func(a stream.Ask) error { return ifAct(a, stream.Connect, denied) }, 403, "You may not publish /live/s: no."},
		"publish":     {"/live/s.flv", func(a stream.Ask) error { return ifAct(a, stream.Publish, denied) }, 403, "You may not publish /live/s: no."},
		"moved":       {"/live/s.flv", func(a stream.Ask) error { return ifAct(a, stream.Publish, &stream.Moved{URL: "rtmp://b/live/s"}) }, 307, "another server"},
		"fault":       {"/live/s.flv", func(a stream.Ask) error { return ifAct(a, stream.Publish, errors.New("oh")) }, 500, "cannot let you publish"},
		"panic":       {"/live/s.flv", func(a stream.Ask) error { return ifAct(a, stream.Publish, nil) }, 500, "its log says why"},
		"no such one": {"/live/s.flv?vhost=x.test", nil, 404, `The virtual host "x.test" is not served here`},
		"none":        {"/live/s.flv", nil, 404, "names no virtual host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *config.Config) {
				if name == "no such one" || name == "none" {
					c.Vhosts = nil
				}
				c.Vhosts = append(c.Vhosts, &config.Vhost{Name: "off.test"})
			})
			if name == "busy" {
				p, err := h.registry.Publish(t.Context(), &stream.Request{ID: stream.NewID(), Vhost: stream.DefaultVhost, App: "live", Stream: "busy"})
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
			}
			h.gate = c.gate
			g := h.posts(c.address)
			quit, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				piece := []byte("4000\r\n" + strings.Repeat("x", 0x4000) + "\r\n")
				for {
					select {
					case <-quit:
						return
					default:
						if _, err := g.conn.Write(piece); err != nil {
							return
						}
					}
				}
			}()
			time.Sleep(20 * time.Millisecond) // and it fills the connection
			r := g.answered(c.status, c.words)
			if r.Header.Get("Server") != "weir/test" || (r.Header.Get("Location") != "") != (c.status == 307) {
				t.Errorf("header %v", r.Header)
			}
			close(quit)
			g.conn.Close()
			<-done
			if name == "panic" {
				h.logged("flv-publish ended", "panic: ask")
			} else {
				h.logged("refused", "code="+strconv.Itoa(c.status))
			}
		})
	}
}

// ifAct gives an answer to one act, and panics where there is none.
func ifAct(a stream.Ask, act stream.Act, err error) error {
	if a.Act != act {
		return nil
	}
	if err == nil {
		panic("ask")
	}
	return err
}

// TestNoBody has requests without a body; their connection goes on.
func TestNoBody(t *testing.T) {
	h := newHouse(t, nil)
	for _, method := range []string{"GET", "POST", "DELETE"} {
		r, err := http.NewRequest(method, h.web.URL+"/live/s.flv", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "POST, PUT" || answer.Close {
			t.Errorf("%s: %s, %v", method, answer.Status, answer.Header)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestStrangeBodies has bodies that are no FLV, or not for long.
func TestStrangeBodies(t *testing.T) {
	good := file(second()...)
	for name, c := range map[string]struct {
		body   string
		status int
		words  string
	}{
		"empty":        {"", 415, "not a stream in FLV"},
		"short":        {"FL", 415, "not a stream in FLV"},
		"page":         {"<html><body>hello</body></html>", 415, "not a stream in FLV"},
		"odd header":   {"FLV\x01\x05\x00\x01\x00\x00....", 400, "damaged"},
		"rubbish":      {string(good) + "this is no tag at all, is it?", 400, "damaged"},
		"header alone": {string(file()), 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, nil)
			g := h.posts("/live/s.flv")
			if c.body != "" {
				g.chunk([]byte(c.body))
			}
			g.chunk(nil)
			g.answered(c.status, c.words)
		})
	}
}

// TestExpect has a client wait for leave to send the body.
func TestExpect(t *testing.T) {
	h := newHouse(t, nil)
	g := h.posts("/live/s.flv", "Expect: 100-continue")
	if line, err := g.in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if line, err := g.in.ReadString('\n'); err != nil || line != "\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	refused := h.posts("/live/s.flv", "Expect: 100-continue")
	refused.answered(409, "already")
	g.chunk(file(second()...))
	g.chunk(nil)
	g.answered(200, "")
	g.conn.Close()
}

// TestEnds has what ends a publisher who would go on.
func TestEnds(t *testing.T) {
	id := func(h *house) string { return h.registry.Sessions()[0].Request.ID }
	for name, c := range map[string]struct {
		end    func(h *house, g *guest)
		status int
		words  string
	}{
		"kicked": {func(h *house, _ *guest) { _ = h.registry.Kick(id(h), stream.ErrKicked) }, 403, "operator"},
		"idle":   {func(h *house, _ *guest) { _ = h.registry.Kick(id(h), stream.ErrIdle) }, 403, "watching"},
		"stop":   {func(h *house, _ *guest) { h.stop() }, 503, "stops"},
		"mute":   {func(*house, *guest) {}, 408, "nothing for too long"},
		"replaced": {func(h *house, _ *guest) {
			g := h.posts("/live/s.flv")
			g.chunk(file(second()...))
			g.chunk(nil)
			g.answered(200, "")
		}, 409, "taken over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *config.Config) {
				if name == "mute" {
					c.Vhosts[0].Publish.NormalTimeout = 500 * time.Millisecond
				}
			})
			h.rules.Takeover = true
			g := h.posts("/live/s.flv")
			g.chunk(file(second()...))
			h.logged("publishing")
			c.end(h, g)
			g.answered(c.status, c.words)
			if _, err := g.in.ReadByte(); err == nil {
				t.Error("something comes behind the answer")
			}
			g.conn.Close()
			h.logged("flv-publish ended", "cause=")
		})
	}
}

// TestMute has a client that sends the header, and no tag for longer than a stream may pause.
func TestMute(t *testing.T) {
	h := newHouse(t, func(c *config.Config) {
		c.Vhosts[0].Publish.NormalTimeout, c.Vhosts[0].Publish.FirstpktTimeout = time.Millisecond, 1500*time.Millisecond
	})
	g := h.posts("/live/s.flv")
	g.chunk(file())
	g.answered(408, "nothing")
	h.logged("publisher sent nothing for 1.5s")
}

// TestLost has connections that break: the place waits for the publisher's return.
func TestLost(t *testing.T) {
	h := newHouse(t, nil)
	h.rules.Resume = patience
	sub := h.played()
	whole := file(second()...)
	for range 2 {
		g := h.posts("/live/s.flv")
		g.chunk(whole)
		h.wait("the frames", func() bool { return sub.Behind() >= 50 })
		g.conn.Close()
		h.wait("the publisher to be lost", func() bool {
			info, ok := h.registry.Find(stream.DefaultVhost, "live", "s")
			return ok && info.Publisher == ""
		})
	}
	h.logged("publisher returned")
	g := h.posts("/live/s.flv")
	g.chunk(whole)
	g.chunk(nil)
	g.answered(200, "")
	if got := frames(sub); len(got) != 150 {
		t.Errorf("%d frames, want those of three", len(got))
	}
}

// BenchmarkPublish sends a second of media, again and again, in one body.
func BenchmarkPublish(b *testing.B) {
	h := newHouse(b, nil)
	var all []sent.Message
	for _, m := range second() {
		if len(m.Body) > 5 && m.Kind == sent.Video {
			m.Body = append(m.Body, make([]byte, 4096)...)
		}
		all = append(all, m)
	}
	whole := file(all...)
	tags := fmt.Appendf(nil, "%x\r\n%s\r\n", len(whole)-13, whole[13:])
	g := h.posts("/live/s.flv")
	g.chunk(whole[:13])
	_ = g.conn.SetDeadline(time.Time{})
	b.SetBytes(int64(len(tags)))
	b.ReportAllocs()
	for b.Loop() {
		g.write(tags)
	}
	g.chunk(nil)
	g.answered(200, "")
}
