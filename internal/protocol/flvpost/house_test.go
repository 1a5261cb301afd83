package flvpost

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
	"weir/internal/testkit/sent"
	"weir/internal/web"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// house is a server under test.
type house struct {
	t        testing.TB
	registry *stream.Registry
	web      *httptest.Server
	stop     context.CancelFunc // of the server
	config   atomic.Pointer[config.Config]
	rules    stream.Settings
	gate     func(stream.Ask) error // nil lets everybody in
	log      logbook.Book
	events   logbook.Book
}

func newHouse(t testing.TB, edit func(*config.Config)) *house {
	h := &house{t: t, rules: stream.Settings{GOPCache: true, QueueLength: 30 * time.Second}}
	c := config.Default()
	if edit != nil {
		edit(c)
	}
	h.config.Store(c)
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	h.registry = stream.NewRegistry(stream.Options{
		Settings: func(string) stream.Settings { return h.rules }, Gates: []stream.Gate{h}, Log: log,
		Witnesses: []stream.Witness{func(e stream.Event) { _, _ = fmt.Fprintf(&h.events, "%s: %v\n", e.What, e.Cause) }},
	})
	handler := New(Options{
		Registry: h.registry, Config: h.config.Load, Output: place(t, "rtmp://127.0.0.1/[app]/[stream]"), Product: "weir/test", Log: log,
	})
	h.web = httptest.NewUnstartedServer(nil)
	h.web.Config = web.HTTPServer(handler, log)
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	h.web.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	h.web.Start()
	t.Cleanup(func() {
		h.wait("the sessions to end", func() bool { return len(h.registry.Sessions()) == 0 })
		cancel()
		h.web.Close()
		if t.Failed() {
			t.Logf("the log:\n%s", &h.log)
		}
	})
	return h
}

func (h *house) Check(_ context.Context, a stream.Ask) error {
	if h.gate == nil {
		return nil
	}
	return h.gate(a)
}

func (h *house) wait(what string, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Errorf("waited %s in vain for %s", patience, what)
			return
		}
	}
}

// logged waits until the log has a line with all the words.
func (h *house) logged(words ...string) {
	h.t.Helper()
	h.wait(fmt.Sprint("the log to say ", words), func() bool { return h.log.Count(words...) > 0 })
}

// guest is a client on a connection of its own.
type guest struct {
	h    *house
	conn net.Conn
	in   *bufio.Reader
}

func (h *house) guest() *guest {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.web.Listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &guest{h, conn, bufio.NewReader(conn)}
}

// posts begins a request with a body in chunks.
func (h *house) posts(address string, headers ...string) *guest {
	h.t.Helper()
	g := h.guest()
	head := append([]string{"POST " + address + " HTTP/1.1", "Host: a.test", "Transfer-Encoding: chunked"}, headers...)
	g.write([]byte(strings.Join(head, "\r\n") + "\r\n\r\n"))
	return g
}

func (g *guest) write(b []byte) {
	g.h.t.Helper()
	if _, err := g.conn.Write(b); err != nil {
		g.h.t.Error(err)
	}
}

// chunk sends a piece of the body; an empty one is its end.
func (g *guest) chunk(b []byte) {
	g.h.t.Helper()
	g.write(fmt.Appendf(nil, "%x\r\n%s\r\n", len(b), b))
}

// answered reads the answer, and checks its status and that its reason has some words.
func (g *guest) answered(status int, words string) *http.Response {
	g.h.t.Helper()
	r, err := http.ReadResponse(g.in, nil)
	if err != nil {
		g.h.t.Errorf("want status %d, got %v", status, err)
		return &http.Response{}
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	var said struct {
		Code   int
		Reason string
	}
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	if r.StatusCode != status || said.Code != status || !strings.Contains(said.Reason, words) || err != nil {
		g.h.t.Errorf("answer %d %q, %v; want %d with %q", r.StatusCode, text, err, status, words)
	}
	return r
}

// file returns a file of messages.
func file(all ...sent.Message) []byte {
	b := flv.AppendFileHeader(nil, true, true)
	for _, m := range all {
		b = append(b, sent.Tag(m.Kind, m.Time, m.Body)...)
	}
	return b
}

// second is what a publisher sends in a second: 25 pictures, and sound between.
func second() []sent.Message {
	w := sent.Wired
	all := []sent.Message{
		sent.Values(sent.Data, 0, "onMetaData", sent.Meta), w(sent.Audio, 0, sent.AACHeader), w(sent.Video, 0, sent.AVCHeader),
	}
	for n := range uint32(25) {
		body := sent.AVCInter
		if n == 0 {
			body = sent.AVCKey
		}
		all = append(all, w(sent.Video, 40*n, body), w(sent.Audio, 40*n+10, sent.AACFrame))
	}
	return all
}

// played is a subscription to /live/s.
func (h *house) played() *stream.Subscriber {
	h.t.Helper()
	sub, err := h.registry.Subscribe(h.t.Context(), &stream.Request{ID: stream.NewID(), Vhost: stream.DefaultVhost, App: "live", Stream: "s"})
	if err != nil {
		h.t.Fatal(err)
	}
	return sub
}

// frames reads a stream to its end.
func frames(sub *stream.Subscriber) (all []*media.Frame) {
	defer sub.Close()
	batch := make([]*media.Frame, media.MaxBatch)
	for {
		n, err := sub.ReadBatch(batch)
		all = append(all, batch[:n]...)
		if err != nil {
			return all
		}
	}
}
