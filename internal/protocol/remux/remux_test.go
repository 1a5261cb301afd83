package remux

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

func TestFLV(t *testing.T) {
	h := newHouse(t, nil)
	p := h.publish(layout(picture(), sound()))
	p.layout.Meta = &media.Meta{Fields: []media.Field{{Name: "width", Value: 320.0}, {Name: "duration", Value: 7.0}}}
	p.write("KaPaKaPa")
	answer := h.get("/live/s.flv?token=x")
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "video/x-flv" || answer.Header.Get("Cache-Control") != "no-cache" ||
		!answer.Close || answer.ContentLength != -1 {
		t.Errorf("%d, %v", answer.StatusCode, answer.Header)
	}
	if got := hears(t, answer.Body, 13); !bytes.Equal(got, []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")) {
		t.Errorf("header % x", got)
	}
	if got, want := tags(t, answer.Body, 6), "meta@0 a-head@80 v-head@80 K@80 a@80 v@120"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	p.write("P")
	if got := tags(t, answer.Body, 2); got != "a@120 v@160" {
		t.Error(got)
	}
	list := h.registry.Sessions()
	i := 0
	if list[i].Publish {
		i = 1
	}
	r := list[i].Request
	if r.Kind != "flv-play" || r.Name != "s.flv" || r.Stream != "s" || r.Param != "?token=x" || !r.Viewer || r.Wait ||
		r.TCURL != "http://127.0.0.1/live" || r.Remote.String() != "127.0.0.1" || r.Traffic.Sent.Load() == 0 {
		t.Errorf("%+v", r)
	}
	p.Close()
	if rest, err := io.ReadAll(answer.Body); err != nil || len(rest) > 0 {
		t.Errorf("at the end %d bytes, %v", len(rest), err)
	}
	h.await("the end in the log", func() bool { return strings.Contains(h.log.String(), `msg="flv-play ended"`) })
}

// TestFLVScript is the description that players get: the publisher's, in our name.
func TestFLVScript(t *testing.T) {
	body := describeBy(Product{"S/1", "1"})(&media.Meta{Fields: []media.Field{{Name: "duration", Value: 1.0}, {Name: "w", Value: 2.0}}})
	want := "\x02\x00\x0aonMetaData\x03\x00\x01w\x00\x40\x00\x00\x00\x00\x00\x00\x00\x00\x06server\x02\x00\x03S/1\x00\x0eserver_version\x02\x00\x011\x00\x00\x09"
	if string(body) != want {
		t.Errorf("%q", body)
	}
}

