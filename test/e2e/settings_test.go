package e2e

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// feed is a publisher that sends what a test tells it to.
type feed struct {
	t      *testing.T
	client *rtmp.Client
	ended  chan error // what the server says in the end
}

func openFeed(t *testing.T, url string) *feed {
	t.Helper()
	c, err := dialPublish(t, url, rtmp.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{t: t, client: c, ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := c.ReadMessage(); err != nil {
				f.ended <- err
				return
			}
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return f
}

func (f *feed) send(kind uint8, ms uint32, body ...byte) {
	f.t.Helper()
	m := rtmp.Message{Kind: kind, Chunk: 6, Stream: f.client.Stream(), Time: ms, Body: body}
	if err := f.client.WriteMessage(m); err != nil {
		f.t.Fatal(err)
	}
}

func (f *feed) header(t *testing.T) { f.t.Helper(); f.send(9, 0, unhex(t, avcHeader)...) }

// frame sends a video frame that is told apart by its number.
func (f *feed) frame(key bool, ms uint32, n byte) {
	f.t.Helper()
	first := byte(0x27)
	if key {
		first = 0x17
	}
	f.send(9, ms, first, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, n)
}

// numbers returns the numbers of the frames a player has got, times their times.
func numbers(v *clientViewer) (n []byte) {
	for _, m := range v.messages() {
		if m.Kind == 9 && !isHeader(&m) {
			n = append(n, m.Body[10])
		}
	}
	return n
}

func times(v *clientViewer) (ms []uint32) {
	for _, m := range v.messages() {
		if m.Kind == 9 && !isHeader(&m) {
			ms = append(ms, m.Time)
		}
	}
	return ms
}

// got waits for a player's frames, and a moment longer for what should not come.
func got(t *testing.T, v *clientViewer, want ...byte) {
	t.Helper()
	poll(func() bool { return len(numbers(v)) >= len(want) })
	time.Sleep(50 * time.Millisecond)
	if n := numbers(v); !slices.Equal(n, want) {
		t.Errorf("frames %v, want %v", n, want)
	}
}

const quick = "min_latency on;\n" // so that frames leave as they come

func TestGOPCache(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play string
		from byte // the first frame of a late player; the last key frame has number 40
	}{
		"on":              {"gop_cache on;", 40},
		"off":             {"gop_cache off;", 200},
		"frames enough":   {"gop_cache_max_frames 160;", 40},
		"too many frames": {"gop_cache_max_frames 50;", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { " + c.play + " }"})
			pub := openFeed(t, f.url("s"))
			first := playClient(t, f.url("s"))
			pub.header(t)
			for n := range byte(200) {
				pub.frame(n == 0 || n == 40, 10*uint32(n), n)
			}
			waitFor(t, "all frames", func() bool { return len(numbers(first)) == 200 })
			late := playClient(t, f.url("s"))
			pub.frame(false, 2000, 200)
			var want []byte
			for n := c.from; n <= 200; n++ {
				want = append(want, n)
			}
			got(t, late, want...)
			if m := late.messages(); len(m) == 0 || !isHeader(&m[0]) {
				t.Error("the late player's first message is no header")
			}
		})
	}
}

func TestTimeJitter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play string
		want []uint32
	}{
		"full": {"time_jitter full;", []uint32{0, 40, 80, 120}},
		"zero": {"time_jitter zero;", []uint32{0, 40, 100040, 100080}},
		"off":  {"time_jitter off;", []uint32{5000, 5040, 105040, 105080}},
		"atc":  {"time_jitter full; atc on;", []uint32{5000, 5040, 105040, 105080}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { " + c.play + " }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			for n, ms := range []uint32{5000, 5040, 105040, 105080} {
				pub.frame(n == 0, ms, byte(n))
			}
			got(t, view, 0, 1, 2, 3)
			if ms := times(view); !slices.Equal(ms, c.want) {
				t.Errorf("times %v, want %v", ms, c.want)
			}
		})
	}
}

