package rtmp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// scripted is a server of RTMP that serves one connection after the other by its scripts.
func scripted(t *testing.T, scripts ...func(*peer)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { ln.Close(); serving.Wait() })
	serving.Go(func() {
		for _, script := range scripts {
			conn, err := ln.Accept()
			if err != nil {
				t.Errorf("%d scripts are left: %v", len(scripts), err)
				return
			}
			serving.Go(func() { play(t, conn, script) })
		}
	})
	return ln.Addr().String()
}

// play serves a connection by a script.
func play(t *testing.T, conn net.Conn, script func(*peer)) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	p := &peer{t: t, conn: conn, out: make(chan []byte, 100)}
	written := make(chan struct{})
	go func() {
		defer close(written)
		for wire := range p.out {
			_, _ = conn.Write(wire) // who visits may have left
		}
	}()
	src := bufio.NewReader(conn)
	p.in = newChunkReader(src, nil)
	if _, err := acceptHandshake(struct {
		io.Reader
		io.Writer
	}{src, conn}); err != nil {
		t.Errorf("the handshake: %v", err)
	} else {
		script(p)
	}
	close(p.out)
	<-written
	_ = closeWrite(conn)
	drain(conn)
}

// wants reads one message and compares all of it; the values are AMF0, nil is any.
func (p *peer) wants(kind uint8, chunk, stream uint32, values ...any) []any {
	p.t.Helper()
	m := p.read()
	got, err := amf0.ParseAll(m.body)
	if m.kind != kind || m.chunk != chunk || m.stream != stream || err != nil {
		p.t.Errorf("type %d on %d of stream %d: %v, %v; want type %d on %d of %d: %v", m.kind, m.chunk, m.stream, got, err, kind, chunk, stream, values)
		return got
	}
	if values != nil && !reflect.DeepEqual(got, values) {
		p.t.Errorf("got  %v\nwant %v", got, values)
	}
	return got
}

// control reads one message of the connection itself.
func (p *peer) control(want message) {
	p.t.Helper()
	if m := p.read(); m.kind != want.kind || m.chunk != want.chunk || m.stream != 0 || !slices.Equal(m.body, want.body) {
		p.t.Errorf("type %d on %d of stream %d: %x, want type %d: %x", m.kind, m.chunk, m.stream, m.body, want.kind, want.body)
	}
}

// visited plays the part of an origin up to the answer to createStream, and returns the arguments of connect.
func (p *peer) visited(tcURL, app string) amf0.Object {
	p.t.Helper()
	got := p.wants(amf0Command, commandChunk, 0)
	object, _ := got[2].(amf0.Object)
	want := amf0.Object{
		{Name: "app", Value: app}, {Name: "flashVer", Value: "WIN 15,0,0,239"}, {Name: "swfUrl", Value: ""}, {Name: "tcUrl", Value: tcURL},
		{Name: "fpad", Value: false}, {Name: "capabilities", Value: 239.0}, {Name: "audioCodecs", Value: 3575.0}, {Name: "videoCodecs", Value: 252.0},
		{Name: "videoFunction", Value: 1.0}, {Name: "pageUrl", Value: ""}, {Name: "objectEncoding", Value: 0.0}, {Name: "capsEx", Value: 1.0},
	}
	if got[0] != "connect" || got[1] != 1.0 || !reflect.DeepEqual(object, want) {
		p.t.Errorf("got  %v\nwant %v", got, want)
	}
	p.control(controlMessage(windowAckSize, 2500000))
	p.send(controlMessage(windowAckSize, 2500000))
	p.send(bandwidthMessage(2500000, limitDynamic))
	p.send(message{kind: amf0Command, chunk: 3, body: amf0.Append(nil, "_result", 1.0, amf0.Object{}, amf0.Object{{Name: "code", Value: "NetConnection.Connect.Success"}})})
	p.send(message{kind: amf0Command, chunk: 3, body: amf0.Append(nil, "onBWDone", 0.0, nil)})
	p.wants(amf0Command, commandChunk, 0, "createStream", 2.0, nil)
	if p.in.size != clientChunkSize {
		p.t.Errorf("the chunk size is %d", p.in.size)
	}
	p.send(message{kind: amf0Command, chunk: 3, body: amf0.Append(nil, "_result", 2.0, nil, 1.0)})
	if len(got) < 4 {
		return nil
	}
	args, _ := got[3].(amf0.Object)
	return args
}

