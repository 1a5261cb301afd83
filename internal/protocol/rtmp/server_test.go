package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/format/amf0"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
	"weir/internal/testkit/sent"
)

// TestRefusals checks the code and the sentence of every refusal, and that both arrive before
// the connection ends, though the client has sent more.
func TestRefusals(t *testing.T) {
	publish := func(name string) func(*guest) {
		return func(g *guest) { g.command("publish", 3, nil, name, "live") }
	}
	play := func(name string) func(*guest) {
		return func(g *guest) { g.command("play", 3, nil, name) }
	}
	none := func(c *config.Config) { c.Vhosts = nil }
	off := func(c *config.Config) { c.Vhost(defaultVhost).Enabled = false }
	deny := func(r *stream.Request, publish bool) error {
		return &stream.Denied{Gate: "on_publish", Reason: "the token is wrong."}
	}
	fail := func(*stream.Request, bool) error { return io.ErrUnexpectedEOF } // a callback that does not answer
	for name, c := range map[string]struct {
		edit func(*config.Config)
		gate func(*stream.Request, bool) error
		say  func(*guest)
		code string
		text string
	}{
		"no vhost":        {none, nil, play("s"), codeRejected, `The virtual host "a.com" is not served here: it is not in the configuration, and neither is a default one.`},
		"vhost off":       {off, nil, publish("s"), codeRejected, `The virtual host "__defaultVhost__" is switched off.`},
		"publish no name": {nil, nil, publish(""), codeBadName, "The address has no stream name: use rtmp://server/app/stream, or enter a stream key."},
		"play no name":    {nil, nil, play(""), codePlayFailed, "The address has no stream name: use rtmp://server/app/stream, or enter a stream key."},
		"busy":            {nil, nil, publish("busy"), codeBadName, "/live/busy is being published already by somebody else."},
		"publish denied":  {nil, deny, publish("s"), codePublishDenied, "You may not publish /live/s: the token is wrong."},
		"play denied":     {nil, deny, play("s"), codePlayFailed, "You may not play /live/s: the token is wrong."},
		"publish fault":   {nil, fail, publish("s"), codePublishDenied, "The server cannot let you publish /live/s now."},
		"play fault":      {nil, fail, play("s"), codePlayFailed, "The server cannot let you play /live/s now."},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, c.edit)
			h.gate = c.gate
			if name == "busy" {
				first := h.enter()
				first.connects()
				first.publishes("busy")
			}
			g := h.enter()
			g.connects()
			c.say(g)
			for range 100 { // does not wait for an answer
				g.send(message{kind: video, chunk: 6, stream: 1, body: noise(1000, 1)})
			}
			if level, code, text := g.status(); level != "error" || code != c.code || text != c.text {
				t.Errorf("%s %s %q", level, code, text)
			}
			g.gone()
			g.conn.Close()
			h.logged("level=WARN")
			if n := strings.Count(h.log.String(), "refused"); n != 1 {
				t.Errorf("%d lines:\n%s", n, &h.log)
			}
		})
	}
}