// TestClockKept checks that a player who wants the encoder's own clock gets it over a wrap.
func TestClockKept(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick + "play { time_jitter off; }"})
	view := playClient(t, f.url("s"))
	pub := openFeed(t, f.url("s"))
	pub.header(t)
	want := []uint32{1<<32 - 80, 1<<32 - 40, 0, 40}
	for n, ms := range want {
		pub.frame(n == 0, ms, byte(n))
	}
	got(t, view, 0, 1, 2, 3)
	if ms := times(view); !slices.Equal(ms, want) {
		t.Errorf("times %v, want %v", ms, want)
	}
}

// TestShortClock checks that an encoder which counts only 24 bits is understood.
func TestShortClock(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick})
	view := playClient(t, f.url("s"))
	pub := openFeed(t, f.url("s"))
	pub.header(t)
	for n, ms := range []uint32{1<<24 - 80, 1<<24 - 40, 0, 40} {
		pub.frame(n == 0, ms, byte(n))
	}
	got(t, view, 0, 1, 2, 3)
	if ms := times(view); !slices.Equal(ms, []uint32{0, 40, 80, 120}) {
		t.Errorf("times %v", ms)
	}
	pub.client.Close()
	steadyClock(t, f)
}

func TestReduceSequenceHeader(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"off": 2, "on": 1} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { reduce_sequence_header " + value + "; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			pub.frame(true, 0, 1)
			pub.header(t)
			pub.frame(true, 40, 2)
			got(t, view, 1, 2)
			var headers int
			for _, m := range view.messages() {
				if m.Kind == 9 && isHeader(&m) {
					headers++
				}
			}
			if headers != want {
				t.Errorf("%d headers, want %d", headers, want)
			}
		})
	}
}

func TestNotifyUnpublish(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"off": 0, "on": 1} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { notify_unpublish " + value + "; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			pub.frame(true, 0, 1)
			got(t, view, 1)
			pub.client.Close()
			unpublished(t, f)
			again := openFeed(t, f.url("s"))
			again.header(t)
			again.frame(true, 0, 2)
			got(t, view, 1, 2)
			var notices int
			all, _ := view.all()
			for _, m := range all {
				if m.Kind == 20 && strings.Contains(string(m.Body), "NetStream.Play.UnpublishNotify") {
					notices++
				}
			}
			if notices != want {
				t.Errorf("%d notices, want %d", notices, want)
			}
		})
	}
}

// ends waits until the server ends a publisher, and returns how long that took.
func (f *feed) ends(t *testing.T, limit time.Duration) (time.Duration, error) {
	t.Helper()
	start := time.Now()
	select {
	case err := <-f.ended:
		return time.Since(start), err
	case <-time.After(limit):
		return limit, nil
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		publish string
		frames  int
		ended   bool
		cause   string
	}{
		"no first packet":     {"firstpkt_timeout 1000; normal_timeout 20000;", 0, true, "publisher sent nothing for 1s"},
		"first packet, later": {"firstpkt_timeout 20000; normal_timeout 1000;", 0, false, ""},
		"silence":             {"firstpkt_timeout 20000; normal_timeout 1000;", 1, true, "publisher sent nothing for 1s"},
		"silence, later":      {"firstpkt_timeout 1000; normal_timeout 20000;", 1, false, ""},
		"nobody watches":      {"kickoff_for_idle 0.5;", 100, true, "nobody has been watching for longer than kickoff_for_idle: 500ms"},
		"nobody watches, off": {"kickoff_for_idle 0;", 100, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "publish { " + c.publish + " }"})
			pub := openFeed(t, f.url("s"))
			quit := make(chan struct{})
			defer close(quit)
			go func() {
				for n := range c.frames {
					m := rtmp.Message{Kind: 9, Chunk: 6, Stream: pub.client.Stream(), Time: uint32(50 * n), Body: []byte{0x17, 1, 0, 0, 0, 0}}
					if pub.client.WriteMessage(m) != nil {
						return
					}
					select {
					case <-time.After(50 * time.Millisecond):
					case <-quit:
						return
					}
				}
			}()
			limit := patience
			if !c.ended {
				limit = 2 * time.Second
			}
			took, err := pub.ends(t, limit)
			if ended := err != nil; ended != c.ended {
				t.Fatalf("after %s the publisher has ended: %v, %v", took, ended, err)
			}
			if c.ended {
				waitFor(t, "the log to say why", func() bool { return len(f.log.lines("fmle-publish ended", c.cause)) == 1 })
			}
		})
	}
}