// visitor is how an edge goes to an origin for a client.
func visitor(tcURL string, signed bool) transport.Visit {
	return transport.Visit{
		Request: &stream.Request{
			ID: "k2v9x01c", Vhost: "v.test", App: "live", Stream: "s", Name: "s", Param: "?vhost=v.test&k=1", TCURL: "rtmp://edge.test/live",
			PageURL: "http://page.test/", SWFURL: "http://page.test/x.swf",
			Args: amf0.Object{{Name: "own", Value: "x"}, {Name: "srs_id", Value: "stranger"}, {Name: viaName, Value: "forged"}, {Name: knockName, Value: "forged"}},
		},
		TCURL: tcURL, Signed: signed, Via: []string{"one", "me"}, Traffic: &stream.Traffic{},
	}
}

// names lists the properties of an object.
func names(o amf0.Object) (list []string) {
	for _, p := range o {
		list = append(list, p.Name)
	}
	return list
}

// TestFetch goes through all that an edge says to an origin for a stream that is played, and what it makes of the answers.
func TestFetch(t *testing.T) {
	h := newHouse(t, nil)
	for name, signed := range map[string]bool{"signed": true, "not signed": false} {
		t.Run(name, func(t *testing.T) {
			at := scripted(t, func(p *peer) {
				args := p.visited("rtmp://v.test:19/live", "live")
				if signed {
					if got := names(args); !slices.Equal(got, []string{"srs_sig", "srs_server", "srs_license", "srs_url", "srs_version", "srs_pid", "srs_id", "srs_server_ip", "own", viaName}) {
						t.Errorf("the arguments are %v", got)
					}
					if args.String("srs_sig") != "SRS" || args.String("srs_server") != product.Signature || args.String("srs_version") != "7.0.18" || args.String("srs_id") != "k2v9x01c" || args.Number("srs_pid") <= 0 {
						t.Errorf("the arguments are %v", args)
					}
					if _, err := net.ResolveIPAddr("ip", args.String("srs_server_ip")); err != nil {
						t.Errorf("the server's address: %v", err)
					}
				} else if got := names(args); !slices.Equal(got, []string{viaName}) {
					t.Errorf("the arguments are %v", got)
				}
				if args.String(viaName) != "one,me" {
					t.Errorf("by way of %v", args)
				}
				p.wants(amf0Command, statusChunk, 1, "play", 5.0, nil, "s?k=1", -2000.0)
				p.control(eventMessage(eventSetBufferLength, 1, 1000))
				p.send(eventMessage(eventStreamBegin, 1))
				p.status("status", "NetStream.Play.Reset")
				p.status("status", "NetStream.Play.Start")
				for _, m := range []message{values(amf0Data, 0, "onMetaData", meta), wired(audio, 0, aacHeader), wired(video, 0, avcHeader), wired(video, 40, avcKey)} {
					m.chunk, m.stream = 6, 1
					p.send(m)
				}
				p.status("status", "NetStream.Play.UnpublishNotify")
				m := wired(video, 80, avcKey)
				m.chunk, m.stream = 6, 1
				p.send(m)
				p.status("status", codeReconnect)
			})
			feed, err := h.server.Fetch(t.Context(), "rtmp://"+at+"/live/s?k=1", visitor("rtmp://v.test:19/live", signed))
			if err != nil {
				t.Fatal(err)
			}
			defer feed.Close()
			for _, want := range []struct {
				frames int
				err    error
			}{{1, stream.ErrUnpublished}, {1, transport.ErrMove}, {0, io.EOF}} {
				all := 0
				for err = error(nil); err == nil; {
					var frames [8]*media.Frame
					var n int
					n, err = feed.ReadBatch(frames[:])
					all += n
				}
				if all != want.frames || !errors.Is(err, want.err) {
					t.Errorf("%d frames, then %v; want %d, %v", all, err, want.frames, want.err)
				}
			}
		})
	}
}