// TestMoved sends a player elsewhere, as it is known from other servers: by an onStatus on no stream, with the address of
// the application and that of the stream. Then its call is waited for, three seconds at most.
func TestMoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to, app string
		does    func(*guest)
		least   time.Duration
	}{
		"it calls":  {"rtmp://b.com/live/s?vhost=v/w", "rtmp://b.com/live", func(g *guest) { g.command("goes", 4, "rtmp://b.com/live") }, 0},
		"it leaves": {"rtmp://b.com:19/a/b/s", "rtmp://b.com:19/a/b", func(g *guest) { _ = closeWrite(g.conn) }, 0},
		"it stays":  {"rtmp://b.com/live/s", "rtmp://b.com/live", func(g *guest) { g.send(eventMessage(eventSetBufferLength, 1, 1000)) }, movedTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, nil)
			h.gate = func(*stream.Request, bool) error { return &stream.Moved{URL: c.to} }
			g := h.enter()
			g.connects()
			g.command("play", 3, nil, "s")
			start := time.Now()
			g.hears(amf0Command, statusChunk, 0, "onStatus", 0, nil, amf0.Object{
				{Name: "level", Value: "error"}, {Name: "code", Value: codeRejected}, {Name: "description", Value: "RTMP 302 Redirect"},
				{Name: "ex", Value: amf0.Object{
					{Name: "code", Value: 302.0}, {Name: "redirect", Value: c.app}, {Name: "redirect2", Value: c.to},
				}},
			})
			c.does(g)
			g.gone()
			if d := time.Since(start); d < c.least-100*time.Millisecond || d > c.least+2*time.Second {
				t.Errorf("it is closed after %s", d)
			}
			g.conn.Close()
			h.logged("stream moved")
			if strings.Contains(h.log.String(), "WARN") {
				t.Errorf("log:\n%s", &h.log)
			}
		})
	}
}

// client returns a client of the house, closed at the end of the test.
func (h *house) client(name string) *Client {
	h.t.Helper()
	c, err := Dial(h.ctx, "rtmp://a.com/live/"+name, DialOptions{Dial: h.dial, ReadTimeout: patience, WriteTimeout: patience})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { c.Close() })
	return c
}

// clip is what a publisher sends in a second: 25 pictures, and sound between.
func clip() []*media.Frame {
	d := newDemux(&logbook.Book{})
	var frames []*media.Frame
	add := func(m message) { frames = d.frames(frames, &m) }
	add(values(amf0Data, 0, "@setDataFrame", "onMetaData", meta))
	add(wired(audio, 0, aacHeader)) // in the order of a player
	add(wired(video, 0, avcHeader))
	for n := range uint32(25) {
		head := unhex("2701000000")
		if n == 0 {
			head = unhex("1701000050")
		}
		picture := noise(3000, byte(n))
		copy(picture, []byte{0, 0, 0x0b, 0xb4, 0x41})
		add(message{kind: video, time: 40 * n, body: append(head, picture...)})
		add(message{kind: audio, time: 40*n + 10, body: append(unhex("af01"), noise(200, byte(n))...)})
	}
	return frames
}

// TestPublishPlay has one client publish frames, and another get the same frames.
func TestPublishPlay(t *testing.T) {
	h := newHouse(t, nil)
	from, to := h.client("s?k=v"), h.client("s")
	if err := to.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := from.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	frames := clip()
	if err := from.Writer().(media.BatchWriter).WriteBatch(frames); err != nil {
		t.Fatal(err)
	}
	in := to.Frames(nil)
	var got []*media.Frame
	for range frames {
		f, err := in.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f)
	}
	if a, b := sent.Told(nil, frames), sent.Told(nil, got); a != b {
		t.Errorf("sent %s\n got %s", a, b)
	}
	for i, f := range got {
		if !bytes.Equal(f.Raw(), frames[i].Raw()) || !bytes.Equal(f.Data(), frames[i].Data()) {
			t.Errorf("frame %d differs", i)
		}
	}
	l := got[0].Layout
	if l.Meta.Get("width") != 320.0 || l.Meta.Get("duration") != nil || l.Meta.Get("server") != product.Signature || l.Meta.Get("server_version") != product.Version {
		t.Errorf("metadata %v", l.Meta)
	}
	from.Close()
	h.logged("fmle-publish ended: client left")
	h.logged("frames=50")
}