func TestMwLatency(t *testing.T) {
	const frames = 100 // in a second
	counts := map[string]int{}
	for _, value := range []string{"0", "300"} {
		f := serve(t, conf{vhost: "play { mw_msgs 0; mw_latency " + value + "; }"})
		view := playClient(t, f.url("s"))
		pub := openFeed(t, f.url("s"))
		pub.header(t)
		for n := range frames {
			pub.frame(n == 0, uint32(10*n), byte(n))
			time.Sleep(10 * time.Millisecond)
		}
		waitFor(t, "all frames", func() bool { return len(numbers(view)) == frames })
		_, when := view.all()
		for i := 1; i < len(when); i++ { // gathered frames come without a pause between them
			if when[i].Sub(when[i-1]) > 4*time.Millisecond {
				counts[value]++
			}
		}
	}
	if counts["300"] > 12 || counts["0"] < 2*counts["300"] {
		t.Errorf("pauses in a second of frames: %v", counts)
	}
}

func TestSendMinInterval(t *testing.T) {
	for value, slow := range map[string]bool{"0": false, "30": true} {
		t.Run(value, func(t *testing.T) {
			f := serve(t, conf{vhost: quick + "play { send_min_interval " + value + "; }"})
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			for n := range byte(30) {
				pub.frame(n == 0, 40*uint32(n), n)
			}
			published(t, f)
			time.Sleep(100 * time.Millisecond) // it is in the cache then
			start := time.Now()
			view := playClient(t, f.url("s"))
			waitFor(t, "all frames", func() bool { return len(numbers(view)) == 30 })
			if took := time.Since(start); slow != (took > 30*29*time.Millisecond) {
				t.Errorf("30 frames took %s", took)
			}
		})
	}
}

func TestChunkSize(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]uint32{"4096": 4096, "60000": 60000} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "chunk_size " + value + ";"})
			s := converse(t, f, "play")
			if size := s.control(1); size != want {
				t.Errorf("the server's chunk size is %d", size)
			}
			pub := openFeed(t, f.url("s"))
			body := make([]byte, 200_000)
			body[0], body[1], body[len(body)-1] = 0x17, 1, 77
			pub.send(9, 0, body...)
			m := s.until(9)
			if len(m.Body) != len(body) || m.Body[len(body)-1] != 77 {
				t.Errorf("a long message came with %d bytes", len(m.Body))
			}
		})
	}
}

