package remux

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"weir/internal/config"
	"weir/internal/stream"
)

// dial opens a WebSocket.
func (h *house) dial(path string, o *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, answer, err := websocket.Dial(ctx, h.url(path), o)
	if err == nil {
		conn.SetReadLimit(-1)
		h.t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, answer, err
}

// message reads one binary message.
func message(t *testing.T, conn *websocket.Conn) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kind, b, err := conn.Read(ctx)
	if err != nil || kind != websocket.MessageBinary {
		t.Fatalf("%v %v", kind, err)
	}
	return b
}

func TestSocket(t *testing.T) {
	h := newHouse(t, nil)
	p := h.publish(layout(picture(), sound()))
	p.write(both)
	conn, answer, err := h.dial("/live/s.flv", &websocket.DialOptions{
		Subprotocols: []string{"flv", "other"}, HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols || conn.Subprotocol() != "flv" {
		t.Errorf("%d, subprotocol %q", answer.StatusCode, conn.Subprotocol())
	}
	b := bytes.NewReader(message(t, conn))
	if head := hears(t, b, 13); string(head[:5]) != "FLV\x01\x05" {
		t.Errorf("% x", head)
	}
	if got := tags(t, b, 7); got != "meta@0 a-head@0 v-head@0 K@0 a@0 v@40 a@40" || b.Len() > 0 {
		t.Errorf("%s and %d bytes more", got, b.Len())
	}
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	p.write("P")
	if got := tags(t, bytes.NewReader(message(t, conn)), 1); got != "v@80" {
		t.Error(got)
	}
	ended := make(chan error)
	go func() {
		_, _, err := conn.Read(t.Context())
		ended <- err
	}()
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("a ping: %v", err)
	}
	p.Close()
	if err := <-ended; websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("at the end: %v", err)
	}
	h.await("its end", func() bool { return h.serving.Load() == 0 })
}

// TestSocketEnds has viewers and the operator end it.
func TestSocketEnds(t *testing.T) {
	h := newHouse(t, nil)
	p := h.publish(layout(picture(), sound()))
	p.write(both)
	for name, end := range map[string]func(*websocket.Conn, string){
		"a close":   func(c *websocket.Conn, _ string) { _ = c.Close(websocket.StatusNormalClosure, "") },
		"vanishing": func(c *websocket.Conn, _ string) { _ = c.CloseNow() },
		"a kick":    func(_ *websocket.Conn, id string) { _ = h.registry.Kick(id, stream.ErrKicked) },
	} {
		conn, _, err := h.dial("/live/s.flv", nil)
		if err != nil {
			t.Fatal(err)
		}
		message(t, conn)
		for _, x := range h.registry.Sessions() {
			if !x.Publish {
				end(conn, x.Request.ID)
			}
		}
		h.await("the end by "+name, func() bool { return h.serving.Load() == 0 && len(h.registry.Sessions()) == 1 })
	}
}

// TestSocketRefused has plain answers where there is no stream.
func TestSocketRefused(t *testing.T) {
	h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.WaitTimeout = 1 })
	h.gate = func(r *stream.Request) error {
		if r.Stream == "denied" {
			return &stream.Denied{Gate: "security", Reason: "not you"}
		}
		return nil
	}
	for path, want := range map[string]int{"/live/denied.flv": 403, "/live/absent.flv": 404} {
		_, answer, err := h.dial(path, nil)
		if err == nil || answer == nil || answer.StatusCode != want {
			t.Errorf("%s: %v %v", path, answer, err)
			continue
		}
		if b, _ := io.ReadAll(answer.Body); !strings.Contains(string(b), "reason") {
			t.Errorf("%s: %s", path, b)
		}
	}
	h.reload(nil)
	c := *h.config.Load()
	c.HTTPServer.Crossdomain = false
	h.config.Store(&c)
	h.publish(layout(picture(), sound())).write(both)
	_, answer, err := h.dial("/live/s.flv", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}})
	if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("a page of another site, with crossdomain off: %v %v", answer, err)
	}
}