// TestAgain has one connection publish, stop, publish elsewhere, stop and play.
func TestAgain(t *testing.T) {
	h := newHouse(t, nil)
	g := h.enter()
	g.connects()
	var bytes uint64
	for i, stop := range []string{"FCUnpublish", "deleteStream", "closeStream"} {
		name := string(rune('a' + i))
		g.command("releaseStream", 2, nil, name)
		g.command("createStream", 3, nil)
		g.command("publish", 4, nil, name, "live")
		g.awaits("NetStream.Publish.Start")
		body := noise(maxEarlyMessage+1, 1)
		copy(body, unhex(avcKey))
		g.send(message{kind: video, chunk: 6, stream: 1, body: body}, wired(audio, 5, aacFrame))
		watcher := h.enter()
		watcher.connects()
		watcher.plays(name)
		if m := watcher.picture(); len(m.body) != len(body) {
			t.Errorf("%d bytes arrived", len(m.body))
		}
		watcher.conn.Close()
		g.command(stop, 5, nil, name)
		if stop == "FCUnpublish" {
			g.hears(amf0Command, statusChunk, streamID, "onFCUnpublish", 0, nil, amf0.Object{
				{Name: "code", Value: "NetStream.Unpublish.Success"}, {Name: "description", Value: "Stop publishing stream."}})
			g.hears(amf0Command, commandChunk, streamID, "_result", 5, nil, amf0.Undefined{})
			g.hears(amf0Command, statusChunk, streamID, "onStatus", 0, nil, amf0.Object{
				{Name: "level", Value: "status"}, {Name: "code", Value: "NetStream.Unpublish.Success"},
				{Name: "description", Value: "Stream is now unpublished"}, {Name: "clientid", Value: "ASAICiss"}})
			g.command("deleteStream", 6, nil, 1)
			g.result(6, nil, nil)
		}
		bytes += uint64(len(body))
	}
	g.plays("a")
	g.command("closeStream", 0, nil)
	g.plays("b")
	for end := time.Now().Add(patience); len(h.registry.Sessions()) > 1 && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the watchers have closed, and the server may not know yet
	}
	if all := h.registry.Sessions(); len(all) != 1 || all[0].Request.URL() != "/live/b" || all[0].Publish {
		t.Errorf("sessions %+v", all)
	}
	if got := h.registry.Totals().Usage.Received; got < bytes || got > bytes+bytes/10 {
		t.Errorf("%d bytes counted, %d published", got, bytes)
	}
	g.conn.Close()
	h.logged("rtmp-play ended")
}

// TestFarewell checks that those who are sent away hear why, even in the middle of publishing
// with all their might.
func TestFarewell(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*config.Config)
		do   func(*house)
		code string
		warn bool
	}{
		"kicked": {nil, func(h *house) {
			if err := h.registry.Kick(h.registry.Sessions()[0].Request.ID, stream.ErrKicked); err != nil {
				t.Error(err)
			}
		}, codeClosed, false},
		"replaced": {nil, func(h *house) {
			h.takeover.Store(true)
			g := h.enter()
			g.connects()
			g.publishes("s")
		}, codeBadName, true},
		"idle": {func(c *config.Config) { c.Vhost(defaultVhost).Publish.KickoffForIdle = time.Millisecond }, (*house).watch, codeClosed, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, c.edit)
			g := h.enter()
			g.connects()
			g.publishes("s")
			wrote := make(chan struct{})
			go func() {
				defer close(wrote)
				m := message{kind: video, chunk: 6, stream: 1, body: append(unhex(avcKey), noise(10000, 1)...)}
				b := appendMessage(nil, &m, 128)
				for {
					if _, err := g.conn.Write(b); err != nil {
						return
					}
				}
			}()
			c.do(h)
			if level, code, text := g.status(); level != "error" || code != c.code || text == "" {
				t.Errorf("%s %s %q", level, code, text)
			}
			g.conn.Close()
			<-wrote
			h.logged("publish ended")
			if warned := strings.Contains(h.log.String(), "WARN"); warned != c.warn {
				t.Errorf("log:\n%s", &h.log)
			}
		})
	}
	t.Run("player", func(t *testing.T) {
		h := newHouse(t, nil)
		g := h.enter()
		g.connects()
		g.plays("s")
		if err := h.registry.Kick(h.registry.Sessions()[0].Request.ID, stream.ErrKicked); err != nil {
			t.Error(err)
		}
		if level, code, _ := g.status(); level != "error" || code != codeClosed {
			t.Errorf("%s %s", level, code)
		}
		g.gone()
	})
}

