package rtmp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/format/amf0"
)

func TestParseDestination(t *testing.T) {
	for raw, want := range map[string]destination{
		"rtmp://a.com/live/s":               {"a.com:1935", "live", "rtmp://a.com:1935/live", "s", false},
		"rtmp://a.com:19/live/s?vhost=v&k=": {"a.com:19", "live", "rtmp://a.com:19/live", "s?vhost=v&k=", false},
		"rtmp://a.com/live/s?token=a/b":     {"a.com:1935", "live", "rtmp://a.com:1935/live", "s?token=a/b", false},
		"rtmp://a.com/x/y/s":                {"a.com:1935", "x/y", "rtmp://a.com:1935/x/y", "s", false},
		"rtmp://a.com/live?vhost=v/s":       {"a.com:1935", "live?vhost=v", "rtmp://a.com:1935/live?vhost=v", "s", false},
		"rtmp://a.com/s":                    {"a.com:1935", "", "rtmp://a.com:1935", "s", false},
		"rtmp://[::1]/live/s":               {"[::1]:1935", "live", "rtmp://[::1]:1935/live", "s", false},
		"rtmp://[::1]:19/live/s":            {"[::1]:19", "live", "rtmp://[::1]:19/live", "s", false},
		"rtmps://a.com/live/s":              {"a.com:443", "live", "rtmps://a.com:443/live", "s", true},
		"rtmps://[::1]:1443/x/y/s?k":        {"[::1]:1443", "x/y", "rtmps://[::1]:1443/x/y", "s?k", true},
	} {
		if got, err := parseDestination(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want)
		}
	}
	for _, raw := range []string{"", "rtmp://", "rtmp:///live/s", "rtmp://a.com", "rtmp://a.com/live/", "http://a.com/live/s", "rtmps:///live/s", "rtmpsx://a.com/live/s"} {
		if got, err := parseDestination(raw); !errors.Is(err, errDestination) {
			t.Errorf("%q: %+v, %v", raw, got, err)
		}
	}
}

// peer is the server's end of a client under test, and fails the test itself.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *chunkReader
	out  chan []byte // a pipe has no room of its own
}

// serve makes a Dial function whose connections are served by handlers, one after another.
func serve(t *testing.T, handlers ...func(*peer)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		if len(handlers) == 0 {
			return nil, errors.New("nobody there")
		}
		a, b := net.Pipe()
		p := &peer{t: t, conn: b, out: make(chan []byte, 100)}
		handle := handlers[0]
		handlers = handlers[1:]
		written := make(chan struct{})
		go func() {
			defer close(written)
			defer b.Close()
			for wire := range p.out {
				_, _ = b.Write(wire) // the client may have left
			}
		}()
		go func() {
			defer drain(b) // until all is written
			defer close(p.out)
			src := bufio.NewReader(b)
			p.in = newChunkReader(src, nil)
			if _, err := acceptHandshake(struct {
				io.Reader
				io.Writer
			}{src, b}); err == nil {
				handle(p)
			}
		}()
		t.Cleanup(func() { b.Close(); <-written })
		return a, nil
	}
}

// drain reads to the end, whatever that is.
func drain(r io.Reader) { _, _ = io.Copy(io.Discard, r) }

func (p *peer) send(m message) { p.out <- appendMessage(nil, &m, 128) }

func (p *peer) command(values ...any) {
	p.send(message{kind: amf0Command, chunk: 3, stream: 1, body: amf0.Append(nil, values...)})
}

func (p *peer) status(level, code string) {
	p.command("onStatus", 0.0, nil, amf0.Object{{Name: "level", Value: level}, {Name: "code", Value: code}})
}

func (p *peer) read() message {
	m, err := p.in.readMessage()
	if err != nil {
		p.t.Errorf("peer: %v", err)
	}
	return m
}