func TestAckSizes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vhost string
		out   uint32 // the window that the server asks for
		acks  bool   // it tells what it has received
	}{
		"defaults": {"", 2500000, false},
		"none":     {"out_ack_size 0;", 0, false},
		"small":    {"out_ack_size 7000; in_ack_size 20000;", 7000, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + c.vhost})
			s := converse(t, f, "publish")
			if out := s.control(5); out != c.out {
				t.Errorf("the server asks for an acknowledgement every %d bytes", out)
			}
			for n := range uint32(10) {
				s.send(rtmp.Message{Kind: 9, Chunk: 6, Stream: 1, Time: 40 * n, Body: append([]byte{0x17, 1}, make([]byte, 5000)...)})
			}
			s.send(command(3, 0, "anything", 9, nil)) // nothing answers this one
			time.Sleep(300 * time.Millisecond)
			s.drain()
			var last uint32
			for _, m := range s.got {
				if m.Kind == 3 {
					v := be32(m.Body)
					if v <= last {
						t.Errorf("acknowledgement of %d after %d", v, last)
					}
					last = v
				}
			}
			if c.acks != (last > 40_000) {
				t.Errorf("the last acknowledgement is of %d bytes", last)
			}
		})
	}
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	for value, fits := range map[string]bool{"2": false, "20": true} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{global: "max_connections 100;"})
			for range 2 {
				playClient(t, f.url("s"))
			}
			f.reload(conf{global: "max_connections " + value + ";"})
			conn, err := net.Dial("tcp", f.rtmp)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetReadDeadline(time.Now().Add(700 * time.Millisecond))
			_, err = conn.Read(make([]byte, 1))
			var timeout net.Error
			open := errors.As(err, &timeout) && timeout.Timeout()
			if closed := errors.Is(err, io.EOF) || err != nil && !open; open != fits || closed == fits {
				t.Errorf("a third connection: %v", err)
			}
			if !fits {
				waitFor(t, "the log to say so", func() bool { return len(f.log.lines("the limit is reached")) == 1 })
				f.reload(conf{}) // so that the API can be asked again
			}
		})
	}
}

// TestQueueLength checks how much a slow player may have waiting.
func TestQueueLength(t *testing.T) {
	t.Parallel()
	for value, lossy := range map[string]bool{"1": true, "60": false} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "play { queue_length " + value + "; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			pub.frame(true, 0, 0)
			got(t, view, 0)
			view.freeze(true)
			const frames = 200 // of 100 KB, 20 MB: more than sockets hold
			body := make([]byte, 100_000)
			for n := range frames {
				body[0], body[1], body[10] = 0x27, 1, byte(n)
				if n%10 == 0 {
					body[0] = 0x17
				}
				pub.send(9, uint32(40*n), slices.Clone(body)...)
			}
			time.Sleep(300 * time.Millisecond)
			view.freeze(false)
			waitFor(t, "the newest frame", func() bool { n := numbers(view); return n[len(n)-1] == frames-1 })
			if n := len(numbers(view)); lossy != (n < frames) {
				t.Errorf("%d of %d frames came", n, frames)
			}
		})
	}
}

// TestReload changes settings under a player that loses nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick})
	view := playClient(t, f.url("s"))
	pub := openFeed(t, f.url("s"))
	pub.header(t)
	var want []byte
	for n := range byte(90) {
		pub.frame(n == 0, 40*uint32(n), n)
		want = append(want, n)
		switch n {
		case 20:
			f.reload(conf{vhost: "play { mw_latency 100; mw_msgs 0; queue_length 10; }"})
		case 40:
			f.reload(conf{vhost: quick + "tcp_nodelay on; play { gop_cache off; reduce_sequence_header on; }", more: vhosts})
		case 60:
			f.reload(conf{vhost: quick, global: "chunk_size 4096;"})
		}
		time.Sleep(5 * time.Millisecond)
	}
	got(t, view, want...)
	if ms := times(view); ms[89] != 40*89 {
		t.Errorf("the last frame is at %d ms", ms[89])
	}
	if n := len(f.log.lines("configuration reloaded")); n != 3 {
		t.Errorf("%d reloads in the log", n)
	}
}

// TestLatency measures the way to publish: no reply may wait for an acknowledgement of TCP.
func TestLatency(t *testing.T) {
	f := serve(t, conf{})
	var all []time.Duration
	for range 50 {
		c, err := rtmp.Dial(t.Context(), f.url("s"), rtmp.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := c.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(start))
		c.Close()
		waitFor(t, "the publisher to be gone", func() bool { return len(f.publishers()) == 0 })
	}
	slices.Sort(all)
	if all[25] > 20*time.Millisecond {
		t.Errorf("to connect and publish takes %s; at best %s", all[25], all[0])
	}
}