// flood publishes to s until the test ends.
func (h *house) flood() {
	p, err := h.registry.Publish(h.ctx, &stream.Request{ID: "flood", Vhost: defaultVhost, App: "live", Stream: "s"})
	if err != nil {
		h.t.Fatal(err)
	}
	d := newDemux(&logbook.Book{})
	stop, ended := make(chan struct{}), make(chan struct{})
	h.t.Cleanup(func() { close(stop); <-ended; p.Close() })
	go func() {
		defer close(ended)
		var n uint32
		for {
			m := message{kind: video, time: 40 * n, body: append(unhex(avcKey), make([]byte, 100_000)...)}
			for _, f := range d.frames(nil, &m) {
				_ = p.WriteFrame(f)
			}
			n++
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
}

// TestBlockedPlayer ends players who do not read, by a kick and by the end of the server.
func TestBlockedPlayer(t *testing.T) {
	for name, end := range map[string]func(h *house, id string, cancel func()){
		"kick":     func(h *house, id string, _ func()) { _ = h.registry.Kick(id, stream.ErrKicked) },
		"shutdown": func(_ *house, _ string, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			ctx, cancel := context.WithCancel(h.ctx)
			defer cancel()
			h.ctx = ctx
			h.flood()
			g := h.enter()
			g.connects()
			g.plays("s")
			var id string
			for _, s := range h.registry.Sessions() {
				if !s.Publish {
					id = s.Request.ID
				}
			}
			sent := uint64(1)
			for was := uint64(0); sent != was; { // nobody reads: until the socket is full
				was = sent
				time.Sleep(50 * time.Millisecond)
				for _, s := range h.registry.Sessions() {
					if s.Request.ID == id {
						sent = s.Usage.Sent
					}
				}
			}
			start := time.Now()
			end(h, id, cancel)
			h.logged("rtmp-play ended")
			if took := time.Since(start); took > 3*farewellTime {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestPlayerCommands has a player pause, go on, seek and ask for who knows what.
func TestPlayerCommands(t *testing.T) {
	h := newHouse(t, nil)
	from := h.client("s")
	if err := from.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := h.enter()
	g.connects()
	g.plays("s")
	g.hears(amf0Data, statusChunk, streamID, "|RtmpSampleAccess", true, true)
	g.command("seek", 7, nil, 1000)
	g.result(7, nil, nil)
	g.command("receiveAudio", 0, nil, true)
	g.command("pause", 8, nil, true, 0)
	g.hears(amf0Command, statusChunk, streamID, "onStatus", 0, nil, amf0.Object{
		{Name: "level", Value: "status"}, {Name: "code", Value: "NetStream.Pause.Notify"}, {Name: "description", Value: "Paused stream."}})
	if m := g.next(); m.kind != userControl || m.body[1] != eventStreamEOF {
		t.Errorf("after pause %+v", m)
	}
	if err := from.Writer().(media.BatchWriter).WriteBatch(clip()); err != nil {
		t.Fatal(err)
	}
	g.send(eventMessage(eventPingRequest, 4711))
	if m := g.next(); m.kind != userControl || !bytes.Equal(m.body, eventMessage(eventPingResponse, 4711).body) {
		t.Errorf("media while it is paused, or a bad answer to a ping: %+v", m)
	}
	g.command("pause", 9, nil, false, 0)
	g.hears(amf0Command, statusChunk, streamID, "onStatus", 0, nil, amf0.Object{
		{Name: "level", Value: "status"}, {Name: "code", Value: "NetStream.Unpause.Notify"}, {Name: "description", Value: "Unpaused stream."}})
	for _, kind := range []uint8{userControl, amf0Data, audio, video, video} {
		if m := g.next(); m.kind != kind {
			t.Errorf("type %d, want %d", m.kind, kind)
		}
	}
	g.command("pause", 10, nil, true, 0)
	g.command("closeStream", 0, nil) // while it is paused
	h.logged("player stopped")
	g.plays("s")
}

// TestPlayLimit has a player who wants a second.
func TestPlayLimit(t *testing.T) {
	h := newHouse(t, nil)
	from := h.client("s")
	if err := from.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := h.enter()
	g.connects()
	g.plays("s", -2, 500)
	if err := from.Writer().(media.BatchWriter).WriteBatch(clip()); err != nil {
		t.Fatal(err)
	}
	var last uint32
	for {
		m := g.next()
		if m.kind == amf0Command {
			break
		}
		last = max(last, m.time)
	}
	if last != 490 {
		t.Errorf("the last frame at %d", last)
	}
	g.gone()
	g.conn.Close()
	h.logged("rtmp-play ended")
	if strings.Contains(h.log.String(), "WARN") {
		t.Errorf("log:\n%s", &h.log)
	}
}

// TestReload has players of a stream that comes and goes, and rules that change under way.
func TestReload(t *testing.T) {
	h := newHouse(t, nil)
	g := h.enter()
	g.connects()
	g.plays("s") // nobody publishes yet
	publish := func() *Client {
		from := h.client("s")
		if err := from.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := from.Writer().(media.BatchWriter).WriteBatch(clip()); err != nil {
			t.Fatal(err)
		}
		return from
	}
	from := publish()
	for range 52 {
		g.picture()
	}
	from.Close()
	h.logged("fmle-publish ended")
	from = publish() // the player does not hear of the change
	if m := g.next(); m.kind != amf0Data || m.time != 0 {
		t.Errorf("after another publisher came: %+v", m)
	}
	if m := g.picture(); m.time < 960 {
		t.Errorf("the time goes back to %d", m.time)
	}
	for range 51 {
		g.picture()
	}
	h.reload(func(c *config.Config) {
		v := c.Vhost(defaultVhost)
		v.Play.NotifyUnpublish, v.Play.TimeJitter = true, "off"
	})
	from.Close()
	g.awaits("NetStream.Play.UnpublishNotify")
	if m := g.next(); m.kind != userControl || m.body[1] != eventStreamEOF {
		t.Errorf("after the notice: %+v", m)
	}
	publish()
	if m := g.next(); m.kind != amf0Data || m.time != 0 {
		t.Errorf("the publisher's own time is %d", m.time)
	}
}

// TestAcks checks the numbers of acknowledgements, and when they come.
func TestAcks(t *testing.T) {
	const window = 10000
	h := newHouse(t, nil)
	g := h.enter()
	sent := uint64(0)
	send := func(m message) {
		b := appendMessage(nil, &m, 128)
		sent += uint64(len(b))
		if _, err := g.conn.Write(b); err != nil {
			t.Error(err)
		}
	}
	send(commandMessage(commandChunk, 0, "connect", 1, amf0.Object{{Name: "tcUrl", Value: "rtmp://a.com/live"}}))
	for m := g.next(); m.kind != amf0Command; m = g.next() {
	}
	g.hears(amf0Command, commandChunk, 0, "onBWDone", 0, nil)
	send(commandMessage(commandChunk, 0, "publish", 2, nil, "s"))
	g.awaits("NetStream.Publish.Start")
	send(controlMessage(windowAckSize, window))
	told := uint64(0)
	for range 100 {
		send(message{kind: audio, chunk: 4, stream: 1, body: append(unhex("af01"), noise(300, 1)...)})
		if sent-told >= window/2 {
			m := g.next()
			if v, _ := parseControl(&m); m.kind != ack || uint64(v) != sent {
				t.Fatalf("%+v after %d bytes", m, sent)
			}
			told = sent
		}
	}
	if told == 0 {
		t.Error("no ack")
	}
}

// TestPublisherTime has publishers who fall silent.
func TestPublisherTime(t *testing.T) {
	for name, c := range map[string]struct {
		mr       bool
		say      func(*guest)
		min, max time.Duration
		line     string
	}{
		"nothing": {false, func(*guest) {}, 20 * time.Second, 23 * time.Second, "publisher sent nothing for 20s"},
		"stops": {false, func(g *guest) {
			for range 10 {
				time.Sleep(4990 * time.Millisecond)
				g.send(wired(audio, 0, aacFrame))
			}
		}, 54 * time.Second, 57 * time.Second, "publisher sent nothing for 5s"},
		"merged": {true, func(g *guest) {
			for range 10 {
				time.Sleep(4 * time.Second)
				g.send(wired(audio, 0, aacFrame))
			}
		}, 45 * time.Second, 47 * time.Second, "publisher sent nothing for 5s"},
		"unpublishes": {true, func(g *guest) {
			g.send(wired(audio, 0, aacFrame))
			g.command("closeStream", 0, nil)
			go drain(g.conn)
		}, returnTime, returnTime + time.Second, "neither publishes nor plays"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, func(cf *config.Config) { cf.Vhost(defaultVhost).Publish.Mr = c.mr })
			ours, theirs := net.Pipe()
			h.attend(ours)
			g := h.shake(theirs)
			g.connects()
			g.command("publish", 2, nil, "s")
			g.awaits("NetStream.Publish.Start")
			_ = theirs.SetDeadline(time.Time{})
			start := time.Now()
			c.say(g)
			h.sessions.Wait()
			if took := time.Since(start); took < c.min || took > c.max {
				t.Errorf("%s: %v", name, took)
			}
			if text := h.log.String(); !strings.Contains(text, c.line) {
				t.Errorf("%s: log:\n%s", name, text)
			}
			theirs.Close()
		})
	}
}

// TestShutdown ends sessions in every state at once.
func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	h := newHouse(t, func(c *config.Config) {
		v := c.Vhost(defaultVhost)
		v.Publish.Mr, v.Publish.MrLatency = true, time.Hour
	})
	ctx, cancel := context.WithCancel(h.ctx)
	h.ctx = ctx
	held := make(chan struct{})
	h.gate = func(r *stream.Request, _ bool) error {
		if r.Stream != "slow" {
			return nil
		}
		close(held)
		<-ctx.Done()
		return ctx.Err()
	}
	silent, err := h.dial(h.ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	h.enter()
	h.enter().connects()
	for _, enter := range []func(*guest){
		func(g *guest) { g.publishes("s"); g.send(wired(audio, 0, aacFrame)) },
		func(g *guest) { g.plays("s") },
		func(g *guest) { g.plays("s"); g.command("pause", 4, nil, true) },
		func(g *guest) { g.command("play", 4, nil, "slow"); <-held },
		func(g *guest) { g.plays("t"); g.command("closeStream", 0, nil); h.logged("player stopped") },
	} {
		g := h.enter()
		g.connects()
		enter(g)
	}
	start := time.Now()
	cancel()
	h.sessions.Wait()
	if took := time.Since(start); took > 2*farewellTime {
		t.Errorf("took %v", took)
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines more\n%s", runtime.NumGoroutine()-before, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestLeft(t *testing.T) {
	for _, err := range []error{nil, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, &net.OpError{Op: "read", Err: io.EOF}} {
		if !fanout.Left(err) {
			t.Errorf("%v: is no leaving", err)
		}
	}
	for _, err := range []error{stream.ErrKicked, errChunkStart, errors.New("x")} {
		if fanout.Left(err) {
			t.Errorf("%v: is a leaving", err)
		}
	}
	if !slices.ContainsFunc([]error{errComplete, fanout.ErrSlow, errSilent, stream.ErrIdle}, quiet) || quiet(fanout.ErrReplies) {
		t.Error("quiet")
	}
}