// TestLayoutChange has the headers of a second layout come between tags.
func TestLayoutChange(t *testing.T) {
	for _, reduce := range []bool{false, true} {
		h := newHouse(t, func(v *config.Vhost) { v.Play.ReduceSequenceHeader = reduce })
		p := h.publish(layout(picture(), sound()))
		p.write(both)
		answer := h.get("/live/s.flv")
		hears(t, answer.Body, 13)
		tags(t, answer.Body, 7)
		again := layout(p.layout.Tracks[0], sound()) // the same once more
		p.layout = again
		p.write("a")
		want := "a-head@40 a@40"
		if reduce {
			want = "a@40"
		}
		if got := tags(t, answer.Body, strings.Count(want, "@")); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		other := picture()
		other.Config = append(bytes.Clone(other.Config), 0)
		p.layout = layout(other, again.Tracks[1])
		p.write("K")
		if got := tags(t, answer.Body, 2); got != "v-head@80 K@80" {
			t.Error(got)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		jitter string
		atc    bool
		via    string // another server that asks
		want   string
	}{
		{"full", false, "", "meta@0 a-head@0 v-head@0 K@0 a@0 v@40 a@40 K@80 v@120"},
		{"zero", false, "", "meta@0 a-head@0 v-head@0 K@0 a@0 v@40 a@40 K@60080 v@60120"},
		{"off", false, "", "meta@0 a-head@7040 v-head@7040 K@7040 a@7040 v@7080 a@7080 K@67120 v@67160"},
		{"full", true, "", "meta@0 a-head@7040 v-head@7040 K@7040 a@7040 v@7080 a@7080 K@67120 v@67160"},
		{"full", false, "me", "meta@0 a-head@7040 v-head@7040 K@7040 a@7040 v@7080 a@7080 K@67120 v@67160"},
	} {
		h := newHouse(t, func(v *config.Vhost) { v.Play.TimeJitter, v.Play.Atc = c.jitter, c.atc })
		p := h.publish(layout(picture(), sound()))
		p.own = 7 * time.Second
		p.write(both)
		answer := h.get("/live/s.flv", viaHeader, c.via)
		hears(t, answer.Body, 13)
		got := tags(t, answer.Body, 7)
		p.own += time.Minute
		p.write("KP")
		got += " " + tags(t, answer.Body, 2)
		if got != c.want {
			t.Errorf("%s, atc %t: %s\nwant %s", c.jitter, c.atc, got, c.want)
		}
	}
}

func TestTS(t *testing.T) {
	h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.Mount = "[vhost]/[app]/[stream].ts" })
	h.rules.GOPCache = false
	p := h.publish(layout(picture(), sound()))
	p.write("KaPa")
	got := make(chan *http.Response)
	go func() { got <- h.get("/live/s.ts") }()
	h.await("the viewer", func() bool { return strings.Contains(h.log.String(), "playing") })
	p.write("PaPaPaPaPaPaPaPaPaPaPaPaPaPaPa" + "KaPa")
	answer := <-got
	if m := answer.Header.Get("Content-Type"); m != "video/MP2T" {
		t.Error(m)
	}
	b := hears(t, answer.Body, 4*188)
	var pids []int
	for n := 0; n < len(b); n += 188 {
		pids = append(pids, int(b[n+1]&0x1f)<<8|int(b[n+2]))
	}
	if fmt.Sprint(pids) != "[0 4097 256 257]" || b[2*188+5]&0x40 == 0 {
		t.Errorf("packets of %v, the third with flags %x: it does not begin with a key frame behind the tables", pids, b[2*188+5])
	}
}

// TestTSData has data come between pictures, with tables before it, where nobody can enter.
func TestTSData(t *testing.T) {
	e := newTS(logKey{}, nil, nil)
	tracks := layout(picture(), sound()).Tracks
	feed := &feed{t: t, layout: layout(tracks...), size: 8}
	write := func(f *media.Frame) net.Buffers { return e.Append(nil, f, true) }
	data := func() *media.Frame {
		f := media.NewFrame(nil, []byte("ID3"))
		f.Layout, f.Track, f.Key, f.DTS, f.PTS = feed.layout, 2, true, int64(feed.now), int64(feed.now)
		return f
	}
	if own := write(feed.frame('K')); !beginsWithTables(feed.frame('K'), own) {
		t.Error("no tables before a key picture")
	}
	feed.layout = layout(tracks[0], tracks[1], &media.Track{Kind: media.Data, Codec: media.ID3})
	write(feed.frame('P'))
	f := data()
	own := write(f)
	if len(own) != 1 || len(own[0]) != 3*188 || beginsWithTables(f, own) {
		t.Errorf("data is %d bytes; an entrance: %t", len(own[0]), beginsWithTables(f, own))
	}
	if own := write(data()); len(own) != 1 || len(own[0]) != 188 {
		t.Errorf("the next is %v", own)
	}
	late := newTS(logKey{}, nil, nil)
	if own := late.Append(nil, data(), true); len(own) > 0 {
		t.Errorf("a stream begins with data: % x", own[0][:4])
	}
}