// expect reads up to the next command and compares it, where want is not nil.
func (p *peer) expect(name string, want ...any) []any {
	for {
		m, err := p.in.readMessage()
		if err != nil {
			p.t.Errorf("peer awaits %s: %v", name, err)
			return nil
		}
		if m.kind != amf0Command {
			continue
		}
		got, err := amf0.ParseAll(m.body)
		if err != nil || len(got) < 2 || got[0] != name {
			p.t.Errorf("peer awaits %s: %v, %v", name, got, err)
			return nil
		}
		if want != nil && !reflect.DeepEqual(got[2:], want) {
			p.t.Errorf("%s%v, want %v", name, got[2:], want)
		}
		return got
	}
}

// connected answers the first command as servers do, and returns it.
func (p *peer) connected() []any {
	got := p.expect("connect")
	p.send(bandwidthMessage(2500000, limitDynamic))
	p.send(controlMessage(setChunkSize, 128))
	p.command("_result", 1.0, amf0.Object{}, amf0.Object{{Name: "code", Value: "NetConnection.Connect.Success"}})
	p.command("onBWDone", 0.0, nil)
	return got
}

func (p *peer) publishing() {
	p.connected()
	p.expect("releaseStream", nil, "s?k=v")
	p.command("_error", 2.0, nil, amf0.Object{{Name: "level", Value: "error"}}) // some do; it means nothing
	p.expect("FCPublish", nil, "s?k=v")
	p.expect("createStream", nil)
	p.command("_result", 4.0, nil, 7.0)
	p.expect("publish", nil, "s?k=v", "live")
	p.command("onFCPublish", 0.0, nil, amf0.Object{{Name: "code", Value: "NetStream.Publish.Start"}})
	p.status("status", "NetStream.Publish.Start")
}

func (p *peer) created() {
	p.connected()
	p.expect("createStream", nil)
	p.command("_result", 4.0, nil, 1.0)
	p.expect("play", nil, "s?k=v", -2000.0)
	m := p.read()
	if e, err := parseEvent(&m); err != nil || e != (event{eventSetBufferLength, 1, 1000}) {
		p.t.Errorf("after play: %v, %v", m, err)
	}
}

func (p *peer) playing() {
	p.created()
	p.send(eventMessage(eventStreamBegin, 1))
	p.status("status", "NetStream.Play.Reset")
	p.status("status", "NetStream.Play.Start")
}

