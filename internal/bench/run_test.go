package bench

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/format/flv"
)

// fakeDialer is a server without a network: what comes from it is the number of a picture in
// one byte each, and the time it was sent is the time it comes.
type fakeDialer struct {
	refuse func(url string) error
	serve  func(n int, conn net.Conn) // connection n, until it returns

	mu   sync.Mutex
	urls []string
	outs []*fakePublication
	wg   sync.WaitGroup
}

func (d *fakeDialer) called(url string) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.urls = append(d.urls, url)
	if d.refuse != nil {
		return 0, d.refuse(url)
	}
	return len(d.urls) - 1, nil
}

func (d *fakeDialer) publish(_ context.Context, url string) (publication, error) {
	n, err := d.called(url)
	if err != nil {
		return nil, err
	}
	p := newFakePublication(nil)
	d.mu.Lock()
	d.outs = append(d.outs, p)
	d.mu.Unlock()
	if d.serve != nil {
		d.wg.Go(func() { d.serve(n, fakeConn{p}) })
	}
	return p, nil
}

// fakeConn is a publication as serve knows connections.
type fakeConn struct{ *fakePublication }

func (c fakeConn) Close() error { c.close(); return nil }

func (fakeConn) Read([]byte) (int, error)         { return 0, errFake }
func (fakeConn) Write([]byte) (int, error)        { return 0, errFake }
func (fakeConn) LocalAddr() net.Addr              { return nil }
func (fakeConn) RemoteAddr() net.Addr             { return nil }
func (fakeConn) SetDeadline(time.Time) error      { return nil }
func (fakeConn) SetReadDeadline(time.Time) error  { return nil }
func (fakeConn) SetWriteDeadline(time.Time) error { return nil }

func (d *fakeDialer) play(_ context.Context, url string, sink func(*message)) (line, error) {
	n, err := d.called(url)
	if err != nil {
		return line{}, err
	}
	a, b := net.Pipe()
	d.wg.Go(func() {
		defer b.Close()
		d.serve(n, b)
	})
	return line{conn: a, in: fakeParser{sink}}, nil
}

func (d *fakeDialer) rest(ctx context.Context, url string) (line, error) {
	return d.play(ctx, url, func(*message) {})
}

type fakeParser struct{ sink func(*message) }

func (p fakeParser) replies() []byte { return nil }

func (p fakeParser) feed(b []byte) error {
	for _, number := range b {
		p.sink(picture(uint32(number)*40, number%25 == 0, stamp{time.Now(), uint32(number), 0}))
	}
	return nil
}

// show sends pictures, 25 a second, but not those of the numbers that are left out.
func show(conn net.Conn, n int, leftOut ...byte) {
	for number := range byte(n) {
		if !slices.Contains(leftOut, number) {
			if _, err := conn.Write([]byte{number}); err != nil {
				return
			}
		}
		time.Sleep(40 * time.Millisecond)
	}
}

// measure runs the command line against a server.
func measure(t *testing.T, d *fakeDialer, args string) *report {
	t.Helper()
	o, err := parseOptions(strings.Fields(args), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRun(o)
	if err != nil {
		t.Fatal(err)
	}
	r.dial = d
	t.Cleanup(d.wg.Wait)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return r.measure(ctx)
}

// expect compares some of a report's values.
func expect(t *testing.T, a *report, want map[string]float64, says ...string) {
	t.Helper()
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	for path, value := range want {
		at := any(got)
		for name := range strings.SplitSeq(path, ".") {
			at = at.(map[string]any)[name]
		}
		if at != value {
			t.Errorf("%s is %v, want %v", path, at, value)
		}
	}
	text := a.text()
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("it does not say %q:\n%s", s, text)
		}
	}
	if a.OK == slices.ContainsFunc(says, func(s string) bool { return strings.HasPrefix(s, "PROBLEM") }) {
		t.Errorf("ok is %v:\n%s", a.OK, text)
	}
}

func TestPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{serve: func(_ int, conn net.Conn) { show(conn, 200) }}
		begun := time.Now()
		a := measure(t, d, "play -u rtmp://h/live/s{n} -streams 3 -n 4 -ramp 2 -warmup 1s -duration 2s")
		if took := time.Since(begun); took != 5*time.Second { // ramp, warm-up, measurement
			t.Errorf("it took %v", took)
		}
		if want := []string{"rtmp://h/live/s0", "rtmp://h/live/s1", "rtmp://h/live/s2", "rtmp://h/live/s0"}; !slices.Equal(d.urls, want) {
			t.Errorf("%q, want %q", d.urls, want)
		}
		if a.Video < 198 || a.Video > 202 || a.Play.Latency.Count != a.Video {
			t.Errorf("%d frames, %d with latency, want 200", a.Video, a.Play.Latency.Count)
		}
		expect(t, a, map[string]float64{
			"connections.tried": 4, "connections.ok": 4, "connections.failed": 0, "connections.dropped": 0,
			"play.first_frame_ms.count": 4, "play.first_frame_ms.max": 0, "play.latency_ms.max": 0,
			"play.lost_frames": 0, "play.stalls": 0, "play.players_without_media": 0,
		}, "connections    4 of 4, 0 failed, 0 dropped", "\nok\n")
	})
}

func TestPlayTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{serve: func(n int, conn net.Conn) {
			switch n {
			case 0:
				show(conn, 200, 60, 61, 70) // 3 lost
			case 1:
				show(conn, 60) // and it hangs up
			case 2:
				time.Sleep(time.Hour) // nothing at all
			case 3:
				show(conn, 60)
				time.Sleep(2 * time.Second)
				show(conn, 200)
			}
		}}
		a := measure(t, d, "play -u rtmp://h/live/s -n 4 -ramp 1000 -warmup 1s -duration 5s")
		expect(t, a, map[string]float64{
			"connections.ok": 4, "connections.dropped": 1, "play.lost_frames": 3,
			"play.stalls": 1, "play.players_without_media": 1, "play.disordered_frames": 1,
		}, "PROBLEM        1 connections were dropped", "PROBLEM        3 frames were lost", "PROBLEM        1 players got no media",
			"1 x dropped: the server closed the connection")
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{refuse: func(string) error { return errFake }}
		begun := time.Now()
		a := measure(t, d, "play -u rtmp://h/live/s -n 3 -ramp 1000")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("nobody was left, and it took %v", took)
		}
		expect(t, a, map[string]float64{"connections.tried": 3, "connections.failed": 3, "connections.ok": 0},
			"PROBLEM        3 of 3 connections failed", "3 x not connected: as the test wants")
	})
}

func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{serve: func(n int, conn net.Conn) {
			if n == 1 {
				time.Sleep(2 * time.Second)
				conn.Close()
			}
		}}
		a := measure(t, d, "publish -u rtmp://h/live/s{n} -n 3 -ramp 1000 -fps 25 -bitrate 300k -warmup 0s -duration 4s")
		expect(t, a, map[string]float64{"connections.ok": 3, "connections.dropped": 1, "publish.behind": 0},
			"PROBLEM        1 connections were dropped", "1 x dropped: as the test wants")
		if a.Video < 248 || a.Video > 252 {
			t.Errorf("%d pictures, want 250", a.Video)
		}
		for n, out := range d.outs {
			pictures := 0
			for _, tag := range out.tags {
				if tag.Type == flv.TagVideo {
					pictures++
				}
			}
			if out.over != (n != 1) || n != 1 && (pictures < 100 || pictures > 103) {
				t.Errorf("stream %d: %d pictures, told of the end: %v", n, pictures, out.over)
			}
		}
	})
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDialer{serve: func(n int, _ net.Conn) {
			if n == 4 {
				return
			}
			time.Sleep(time.Hour)
		}}
		a := measure(t, d, "idle -u rtmp://h/live/s -n 5 -ramp 10 -duration 3s")
		expect(t, a, map[string]float64{"connections.ok": 5, "connections.dropped": 1, "connect_ms.count": 5},
			"PROBLEM        1 connections were dropped")
	})
}

func TestChurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lives := make(chan time.Duration, 100)
		d := &fakeDialer{serve: func(n int, conn net.Conn) {
			begun := time.Now()
			if n == 3 {
				time.Sleep(time.Second)
				return
			}
			show(conn, 200)
			lives <- time.Since(begun)
		}}
		a := measure(t, d, "churn -u rtmp://h/live/s -rate 10 -life 500ms -duration 2s")
		expect(t, a, map[string]float64{
			"connections.tried": 20, "connections.ok": 20, "connections.failed": 0, "connections.dropped": 0,
			"play.first_frame_ms.count": 19, "play.players_without_media": 1,
		}, "PROBLEM        1 players got no media")
		synctest.Wait()
		for range 19 {
			if d := <-lives; d < 500*time.Millisecond || d > 540*time.Millisecond {
				t.Errorf("a player of 500 ms has lived %v", d)
			}
		}
	})
}
