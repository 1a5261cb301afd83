package rtmp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/format/amf0"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// house is a server under test. It ends with the test, and all of its sessions have to.
type house struct {
	t        testing.TB
	registry *stream.Registry
	server   *Server
	config   atomic.Pointer[config.Config]
	log      logbook.Book
	takeover atomic.Bool
	gate     func(*stream.Request, bool) error // nil lets everybody in
	connect  error                             // the answer to who connects
	events   logbook.Book

	ctx      context.Context
	sessions sync.WaitGroup
}

var product = Product{Signature: "SRS/7.0.18(Hang)", Version: "7.0.18", Name: "weir/test"}

func newHouse(t testing.TB, edit func(*config.Config)) *house {
	h := &house{t: t}
	h.reload(edit)
	h.registry = stream.NewRegistry(stream.Options{
		Settings: func(string) stream.Settings {
			v := h.config.Load().Vhost(defaultVhost).Publish
			return stream.Settings{
				GOPCache: true, GOPCacheMaxFrames: 2500, QueueLength: 30 * time.Second,
				Takeover: h.takeover.Load(), Resume: v.ResumeTimeout, Idle: v.KickoffForIdle,
			}
		},
		Gates:     []stream.Gate{h},
		Witnesses: []stream.Witness{h.hear},
		Log:       slog.New(slog.NewTextHandler(&h.log, nil)),
	})
	h.server = NewServer(Options{
		Registry: h.registry, Config: h.config.Load, Product: product,
		Log: slog.New(slog.NewTextHandler(&h.log, nil)),
	})
	ctx, cancel := context.WithCancel(context.Background())
	h.ctx = ctx
	t.Cleanup(func() {
		cancel()
		h.sessions.Wait()
		if n := len(h.registry.Sessions()); n > 0 {
			t.Errorf("%d sessions stay", n)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", &h.log)
		}
	})
	return h
}

func (h *house) Check(_ context.Context, a stream.Ask) error {
	if a.Act == stream.Connect {
		return h.connect
	}
	if h.gate == nil {
		return nil
	}
	return h.gate(a.Request, a.Act == stream.Publish)
}

// hear writes down what becomes of clients.
func (h *house) hear(e stream.Event) { _, _ = fmt.Fprintf(&h.events, "%s: %v\n", e.What, e.Cause) }

// reload puts a configuration in force: the defaults, without delays, and as edit leaves them.
func (h *house) reload(edit func(*config.Config)) {
	c := config.Default()
	v := *c.Vhost(defaultVhost)
	v.Name = defaultVhost
	v.Play.MwLatency, v.Play.MwMsgs = 0, 0
	c.Vhosts = []*config.Vhost{&v}
	if edit != nil {
		edit(c)
	}
	h.config.Store(c)
}

// watch has the registry look for idle publishers until the test ends.
func (h *house) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = h.registry.Run(ctx) })
	h.t.Cleanup(func() { cancel(); running.Wait() })
}

// attend serves one end of a connection.
func (h *house) attend(conn net.Conn) {
	h.sessions.Go(func() { h.server.Serve(h.ctx, conn) })
}

// dial is a Dial function for clients.
func (h *house) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs, err := pair()
	if err == nil {
		h.attend(ours)
	}
	return theirs, err
}

// pair connects two sockets.
func pair() (a, b net.Conn, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	if b, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		return nil, nil, err
	}
	a, err = ln.Accept()
	return a, b, err
}

// logged waits for a line of the log.
func (h *house) logged(what string) {
	h.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(h.log.String(), what); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("no %q in the log:\n%s", what, &h.log)
		}
	}
}

// guest is a client that says what the test wants, and nothing else.
type guest struct {
	t    testing.TB
	conn net.Conn
	in   *chunkReader
}

// enter connects a guest that has shaken hands.
func (h *house) enter() *guest {
	h.t.Helper()
	conn, err := h.dial(h.ctx, "", "")
	if err != nil {
		h.t.Fatal(err)
	}
	return h.shake(conn)
}

