package rtmp

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/format/amf0"
)

// TestConnect compares the answer to connect, message by message.
func TestConnect(t *testing.T) {
	h := newHouse(t, nil)
	g := h.enter()
	g.command("connect", 7, amf0.Object{{Name: "tcUrl", Value: "rtmp://a.com/live"}, {Name: "objectEncoding", Value: 3.0}})
	m := g.next()
	if v, _ := parseControl(&m); m.kind != windowAckSize || m.chunk != controlChunk || v != 2500000 {
		t.Errorf("first %+v", m)
	}
	m = g.next()
	if v, _ := parseControl(&m); m.kind != setPeerBandwidth || m.chunk != controlChunk || v != 2500000 || m.body[4] != limitDynamic {
		t.Errorf("second %+v", m)
	}
	id := strings.Repeat("x", 8)
	m = g.next()
	c, err := parseCommand(&m)
	if err != nil || g.in.size != 60000 {
		t.Fatalf("third %v, chunks of %d", err, g.in.size)
	}
	if info, ok := c.object(1); ok {
		data, _ := info.Get("data")
		array, _ := data.(amf0.ECMAArray)
		id = amf0.Object(array).String("srs_id")
	}
	if len(id) != 8 {
		t.Errorf("id %q", id)
	}
	want := fmt.Sprint("_result", 1.0, amf0.Object{
		{Name: "fmsVer", Value: "FMS/3,5,3,888"}, {Name: "capabilities", Value: 127.0}, {Name: "mode", Value: 1.0},
	}, amf0.Object{
		{Name: "level", Value: "status"},
		{Name: "code", Value: "NetConnection.Connect.Success"},
		{Name: "description", Value: "Connection succeeded"},
		{Name: "objectEncoding", Value: 3.0},
		{Name: "data", Value: amf0.ECMAArray{
			{Name: "version", Value: "3,5,3,888"},
			{Name: "srs_sig", Value: "SRS"},
			{Name: "srs_server", Value: "SRS/7.0.18(Hang)"},
			{Name: "srs_license", Value: "MIT"},
			{Name: "srs_url", Value: ""},
			{Name: "srs_version", Value: "7.0.18"},
			{Name: "srs_authors", Value: ""},
			{Name: "srs_server_ip", Value: "127.0.0.1"},
			{Name: "srs_pid", Value: float64(os.Getpid())},
			{Name: "srs_id", Value: id},
			{Name: "weir", Value: "weir/test"},
		}},
	})
	values, err := amf0.ParseAll(m.body)
	if got := fmt.Sprint(values...); err != nil || got != want || m.chunk != commandChunk || m.stream != 0 {
		t.Errorf("result %v\n got %s\nwant %s", err, got, want)
	}
	g.hears(amf0Command, commandChunk, 0, "onBWDone", 0, nil)
}