// TestFetchMoved has an origin send the edge elsewhere, in both forms: it goes there at once, once, and names the virtual host there
// too.
func TestFetchMoved(t *testing.T) {
	h := newHouse(t, nil)
	moves := func(tcURL, redirect, redirect2 string) func(*peer) {
		return func(p *peer) {
			p.visited(tcURL, "live")
			p.wants(amf0Command, statusChunk, 1)
			p.control(eventMessage(eventSetBufferLength, 1, 1000))
			ex := amf0.Object{{Name: "code", Value: 302.0}, {Name: "redirect", Value: redirect}}
			if redirect2 != "" {
				ex = append(ex, amf0.Property{Name: "redirect2", Value: redirect2})
			}
			p.send(message{kind: amf0Command, chunk: statusChunk, body: amf0.Append(nil, "onStatus", 0.0, nil, amf0.Object{
				{Name: "level", Value: "error"}, {Name: "code", Value: codeRejected}, {Name: "description", Value: "RTMP 302 Redirect"}, {Name: "ex", Value: ex},
			})})
		}
	}
	plays := func(tcURL, app, name string) func(*peer) {
		return func(p *peer) {
			_, port, _ := net.SplitHostPort(p.conn.LocalAddr().String())
			p.visited(strings.ReplaceAll(tcURL, "PORT", port), app)
			p.wants(amf0Command, statusChunk, 1, "play", 5.0, nil, name, -2000.0)
			p.control(eventMessage(eventSetBufferLength, 1, 1000))
			p.status("status", "NetStream.Play.Start")
		}
	}
	for name, c := range map[string]struct{ tcURL, redirect, redirect2, then, app, stream string }{
		"the application": {"rtmp://v.test:19/live", "rtmp://AT/live", "", "rtmp://v.test:PORT/live", "live", "s?k=1"},
		"the stream":      {"rtmp://v.test:19/live", "rtmp://wrong.test/live", "rtmp://AT/live/s?k=1&vhost=v.test", "rtmp://v.test:PORT/live", "live", "s?k=1&vhost=v.test"},
		"another one":     {"rtmp://127.0.0.1:19/live", "rtmp://wrong.test/live", "rtmp://AT/other/x?k=1", "rtmp://127.0.0.1:PORT/other", "other", "x?k=1"},
	} {
		t.Run(name, func(t *testing.T) {
			second := scripted(t, plays(c.then, c.app, c.stream))
			first := scripted(t, moves(c.tcURL, strings.ReplaceAll(c.redirect, "AT", second), strings.ReplaceAll(c.redirect2, "AT", second)))
			feed, err := h.server.Fetch(t.Context(), "rtmp://"+first+"/live/s?k=1", visitor(c.tcURL, false))
			if err != nil {
				t.Fatal(err)
			}
			feed.Close()
		})
	}
	t.Run("twice", func(t *testing.T) {
		second := scripted(t, func(p *peer) {
			moves("rtmp://"+p.conn.LocalAddr().String()+"/live", "", "rtmp://127.0.0.1:1/live/s")(p)
		})
		first := scripted(t, moves("rtmp://127.0.0.1:19/live", "", "rtmp://"+second+"/live/s"))
		_, err := h.server.Fetch(t.Context(), "rtmp://"+first+"/live/s?k=1", visitor("rtmp://127.0.0.1:19/live", false))
		if !errors.Is(err, transport.ErrRefused) {
			t.Errorf("it ends with %v", err)
		}
	})
}