func (h *house) shake(conn net.Conn) *guest {
	h.t.Helper()
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	src := bufio.NewReader(conn)
	if err := dialHandshake(struct {
		io.Reader
		io.Writer
	}{src, conn}); err != nil {
		h.t.Fatal(err)
	}
	g := &guest{t: h.t, conn: conn, in: newChunkReader(src, nil)}
	g.in.trust()
	return g
}

func (g *guest) send(all ...message) {
	g.t.Helper()
	var b []byte
	for i := range all {
		b = appendMessage(b, &all[i], 128)
	}
	if _, err := g.conn.Write(b); err != nil {
		g.t.Error(err)
	}
}

func (g *guest) command(values ...any) {
	g.t.Helper()
	g.send(commandMessage(commandChunk, 0, values...))
}

func (g *guest) next() message {
	g.t.Helper()
	m, err := g.in.readMessage()
	if err != nil {
		g.t.Fatalf("the server has left: %v", err)
	}
	return m
}

// hears reads one message and compares all of it; values are AMF0.
func (g *guest) hears(kind uint8, chunk, stream uint32, want ...any) {
	g.t.Helper()
	m := g.next()
	got, _ := amf0.ParseAll(m.body)
	for i, v := range want {
		if n, ok := v.(int); ok {
			want[i] = float64(n)
		}
	}
	if m.kind != kind || m.chunk != chunk || m.stream != stream || !reflect.DeepEqual(got, want) {
		g.t.Fatalf("type %d on %d of stream %d: %v\nwant %d on %d of %d: %v", m.kind, m.chunk, m.stream, got, kind, chunk, stream, want)
	}
}

// result reads an answer on the connection.
func (g *guest) result(tid int, values ...any) {
	g.t.Helper()
	g.hears(amf0Command, commandChunk, 0, append([]any{"_result", float64(tid)}, values...)...)
}

// status skips to the next onStatus and returns its level, code and description.
func (g *guest) status() (level, code, text string) {
	g.t.Helper()
	for {
		m := g.next()
		if m.kind != amf0Command {
			continue
		}
		c, err := parseCommand(&m)
		if info, ok := c.object(1); err == nil && ok && (c.name == "onStatus" || c.name == "_error") {
			return info.String("level"), info.String("code"), info.String("description")
		}
	}
}

// awaits skips to an onStatus with the code.
func (g *guest) awaits(code string) {
	g.t.Helper()
	for {
		level, got, text := g.status()
		if got == code {
			return
		}
		if level == "error" {
			g.t.Fatalf("%s: %s, waiting for %s", got, text, code)
		}
	}
}

// gone reads to the end of the connection, which has to be a clean one.
func (g *guest) gone() {
	g.t.Helper()
	for {
		if _, err := g.in.readMessage(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			g.t.Errorf("the connection ends with %v", err)
			return
		}
	}
}

// connects sends connect and reads the answer up to onBWDone.
func (g *guest) connects(more ...amf0.Property) {
	g.t.Helper()
	g.command("connect", 1, append(amf0.Object{{Name: "tcUrl", Value: "rtmp://a.com/live"}}, more...))
	for {
		m := g.next()
		if c, err := parseCommand(&m); m.kind == amf0Command && err == nil && c.name == "onBWDone" {
			return
		}
	}
}

func (g *guest) publishes(name string) {
	g.t.Helper()
	g.command("createStream", 2, nil)
	g.command("publish", 3, nil, name, "live")
	g.awaits("NetStream.Publish.Start")
}

func (g *guest) plays(values ...any) {
	g.t.Helper()
	g.command("createStream", 2, nil)
	g.command(append([]any{"play", 3, nil}, values...)...)
	g.awaits("NetStream.Play.Start")
}

// picture skips to the next audio or video message.
func (g *guest) picture() message {
	g.t.Helper()
	for {
		if m := g.next(); m.kind == video || m.kind == audio {
			return m
		}
	}
}
