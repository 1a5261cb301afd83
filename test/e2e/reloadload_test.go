package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// The load of a reload: light streams, of which each frame has a number.
const (
	countStreams = 20 // publishers
	audienceOf   = 10 // players of each, by turns over RTMP and HTTP-FLV
	countEvery   = 100 * time.Millisecond
	countGroup   = 10 // frames from key frame to key frame
	reloadCount  = 50
)

// countOut publishes numbered frames until ctx ends, and has sent tell how many.
func countOut(ctx context.Context, t *testing.T, url string, sent *atomic.Uint32) {
	c, err := dialCounter(ctx, url)
	if err != nil {
		t.Errorf("%s: %v", url, err)
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.Publish(ctx); err != nil {
		t.Errorf("publish %s: %v", url, err)
		return
	}
	var heard sync.WaitGroup
	defer heard.Wait()
	defer c.Close()
	heard.Go(func() {
		for {
			if _, err := c.ReadMessage(); err != nil {
				return
			}
		}
	})
	send := func(ms uint32, body []byte) error {
		return c.WriteMessage(rtmp.Message{Kind: 9, Chunk: 6, Stream: c.Stream(), Time: ms, Body: body})
	}
	if err := send(0, unhex(t, avcHeader)); err != nil {
		t.Errorf("%s: %v", url, err)
	}
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		body := []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 5, 0x41}
		if n%countGroup == 0 {
			body[0], body[9] = 0x17, 0x65
		}
		if err := send(n*uint32(countEvery.Milliseconds()), binary.BigEndian.AppendUint32(body, n)); err != nil {
			if ctx.Err() == nil {
				t.Errorf("publisher of %s, after %d frames: %v", url, n, err)
			}
			return
		}
		sent.Store(n + 1)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func dialCounter(ctx context.Context, url string) (*rtmp.Client, error) {
	return rtmp.Dial(ctx, url, rtmp.DialOptions{DialTimeout: patience, ReplyTimeout: patience})
}

// score is what a player has seen of the numbers.
type score struct {
	name   string
	seen   atomic.Uint32 // how many frames
	last   atomic.Uint32
	broken atomic.Pointer[string]
}

// take checks the next frame's number. It is false when something is wrong.
func (y *score) take(body []byte) bool {
	if len(body) != 14 || body[1] != 1 {
		return true // headers
	}
	n := binary.BigEndian.Uint32(body[10:])
	if last := y.last.Load(); y.seen.Load() > 0 && n != last+1 {
		y.fail(fmt.Sprintf("frame %d comes after %d", n, last))
		return false
	}
	y.last.Store(n)
	y.seen.Add(1)
	return true
}

func (y *score) fail(what string) { y.broken.CompareAndSwap(nil, &what) }

// scoreRTMP plays until ctx ends.
func scoreRTMP(ctx context.Context, url string, y *score) {
	c, err := dialCounter(ctx, url)
	if err != nil {
		y.fail(err.Error())
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err = c.Play(ctx); err != nil {
		y.fail(err.Error())
		return
	}
	for {
		m, err := c.ReadMessage()
		if err != nil {
			if ctx.Err() == nil {
				y.fail(err.Error())
			}
			return
		}
		if m.Kind == 9 && !y.take(m.Body) {
			return
		}
	}
}

// scoreFLV does so over HTTP.
func scoreFLV(ctx context.Context, client *http.Client, url string, y *score) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		y.fail(err.Error())
		return
	}
	answer, err := client.Do(request)
	if err != nil {
		y.fail(err.Error())
		return
	}
	defer answer.Body.Close()
	r := flv.NewReader(answer.Body)
	_, _, err = r.ReadHeader()
	for err == nil {
		var tag flv.Tag
		if tag, err = r.ReadTag(); err == nil && tag.Type == flv.TagVideo && !y.take(tag.Body) {
			return
		}
	}
	if ctx.Err() == nil {
		y.fail(err.Error())
	}
}