// TestConnectEnhanced checks that the lists of enhanced RTMP go to those alone who have one.
func TestConnectEnhanced(t *testing.T) {
	for _, name := range []string{"fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap", "capsEx"} {
		k, err := parseConnect(&command{args: []any{amf0.Object{{Name: "tcUrl", Value: "u"}, {Name: name, Value: 1.0}}}})
		if err != nil || !k.enhanced {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
	for _, enhanced := range []bool{false, true} {
		m := connectResult(&connect{enhanced: enhanced}, product, "id", "ip", 1)
		c, err := parseCommand(&m)
		props, _ := c.object(0)
		if err != nil || (len(props) == 7) != enhanced {
			t.Errorf("%v, %v", props, err)
		}
		if list, _ := props.Get("fourCcList"); enhanced && len(list.([]any)) != len(fourCCs()) {
			t.Errorf("list %v", list)
		}
		if caps := props.Number("capsEx"); enhanced != (caps == capsReconnect|capsMultitrack|capsModEx) {
			t.Errorf("caps %v", caps)
		}
	}
}

// TestConnectSizes has a virtual host with sizes of its own, and one that asks for no acks.
func TestConnectSizes(t *testing.T) {
	h := newHouse(t, func(c *config.Config) {
		v := c.Vhost(defaultVhost)
		v.OutAckSize, v.ChunkSize = 0, 4096
	})
	g := h.enter()
	g.command("connect", 1, amf0.Object{{Name: "tcUrl", Value: "rtmp://a.com/live"}})
	if m := g.next(); m.kind != setPeerBandwidth {
		t.Errorf("first %+v", m)
	}
	if m := g.next(); m.kind != amf0Command || g.in.size != 4096 {
		t.Errorf("second %+v, chunks of %d", m, g.in.size)
	}
}

// TestIdentify has clients of all kinds, and what each is told on its way.
func TestIdentify(t *testing.T) {
	null, void := any(nil), any(amf0.Undefined{})
	announced := func(g *guest) {
		g.hears(amf0Command, statusChunk, streamID, "onFCPublish", 0, nil, publishStart())
	}
	published := func(g *guest) {
		g.hears(amf0Command, statusChunk, streamID, "onStatus", 0, nil, amf0.Object{
			{Name: "level", Value: "status"}, {Name: "code", Value: "NetStream.Publish.Start"},
			{Name: "description", Value: "Started publishing stream."}, {Name: "clientid", Value: "ASAICiss"},
		})
	}
	played := func(g *guest) {
		m := g.next()
		if e, err := parseEvent(&m); err != nil || m.kind != userControl || e.kind != eventStreamBegin || e.value != 1 {
			t.Errorf("begin: %+v", m)
		}
		for _, s := range [][2]string{
			{"NetStream.Play.Reset", "Playing and resetting stream."}, {"NetStream.Play.Start", "Started playing stream."},
		} {
			g.hears(amf0Command, statusChunk, streamID, "onStatus", 0, nil, amf0.Object{
				{Name: "level", Value: "status"}, {Name: "code", Value: s[0]}, {Name: "description", Value: s[1]},
				{Name: "details", Value: "stream"}, {Name: "clientid", Value: "ASAICiss"},
			})
		}
		g.hears(amf0Data, statusChunk, streamID, "|RtmpSampleAccess", true, true)
	}
	for name, c := range map[string]struct {
		kind string
		say  func(*guest)
	}{
		"ffmpeg": {"fmle-publish", func(g *guest) {
			g.command("releaseStream", 2, nil, "s?k=v")
			g.command("FCPublish", 3, nil, "s?k=v")
			g.command("createStream", 4, nil)
			g.command("_checkbw", 5, nil)
			g.command("publish", 6, nil, "s?k=v", "live")
			g.result(2, null, void)
			g.result(3, null, void)
			g.result(4, null, 1)
			announced(g)
			published(g)
		}},
		"FCPublish first": {"fmle-publish", func(g *guest) { // SRS waits for another in vain
			g.command("FCPublish", 2, nil, "s")
			g.command("createStream", 3, nil)
			g.command("publish", 4, nil, "s", "live")
			g.result(2, null, void)
			g.result(3, null, 1)
			announced(g)
			published(g)
		}},
		"no createStream": {"fmle-publish", func(g *guest) {
			g.command("releaseStream", 2, nil, "s")
			g.command("publish", 4, nil, "s")
			g.result(2, null, void)
			announced(g)
			published(g)
		}},
		"flash": {"flash-publish", func(g *guest) {
			g.command("createStream", 2, nil)
			g.command("publish", 0, nil, "s", "live")
			g.result(2, null, 1)
			published(g)
		}},
		"haivision": {"haivision-publish", func(g *guest) {
			g.command("createStream", 2, nil)
			g.command("FCPublish", 3, nil, "s")
			g.command("publish", 4, nil, nil, "live")
			g.result(2, null, 1)
			g.result(3, null, void)
			announced(g)
			published(g)
		}},
		"player": {"rtmp-play", func(g *guest) {
			g.send(controlMessage(windowAckSize, 2500000))
			g.command("createStream", 2, nil)
			g.command("getStreamLength", 3, nil, "s")
			g.command("play", 4, nil, "s", -2000)
			g.send(eventMessage(eventSetBufferLength, 1, 3000))
			g.result(2, null, 1)
			played(g)
		}},
		"player without createStream": {"rtmp-play", func(g *guest) {
			g.command("play", 0, nil, "s")
			played(g)
		}},
		"player that asks": {"rtmp-play", func(g *guest) {
			g.command("_checkbw", 2, nil)
			g.command("FCSubscribe", 3, nil, "s")
			g.command("hello", 0, nil)
			g.send(message{kind: amf0SharedObject, chunk: 3, body: []byte{1}}, message{kind: video, chunk: 6}, values(amf0Data, 0, "x"))
			g.command("createStream", 4, nil)
			g.command("createStream", 5, nil)
			g.command("_checkbw", 6, nil)
			g.send(message{kind: amf3Command, chunk: 3, body: amf0.Append([]byte{0}, "play", 7, nil, "s")})
			g.result(2, null, null)
			g.result(3, null, null)
			g.result(0, null, null)
			g.result(4, null, 1)
			g.result(5, null, 1)
			played(g)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			g := h.enter()
			g.connects()
			c.say(g)
			all := h.registry.Sessions()
			if len(all) != 1 || all[0].Request.Kind != c.kind || all[0].Request.Stream != "s" || all[0].Request.URL() != "/live/s" {
				t.Errorf("sessions %+v", all)
			}
			g.conn.Close()
			h.logged("ended: client left")
			if text := h.log.String(); strings.Contains(text, "WARN") || strings.Count(text, "ended") != 1 {
				t.Errorf("log:\n%s", text)
			}
		})
	}
}

// TestStranger has those who never say what they want.
func TestStranger(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(*guest)
		want string
	}{
		"no tcUrl":      {func(g *guest) { g.command("connect", 1, amf0.Object{}) }, codeInvalidApp},
		"no object":     {func(g *guest) { g.command("connect", 1) }, codeInvalidApp},
		"bad tcUrl":     {func(g *guest) { g.command("connect", 1, amf0.Object{{Name: "tcUrl", Value: "live"}}) }, codeInvalidApp},
		"never connect": {func(g *guest) { many(g, "hello") }, ""},
		"never asks":    {func(g *guest) { g.connects(); many(g, "createStream") }, ""},
		"no command":    {func(g *guest) { g.send(message{kind: amf0Command, chunk: 3, body: []byte{5}}) }, ""},
		"too long":      {func(g *guest) { g.send(message{kind: video, chunk: 3, body: make([]byte, maxEarlyMessage+1)}) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			g := h.enter()
			c.say(g)
			if c.want != "" {
				level, code, text := g.status()
				if level != "error" || code != c.want || text == "" {
					t.Errorf("%s %s %q", level, code, text)
				}
				g.gone()
			}
			h.logged("connection ended")
			if strings.Contains(h.log.String(), "WARN") {
				t.Errorf("log:\n%s", &h.log)
			}
		})
	}
}

func many(g *guest, name string) {
	var b []byte
	for n := range maxCommands {
		m := commandMessage(commandChunk, 0, name, n, nil)
		b = appendMessage(b, &m, 128)
	}
	_, _ = g.conn.Write(b) // the server may leave before the end
}

// TestIdentifyTime has clients who stop at any step: none stays longer than it may.
func TestIdentifyTime(t *testing.T) {
	for name, say := range map[string]func(*house, net.Conn){
		"silence":   func(*house, net.Conn) {},
		"half C1":   func(_ *house, conn net.Conn) { _, _ = conn.Write(make([]byte, 100)) },
		"no reader": func(_ *house, conn net.Conn) { _, _ = conn.Write(append([]byte{3}, make([]byte, packetSize)...)) },
		"handshake": func(h *house, conn net.Conn) { h.shake(conn); _ = conn.SetDeadline(time.Time{}) },
		"trickle": func(h *house, conn net.Conn) {
			h.shake(conn)
			_ = conn.SetDeadline(time.Time{})
			g := &guest{t: h.t, conn: conn}
			for range 28 {
				time.Sleep(time.Second)
				g.command("hello", 0)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, nil)
			ours, theirs := net.Pipe()
			start := time.Now()
			h.attend(ours)
			say(h, theirs)
			h.sessions.Wait()
			if took := time.Since(start); took < identifyTime || took > identifyTime+farewellTime {
				t.Errorf("%s: stayed %v", name, took)
			}
			if text := h.log.String(); !strings.Contains(text, "INFO") || strings.Contains(text, "WARN") {
				t.Errorf("%s: log:\n%s", name, text)
			}
			theirs.Close()
		})
	}
}
