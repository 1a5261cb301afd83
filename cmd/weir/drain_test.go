//go:build !windows

package main

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// avcHeader is the setup of a decoder, and avcKey a picture.
const (
	avcHeader = "1700000000" + "0142c00cffe100196742c00cd901419f9f011000000300100000030320f142a48001000568cb83cb20"
	avcKey    = "1701000000" + "00000002" + "6588"
)

// audience is a publisher and players, over RTMP and HTTP.
type audience struct {
	t      *testing.T
	ctx    context.Context
	all    sync.WaitGroup
	pub    *rtmp.Client
	player *rtmp.Client
	answer *http.Response
	frames [2]atomic.Int32 // that the players have had
}

// gather has a stream published and played.
func gather(t *testing.T, addr, web string) *audience {
	t.Helper()
	a := &audience{t: t, ctx: t.Context()}
	dial := func() *rtmp.Client {
		c, err := rtmp.Dial(a.ctx, "rtmp://"+addr+"/live/s", rtmp.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	a.pub, a.player = dial(), dial()
	if err := a.pub.Publish(a.ctx); err != nil {
		t.Fatal(err)
	}
	a.all.Go(a.publish)
	if err := a.player.Play(a.ctx); err != nil {
		t.Fatal(err)
	}
	a.all.Go(func() {
		for {
			m, err := a.player.ReadMessage()
			if err != nil {
				return
			}
			if m.Kind == 9 {
				a.frames[0].Add(1)
			}
		}
	})
	answer, err := (&http.Transport{}).RoundTrip(request(t, "http://"+web+"/live/s.flv"))
	if err != nil {
		t.Fatal(err)
	}
	a.answer = answer
	a.all.Go(func() {
		r := flv.NewReader(answer.Body)
		_, _, err := r.ReadHeader()
		for err == nil {
			var tag flv.Tag
			if tag, err = r.ReadTag(); tag.Type == flv.TagVideo {
				a.frames[1].Add(1)
			}
		}
	})
	a.more(5)
	return a
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// publish sends a picture now and then, until the connection ends.
func (a *audience) publish() {
	a.all.Go(func() {
		for {
			if _, err := a.pub.ReadMessage(); err != nil {
				return
			}
		}
	})
	for n := uint32(0); ; n++ {
		body, err := hex.DecodeString(avcKey)
		if n == 0 {
			body, err = hex.DecodeString(avcHeader)
		}
		if err != nil {
			a.t.Error(err)
		}
		if a.pub.WriteMessage(rtmp.Message{Kind: 9, Chunk: 6, Stream: a.pub.Stream(), Time: 20 * n, Body: body}) != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// more waits until each player has had so many frames more.
func (a *audience) more(n int32) {
	a.t.Helper()
	for i := range a.frames {
		before := a.frames[i].Load()
		until(a.t, "more frames", func() bool { return a.frames[i].Load() >= before+n })
	}
}

// TestDrainPlayers ends a server gracefully: who plays goes on, nobody else comes in, connections
// between two requests do not count, and when the last has left the process ends well.
func TestDrainPlayers(t *testing.T) {
	t.Parallel()
	web, calls := freePort(t), freePort(t)
	p := launch(t, "daemon off;\nsrs_log_tank file;\nsrs_log_file weir.log;\ngrace_start_wait 300;\ngrace_final_wait 1;\n"+
		"http_api { enabled on; listen "+calls+"; }\nhttp_server { enabled on; listen "+web+"; }\n")
	log := filepath.Join(p.dir, "weir.log")
	p.reload("daemon off;\nsrs_log_tank file;\nsrs_log_file weir.log;\ngrace_start_wait 300;\ngrace_final_wait 1;\n"+
		"http_api { enabled on; listen "+calls+"; }\nhttp_server { enabled on; listen "+web+"; }\n"+
		"vhost __defaultVhost__ { min_latency on; http_remux { enabled on; } hls { enabled on; hls_path hls; hls_fragment 1; } }\n", "weir.log", "reloaded")
	a := gather(t, p.addr, web)
	idle := &http.Transport{} // keeps its connections
	for _, url := range []string{"http://" + web + "/", "http://" + calls + "/api/v1/versions", "http://" + web + "/live/s.m3u8"} {
		answer, err := idle.RoundTrip(request(t, url))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	p.signal(syscall.SIGQUIT)
	if !answers(p.addr) {
		t.Error("who comes at once is not let in any more")
	}
	until(t, "RTMP to be closed", func() bool { return !answers(p.addr) })
	until(t, "HTTP to be closed", func() bool { return !answers(web) && !answers(calls) })
	waiting := regexp.MustCompile(`waiting for clients to leave clients=(\d+) since=\S+s`)
	until(t, "a line of progress", func() bool { return waiting.MatchString(readFile(log)) })
	a.more(20)
	a.player.Close()
	a.answer.Body.Close()
	time.Sleep(300 * time.Millisecond)
	if strings.Contains(readFile(log), "drained") {
		t.Error("the drain did not wait for the publisher")
	}
	a.pub.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &p.out)
	}
	a.all.Wait()
	if text := readFile(log); !strings.Contains(text, "drained: the last client has left") || !strings.Contains(text, "server ended") {
		t.Error(text)
	}
	idle.CloseIdleConnections()
}

// TestStopEndings ends a server at once: each session has a line in the log with the cause.
func TestStopEndings(t *testing.T) {
	t.Parallel()
	web := freePort(t)
	p := launch(t, "daemon off;\nsrs_log_tank file;\nsrs_log_file weir.log;\nhttp_server { enabled on; listen "+web+"; }\n")
	p.reload("daemon off;\nsrs_log_tank file;\nsrs_log_file weir.log;\nhttp_server { enabled on; listen "+web+"; }\n"+
		"vhost __defaultVhost__ { min_latency on; http_remux { enabled on; } }\n", "weir.log", "reloaded")
	a := gather(t, p.addr, web)
	p.end()
	a.all.Wait()
	a.answer.Body.Close()
	a.pub.Close()
	a.player.Close()
	text := readFile(filepath.Join(p.dir, "weir.log"))
	for _, kind := range []string{"fmle-publish", "rtmp-play", "flv-play"} {
		if n := len(regexp.MustCompile(kind+` ended .*cause="[^"]*the server`).FindAllString(text, -1)); n != 1 {
			t.Errorf("%d lines of the end of %s", n, kind)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