// dialled returns a client of handlers, closed at the end of the test.
func dialled(t *testing.T, o DialOptions, handlers ...func(*peer)) *Client {
	t.Helper()
	o.Dial = serve(t, handlers...)
	c, err := Dial(t.Context(), "rtmp://a.com/live/s?k=v", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestClientPublish(t *testing.T) {
	sent := []Message{
		{audio, 4, 7, 0, []byte{0xaf, 0, 0x12, 0x10}},
		{video, 6, 7, 1 << 24, noise(200000, 1)},
	}
	got := make(chan Message, len(sent))
	c := dialled(t, DialOptions{}, func(p *peer) {
		p.publishing()
		p.in.trust()
		for range sent {
			m := p.read()
			got <- Message{m.kind, m.chunk, m.stream, m.time, m.body}
		}
	})
	if err := c.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.Stream() != 7 {
		t.Errorf("stream %d", c.Stream())
	}
	if err := c.WriteMessages(sent...); err != nil {
		t.Fatal(err)
	}
	for _, want := range sent {
		if m := <-got; !reflect.DeepEqual(m, want) {
			t.Errorf("%v arrived", m)
		}
	}
	if _, err := c.ReadMessage(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	for _, m := range []Message{{Chunk: 1}, {Chunk: 65600}, {Chunk: 5, Body: make([]byte, maxMessage+1)}} {
		if err := c.WriteMessage(m); err == nil {
			t.Errorf("wrote on chunk stream %d, %d bytes", m.Chunk, len(m.Body))
		}
	}
}

func TestClientPlay(t *testing.T) {
	picture := message{video, 6, 1, 40, noise(1000, 1)}
	c := dialled(t, DialOptions{}, func(p *peer) {
		p.playing()
		p.send(eventMessage(eventPingRequest, 4711))
		m := p.read()
		if e, err := parseEvent(&m); err != nil || e.kind != eventPingResponse || e.value != 4711 {
			t.Errorf("answer to a ping: %v, %v", m, err)
		}
		p.send(picture)
		p.send(controlMessage(windowAckSize, 2000))
		p.send(picture)
		m = p.read()
		if n, err := parseControl(&m); m.kind != ack || err != nil || n < 2000 || n > 4000 {
			t.Errorf("ack %v, %v", m, err)
		}
		p.send(eventMessage(eventStreamEOF, 1))
		p.status("error", "NetStream.Play.StreamNotFound")
	})
	if err := c.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := c.ReadMessage()
		if err != nil || !reflect.DeepEqual(m, Message{video, 6, 1, 40, picture.body}) {
			t.Errorf("%v, %v", m, err)
		}
	}
	if m, err := c.ReadMessage(); err != nil || m.Kind != userControl {
		t.Errorf("the end of the stream: %v, %v", m, err)
	}
	var refused *StatusError
	if _, err := c.ReadMessage(); !errors.As(err, &refused) || refused.Code != "NetStream.Play.StreamNotFound" {
		t.Error(err)
	}
	if _, err := c.ReadMessage(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestClientPlayEarly has a server that sends media and no status.
func TestClientPlayEarly(t *testing.T) {
	c := dialled(t, DialOptions{}, func(p *peer) {
		p.created()
		p.send(message{audio, 4, 1, 5, []byte{1}})
		p.send(message{audio, 4, 1, 6, []byte{2}})
	})
	if err := c.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range byte(2) {
		if m, err := c.ReadMessage(); err != nil || !slices.Equal(m.Body, []byte{i + 1}) {
			t.Errorf("%v, %v", m, err)
		}
	}
}

func TestClientRefused(t *testing.T) {
	refuse := func(name string, id float64) func(*peer) {
		return func(p *peer) {
			p.expect("connect")
			p.command(name, id, nil, amf0.ECMAArray{
				{Name: "level", Value: "error"},
				{Name: "code", Value: "NetConnection.Connect.Rejected"},
				{Name: "description", Value: "no"},
			})
		}
	}
	for name, handle := range map[string]func(*peer){
		"_error":   refuse("_error", 1),
		"onStatus": refuse("onStatus", 0),
	} {
		err := dialled(t, DialOptions{}, handle).Publish(t.Context())
		var refused *StatusError
		if !errors.As(err, &refused) || refused.Code != "NetConnection.Connect.Rejected" || refused.Description != "no" {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := dialled(t, DialOptions{}, func(p *peer) { p.expect("connect") }).Play(t.Context())
	if !errors.Is(err, io.EOF) {
		t.Errorf("closed: %v", err)
	}
}

func TestClientRedirect(t *testing.T) {
	moved := func(ex ...amf0.Property) func(*peer) {
		return func(p *peer) {
			p.created()
			p.command("onStatus", 0.0, nil, amf0.Object{
				{Name: "level", Value: "error"},
				{Name: "code", Value: "NetConnection.Connect.Rejected"},
				{Name: "ex", Value: append(amf0.Object{{Name: "code", Value: 302.0}}, ex...)},
			})
		}
	}
	short := amf0.Property{Name: "redirect", Value: "rtmp://b.com:19/live"}
	whole := amf0.Property{Name: "redirect2", Value: "rtmp://c.com/other/s?k=v"}
	for want, handle := range map[string]func(*peer){
		"rtmp://b.com:19/live":    moved(short),
		"rtmp://c.com:1935/other": moved(short, whole),
	} {
		c := dialled(t, DialOptions{}, handle, func(p *peer) {
			p.playing()
		})
		if err := c.Play(t.Context()); err != nil {
			t.Error(err)
		}
		if c.to.tcURL != want {
			t.Errorf("went to %s, want %s", c.to.tcURL, want)
		}
	}
	c := dialled(t, DialOptions{}, moved(whole), moved(short))
	var refused *StatusError
	if err := c.Play(t.Context()); !errors.As(err, &refused) {
		t.Errorf("moved twice: %v", err)
	}
	c = dialled(t, DialOptions{}, moved(whole))
	if err := c.Play(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody there") {
		t.Errorf("moved to nobody: %v", err)
	}
}

// TestClientConnect compares the command object and what comes with it.
func TestClientConnect(t *testing.T) {
	arrived := make(chan []any, 1)
	o := DialOptions{
		TCURL:      "rtmp://v.com/live",
		Properties: amf0.Object{{Name: "pageUrl", Value: "p"}},
		Args:       amf0.Object{{Name: "id", Value: 3.0}},
	}
	c := dialled(t, o, func(p *peer) {
		arrived <- p.connected()
		if m := p.read(); !slices.Equal(m.body, []byte{0, 0x26, 0x25, 0xa0}) || m.kind != windowAckSize {
			t.Errorf("after connect: %v", m)
		}
	})
	if err := c.Play(t.Context()); err == nil {
		t.Error("played after the server closed")
	}
	got := <-arrived
	object, _ := got[2].(amf0.Object)
	if object.String("tcUrl") != "rtmp://v.com/live" || object.String("pageUrl") != "p" || object.String("app") != "live" {
		t.Errorf("connect %v", object)
	}
	if len(got) != 4 || !reflect.DeepEqual(got[3], o.Args) {
		t.Errorf("connect args: %v", got[3:])
	}
}

// TestClientEnds checks that whatever blocks ends: by Close, by ctx, by the clock.
func TestClientEnds(t *testing.T) {
	silent := func(p *peer) { drain(p.conn) }
	synctest.Test(t, func(t *testing.T) {
		c := dialled(t, DialOptions{}, silent)
		time.AfterFunc(time.Second, func() { c.Close(); c.Close() })
		if err := c.Publish(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
		if err := c.WriteMessage(Message{Chunk: 4}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
		if _, err := c.ReadMessage(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after close: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("why")
		time.AfterFunc(time.Second, func() { cancel(why) })
		if err := dialled(t, DialOptions{}, silent).Play(ctx); !errors.Is(err, why) {
			t.Errorf("cancelled: %v", err)
		}
		o := DialOptions{Dial: serve(t, silent)}
		if _, err := Dial(ctx, "rtmp://a.com/live/s", o); !errors.Is(err, why) {
			t.Errorf("cancelled before: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err := dialled(t, DialOptions{ReplyTimeout: 500 * time.Millisecond}, silent).Play(t.Context())
		if e := net.Error(nil); !errors.As(err, &e) || !e.Timeout() || time.Since(start) != 500*time.Millisecond {
			t.Errorf("no answer: %v after %v", err, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := dialled(t, DialOptions{ReadTimeout: 5 * time.Second}, func(p *peer) {
			p.playing()
			silent(p)
		})
		if err := c.Play(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err := c.ReadMessage()
		if e := net.Error(nil); !errors.As(err, &e) || !e.Timeout() || time.Since(start) != 5*time.Second {
			t.Errorf("no media: %v after %v", err, time.Since(start))
		}
	})
}

// TestClientHandshakeTimeout has a server that accepts and says nothing.
func TestClientHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		go drain(b)
		defer b.Close()
		o := DialOptions{Dial: func(context.Context, string, string) (net.Conn, error) { return a, nil }}
		_, err := Dial(t.Context(), "rtmp://a.com/live/s", o)
		if e := net.Error(nil); !errors.As(err, &e) || !e.Timeout() {
			t.Error(err)
		}
	})
}

func ExampleStatusError() {
	fmt.Println(&StatusError{Code: "NetStream.Publish.BadName", Description: "busy"})
	// Output: rtmp: server says "NetStream.Publish.BadName": busy
}