// TestPushVisit goes through all that an edge says to an origin for a stream that is published.
func TestPushVisit(t *testing.T) {
	h := newHouse(t, nil)
	at := scripted(t, func(p *peer) {
		if args := p.visited("rtmp://v.test:19/live", "live"); args.String("own") != "x" || args.String(viaName) != "one,me" {
			t.Errorf("the arguments are %v", args)
		}
		p.wants(amf0Command, statusChunk, 1, "publish", 0.0, nil, "s?k=1", "live")
		p.status("status", "NetStream.Publish.Start")
		p.in.trust()
		kinds := map[uint8]int{}
		for kinds[video] < 26 { // with the header
			m := p.read()
			if kinds[m.kind]++; m.stream != 1 || m.kind == 0 {
				t.Errorf("type %d on stream %d", m.kind, m.stream)
				return
			}
		}
		for name := ""; name != "FCUnpublish"; {
			m := p.read()
			if m.kind == 0 {
				return
			}
			name = answer(&m).name
		}
		p.wants(amf0Command, statusChunk, 1, "deleteStream", 0.0, nil, 1.0)
	})
	publisher, err := h.registry.Publish(h.ctx, &stream.Request{ID: "p", Vhost: defaultVhost, App: "live", Stream: "s"})
	if err != nil {
		t.Fatal(err)
	}
	err = h.server.Push(t.Context(), "rtmp://"+at+"/live/s?k=1", visitor("rtmp://v.test:19/live", true), func(stream.Cargo) *stream.Subscriber {
		sub, err := h.registry.Subscribe(h.ctx, &stream.Request{ID: "o", Vhost: defaultVhost, App: "live", Stream: "s"})
		if err != nil {
			t.Error(err)
		}
		for _, f := range clip() {
			if err := publisher.WriteFrame(f); err != nil {
				t.Error(err)
			}
		}
		_ = publisher.Close()
		return sub
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

// TestServerPlays has another server play beside a player: it gets the publisher's own time, and hears when that has gone.
func TestServerPlays(t *testing.T) {
	h := newHouse(t, nil)
	for name, c := range map[string]struct {
		args amf0.Object
		time uint32
		told bool
	}{
		"a player": {nil, 0, false},
		"a server": {amf0.Object{{Name: viaName, Value: "one"}}, 7000, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := h.enter()
			p.connects()
			p.publishes("s")
			g := h.enter()
			g.command("connect", 1, amf0.Object{{Name: "tcUrl", Value: "rtmp://a.com/live"}}, c.args)
			g.plays("s")
			for _, m := range []message{wired(video, 7000, avcHeader), wired(video, 7000, avcKey)} {
				m.chunk, m.stream = 6, 1
				p.send(m)
			}
			for m := g.picture(); ; m = g.picture() {
				if m.body[1] == 0 {
					continue // the header
				}
				if m.time != c.time {
					t.Errorf("the picture is at %d ms, want %d", m.time, c.time)
				}
				break
			}
			p.conn.Close()
			if c.told {
				g.awaits("NetStream.Play.UnpublishNotify")
			} else {
				h.logged("flash-publish ended")
				_ = g.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
				if m, err := g.in.readMessage(); err == nil {
					t.Errorf("the player hears %v", m)
				}
			}
			g.conn.Close()
		})
	}
}

// TestKnock has an edge ask an origin about a client, in its own words. An origin like this one asks whether that may
// connect, before it answers.
func TestKnock(t *testing.T) {
	h := newHouse(t, nil)
	at := scripted(t, func(p *peer) {
		got := p.wants(amf0Command, commandChunk, 0)
		object, _ := got[2].(amf0.Object)
		args, _ := got[3].(amf0.Object)
		if object.String("tcUrl") != "rtmp://edge.test/live" || object.String("pageUrl") != "http://page.test/" || object.String("swfUrl") != "http://page.test/x.swf" {
			t.Errorf("connect %v", object)
		}
		if args.String("own") != "x" || args.String(knockName) != "s?vhost=v.test&k=1" || args.String(viaName) != "one,me" {
			t.Errorf("the arguments are %v", args)
		}
		p.send(message{kind: amf0Command, chunk: 3, body: amf0.Append(nil, "_result", 1.0, amf0.Object{}, amf0.Object{})})
		p.control(controlMessage(windowAckSize, 2500000))
		p.wants(amf0Command, commandChunk, 0, "createStream", 2.0, nil)
		p.send(message{kind: amf0Command, chunk: 3, body: amf0.Append(nil, "_result", 2.0, nil, 1.0)})
	})
	if err := h.server.Knock(t.Context(), "rtmp://"+at+"/live/s", visitor("", false)); err != nil {
		t.Error(err)
	}
	far := newHouse(t, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	knock := func() error {
		go func() {
			if conn, err := ln.Accept(); err == nil {
				far.attend(conn)
			}
		}()
		return h.server.Knock(t.Context(), "rtmp://"+ln.Addr().String()+"/live/s", visitor("", false))
	}
	if err := knock(); err != nil {
		t.Errorf("the client may not come: %v", err)
	}
	far.logged("knock ended")
	far.connect = &stream.Denied{Gate: "test", Reason: "it is raining."}
	if err := knock(); !errors.Is(err, transport.ErrRefused) || !strings.Contains(err.Error(), "it is raining") {
		t.Errorf("the client is let in: %v", err)
	}
	far.logged("knock refused")
	if strings.Contains(far.events.String(), "Played") || strings.Count(far.events.String(), "\n") == 0 {
		t.Errorf("the origin tells of %s", &far.events)
	}
}