// TestGuess is what the header says, and what is left out.
func TestGuess(t *testing.T) {
	all := layout(picture(), sound())
	const pictures = "KPPPPPPPPPPPPPPP" // half a second and more
	for _, c := range []struct {
		name    string
		edit    func(*config.HTTPRemux)
		letters string
		flags   byte
		want    string
	}{
		{"both", nil, both, 5, "meta@0 a-head@0 v-head@0 K@0 a@0 v@40 a@40"},
		{"announced sound", nil, pictures, 1, "meta@0 v-head@0 K@0 v@40"},
		{"kept though", func(r *config.HTTPRemux) { r.DropIfNotMatch = false }, pictures, 1, "meta@0 a-head@0 v-head@0 K@0 v@40"},
		{"no guess", func(r *config.HTTPRemux) { r.GuessHasAv = false }, pictures, 5, "meta@0 a-head@0 v-head@0 K@0 v@40"},
		{"no sound", func(r *config.HTTPRemux) { r.GuessHasAv, r.HasAudio = false, false }, both, 1, "meta@0 v-head@0 K@0 v@40"},
		{"no pictures", func(r *config.HTTPRemux) { r.GuessHasAv, r.HasVideo = false, false }, both, 4, "meta@0 a-head@0 a@0 a@40"},
		{"no sound said", func(r *config.HTTPRemux) { r.GuessHasAv, r.HasAudio, r.DropIfNotMatch = false, false, false }, both, 1,
			"meta@0 a-head@0 v-head@0 K@0 a@0 v@40 a@40"},
	} {
		h := newHouse(t, func(v *config.Vhost) {
			if c.edit != nil {
				c.edit(&v.HTTPRemux)
			}
		})
		p := h.publish(all)
		p.write(c.letters)
		answer := h.get("/live/s.flv")
		if flags := hears(t, answer.Body, 13)[4]; flags != c.flags {
			t.Errorf("%s: flags %d, want %d", c.name, flags, c.flags)
		}
		if got := tags(t, answer.Body, strings.Count(c.want, "@")); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	h := newHouse(t, func(v *config.Vhost) { v.HTTPRemux.WaitTimeout = time.Nanosecond })
	h.gate = func(r *stream.Request) error {
		switch r.Stream {
		case "denied":
			return &stream.Denied{Gate: "security", Reason: "not you"}
		case "moved":
			return &stream.Moved{URL: "http://elsewhere/live/moved.flv"}
		case "broken":
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	for name, want := range map[string]string{
		"denied": `403 {"code":403,"reason":"You may not play /live/denied: not you"}`,
		"moved":  `302 {"code":302,"reason":"The stream is on another server."}`,
		"broken": `500 {"code":500,"reason":"The server cannot let you play /live/broken now."}`,
		"absent": `404 {"code":404,"reason":"Nobody publishes this stream."}`,
	} {
		answer := h.get("/live/" + name + ".flv")
		status, text := says(t, answer)
		if got := fmt.Sprint(status, " ", strings.TrimSpace(text)); got != want {
			t.Errorf("%s: %s", name, got)
		}
		if name == "moved" && answer.Header.Get("Location") != "http://elsewhere/live/moved.flv" {
			t.Error(answer.Header)
		}
	}
}

func TestMethods(t *testing.T) {
	h := newHouse(t, nil)
	h.publish(layout(picture())).write("K")
	for _, c := range []struct {
		method, path string
		status       int
	}{{"HEAD", "/live/s.flv", 200}, {"HEAD", "/live/t.flv", 404}, {"POST", "/live/s.flv", 405}, {"DELETE", "/live/s.flv", 405}} {
		r, _ := http.NewRequestWithContext(t.Context(), c.method, h.url(c.path), nil)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.status || c.status == 200 && answer.Header.Get("Content-Type") != "video/x-flv" {
			t.Errorf("%s %s: %d %v", c.method, c.path, answer.StatusCode, answer.Header)
		}
	}
}

// byBoth tests viewers that a shard writes to, where it can, and those with a goroutine of their own.
func byBoth(t *testing.T, test func(*testing.T, *house)) {
	for _, writer := range []string{"auto", "own"} {
		t.Run(writer, func(t *testing.T) {
			test(t, newHouse(t, func(v *config.Vhost) { v.Play.Writer = writer }))
		})
	}
}

// TestKick ends viewers who wait, and those who have stopped reading.
func TestKick(t *testing.T) { byBoth(t, kick) }

func kick(t *testing.T, h *house) {
	waits := make(chan *http.Response)
	go func() { waits <- h.get("/live/s.flv") }()
	h.await("the viewer", func() bool { return len(h.registry.Sessions()) == 1 })
	_ = h.registry.Kick(h.registry.Sessions()[0].Request.ID, stream.ErrKicked)
	if status, text := says(t, <-waits); status != 403 || !strings.Contains(text, "operator") {
		t.Errorf("%d %s", status, text)
	}

	p := h.publish(layout(picture(), sound()))
	p.write(both)
	conn := h.raw("GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n")
	hears(t, conn, 100)
	p.size = 1 << 20
	p.write(strings.Repeat("P", 16)) // more than sockets take
	for _, x := range h.registry.Sessions() {
		if !x.Publish {
			_ = h.registry.Kick(x.Request.ID, stream.ErrKicked)
		}
	}
	h.await("its end", func() bool { return len(h.registry.Sessions()) == 1 && h.serving.Load() == 0 })
}

// raw sends text over a connection of its own.
func (h *house) raw(text string) net.Conn {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url(""), "http://"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, text)
	return conn
}

// TestVanish has viewers leave without a word: while they wait and while they play.
func TestVanish(t *testing.T) { byBoth(t, vanish) }

func vanish(t *testing.T, h *house) {
	conn := h.raw("GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n")
	h.await("the viewer", func() bool { return len(h.registry.Sessions()) == 1 })
	conn.Close()
	h.await("its end", func() bool { return len(h.registry.Sessions()) == 0 && h.serving.Load() == 0 })
	p := h.publish(layout(picture(), sound()))
	p.write(both)
	conn = h.raw("GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n")
	hears(t, conn, 100)
	conn.Close()
	h.await("its end", func() bool { return len(h.registry.Sessions()) == 1 && h.serving.Load() == 0 })
	h.await("both to be told of", func() bool { return strings.Count(h.log.String(), "client left") == 2 })
}

// TestStop has the server stop under a viewer, which has not left by itself.
func TestStop(t *testing.T) { byBoth(t, stop) }

func stop(t *testing.T, h *house) {
	p := h.publish(layout(picture(), sound()))
	p.write(both)
	hears(t, h.raw("GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n"), 100)
	h.stop(fmt.Errorf("stopped on purpose: %w", context.Canceled))
	h.await("its end", func() bool {
		return len(h.registry.Sessions()) == 1 && h.serving.Load() == 0 && strings.Contains(h.log.String(), "ended") // which comes last
	})
	if log := h.log.String(); !strings.Contains(log, "stopped on purpose") || strings.Contains(log, "client left") || strings.Contains(log, "WARN") {
		t.Error("the log tells something else")
	}
}

// TestSlow has a viewer fall out of the window: it goes on at a key frame, and what it has missed is
// counted.
func TestSlow(t *testing.T) { byBoth(t, slow) }

func slow(t *testing.T, h *house) {
	h.rules.QueueLength = time.Second
	p := h.publish(layout(picture(), sound()))
	p.write(both)
	conn := h.raw("GET /live/s.flv HTTP/1.0\r\nHost: a\r\n\r\n")
	hears(t, conn, 100)
	p.size = 1 << 18
	for range 8 {
		p.write("KPPPPPPPPPPPPPPPPPPPPPPPP") // a second, six megabytes
		time.Sleep(5 * time.Millisecond)     // so that the viewer gets into it
	}
	rest := make(chan int64)
	go func() { n, _ := io.Copy(io.Discard, conn); rest <- n }()
	h.await("the loss", func() bool {
		for _, x := range h.registry.Sessions() {
			if !x.Publish && x.Lost > 0 {
				return true
			}
		}
		p.write("P")
		return false
	})
	p.Close()
	if n := <-rest; n < 1<<18 || n > 8*25<<18 {
		t.Errorf("then it has got %d bytes", n)
	}
}

// TestReload has running viewers follow other rules.
func TestReload(t *testing.T) {
	h := newHouse(t, nil)
	p := h.publish(layout(picture(), sound()))
	p.own = 7 * time.Second
	p.write(both)
	answer := h.get("/live/s.flv")
	hears(t, answer.Body, 13)
	tags(t, answer.Body, 7)
	h.reload(func(v *config.Vhost) { v.Play.TimeJitter = "off" })
	p.write("P")
	if got := tags(t, answer.Body, 1); got != "v@7120" {
		t.Error(got)
	}
}

// TestResume holds that viewers stay while a lost publisher is waited for.
func TestResume(t *testing.T) {
	h := newHouse(t, nil)
	h.rules.Resume = time.Minute
	p := h.publish(layout(picture(), sound()))
	p.write(both)
	answer := h.get("/live/s.flv")
	hears(t, answer.Body, 13)
	tags(t, answer.Body, 7)
	p.Lost(io.ErrUnexpectedEOF)
	p = h.publish(layout(picture(), sound()))
	p.write("Ka")
	got := tags(t, answer.Body, 5)
	for _, want := range []string{"meta@0 a-head@", " v-head@", " K@"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s, without %q", got, want)
		}
	}
}