// changing is the configuration of a reload: something else in every part that may change.
func changing(n int, hls, hooks, extra, exporter string) (c conf, listen string) {
	pick := func(values ...string) string { return values[n%len(values)] }
	c.global = pick("max_connections 2000;", "max_connections 1500;", "max_connections 20;") + // fewer than there are
		pick("", "max_connections_per_ip 1000;") + "\n" +
		pick("", "chunk_size 4096;", "chunk_size 65000;") + "\n" +
		pick("", "exporter { enabled on; listen "+exporter+"; }")
	c.vhost = "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; " + pick("", "wait_timeout 3;") + " }\n" +
		"play { gop_cache " + pick("on", "off", "on") + "; mw_latency " + pick("350", "0", "100", "50") + "; queue_length " + pick("30", "60") + "; }\n" +
		"publish { mr " + pick("off", "on", "off") + "; normal_timeout " + pick("20000", "30000") + "; }\n" +
		"tcp_nodelay " + pick("off", "off", "on") + "; min_latency " + pick("on", "off") + ";\n" +
		pick("", "hls { enabled on; hls_fragment 1; hls_window 5; hls_path "+hls+"; }") + "\n" +
		pick("", "http_hooks { enabled on; on_connect "+hooks+"; on_publish "+hooks+"; on_play "+hooks+"; on_close "+hooks+"; on_stop "+hooks+"; }", "") + "\n" +
		pick("", "", "security { enabled on; allow publish all; allow play all; }")
	c.more = pick("", "vhost other.example.com {\n}\n", "vhost other.example.com {\nenabled off;\n}\n")
	return c, pick("", " "+extra)
}

// TestReloadLoad reloads changing files under 20 publishers and 200 players.
func TestReloadLoad(t *testing.T) {
	t.Parallel()
	reloadLoad(t, reloadCount, 250*time.Millisecond)
}

// reloadLoad holds that no player misses a frame, that files with mistakes change nothing, and that
// who comes in the middle is served. That nothing is left behind is held by the fixture.
func reloadLoad(t *testing.T, reloads int, pause time.Duration) {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "0")
	}))
	defer receiver.Close()
	hls, extra, exporter := t.TempDir(), freeAddress(t), freeAddress(t)
	first, _ := changing(0, hls, receiver.URL, extra, exporter)
	f := serve(t, first)
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()

	sent := make([]atomic.Uint32, countStreams)
	scores := make([]*score, 0, countStreams*audienceOf)
	for n := range countStreams {
		name := fmt.Sprintf("count%d", n)
		all.Go(func() { countOut(ctx, t, f.url(name), &sent[n]) })
		for v := range audienceOf {
			y := &score{name: fmt.Sprintf("player %d of %s", v, name)}
			scores = append(scores, y)
			if v%2 == 0 {
				all.Go(func() { scoreRTMP(ctx, f.url(name), y) })
			} else {
				all.Go(func() { scoreFLV(ctx, client, "http://"+f.http+"/live/"+name+".flv", y) })
			}
		}
	}
	waitFor(t, "all to play", func() bool {
		for _, y := range scores {
			if y.seen.Load() < 3 && y.broken.Load() == nil {
				return false
			}
		}
		return true
	})

	for n := 1; n <= reloads; n++ {
		next, listen := changing(n%reloads, hls, receiver.URL, extra, exporter) // the last is the first again
		f.write(next)
		f.edit("listen "+f.rtmp, "listen "+f.rtmp+listen)
		if n%10 == 5 {
			f.edit("vhost __defaultVhost__ {", "vhost __defaultVhost__ { plya { }") // a mistake
			if done, err := f.server.Reload(); err == nil || len(done.Applied) > 0 {
				t.Errorf("a file with a mistake is in force: %v, %v", done, err)
			}
		} else if done, err := f.server.Reload(); err != nil || len(done.Applied) == 0 || len(done.Restart) > 0 {
			t.Fatalf("reload %d: %+v, %v", n, done, err)
		}
		if n%10 == 1 && !strings.Contains(next.global, "max_connections 20;") {
			y := &score{name: "newcomer"}
			brief, leave := context.WithCancel(ctx)
			all.Go(func() { scoreRTMP(brief, f.url("count0"), y) })
			waitFor(t, "the newcomer to play", func() bool { return y.seen.Load() > 2 || y.broken.Load() != nil })
			leave()
			if why := y.broken.Load(); why != nil {
				t.Errorf("a newcomer after reload %d: %s", n, *why)
			}
		}
		time.Sleep(pause)
	}
	until := make([]uint32, countStreams)
	for n := range sent {
		until[n] = sent[n].Load()
	}
	for i, y := range scores {
		if !poll(func() bool { return y.last.Load()+1 >= until[i/audienceOf] || y.broken.Load() != nil }) {
			t.Errorf("%s has frame %d and not %d", y.name, y.last.Load(), until[i/audienceOf])
		}
		if why := y.broken.Load(); why != nil {
			t.Errorf("%s: %s", y.name, *why)
		}
	}
}

// edit replaces a text in the configuration's file.
func (f *fixture) edit(old, text string) {
	f.t.Helper()
	raw, err := os.ReadFile(f.file)
	if err == nil {
		err = os.WriteFile(f.file, []byte(strings.Replace(string(raw), old, text, 1)), 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
