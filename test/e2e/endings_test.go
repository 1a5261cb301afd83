package e2e

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"weir/internal/protocol/rtmp"
)

// endings are how the sessions of TestEndings end: a pattern of the line, and how many there are.
var endings = map[string]int{
	`msg="fmle-publish ended: client left"`:                                   4, // one of them had taken over
	`msg="rtmp-play ended: client left"`:                                      1,
	`msg="flv-play ended: client left"`:                                       2, // over HTTP and WebSocket
	`msg="fmle-publish ended" .*cause="kicked by the API"`:                    1,
	`msg="rtmp-play ended" .*cause="kicked by the API"`:                       1,
	`msg="flv-play ended" .*cause="kicked by the API"`:                        2,
	`msg="play ended" .*cause="kicked by the API"`:                            1,
	`msg="connection refused" .*cause=".*off.test.* is switched off."`:        2,
	`msg="fmle-publish ended" .*cause="publisher sent nothing for 1s"`:        1,
	`msg="fmle-publish ended" .*cause="replaced by another publisher"`:        1,
	`msg="connection ended" .*cause="wrong port: HTTP has come to the `:       1,
	`msg="flv-play ended" .*cause="Nobody publishes this stream."`:            1,
	`msg="rtmp-play refused" .*stream=closed.test/live/s .*cause="security: `: 1,
	`msg="flv-play refused" .*stream=closed.test/live/s .*cause="security: `:  1,
	`msg="play refused" .*stream=closed.test/live/s .*cause="security: `:      1,
	`msg="connection ended: client left"`:                                     1,
	`msg="fmle-publish refused" .*cause="stream is busy: somebody is pu`:      0, // takeover is on
}

// TestEndings has sessions of each kind end for all kinds of causes. Each has one line in the log at its
// end, with its id and the cause.
func TestEndings(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{
		vhost: quick + "publish { takeover on; normal_timeout 1000; }\nhttp_remux { enabled on; wait_timeout 1; }\nhls { enabled on; hls_fragment 1; hls_path " + t.TempDir() + "; }",
		more: "vhost closed.test { security { enabled on; deny play all; } http_remux { enabled on; } hls { enabled on; hls_fragment 1; hls_path " + t.TempDir() + "; } }\n" +
			"vhost off.test { enabled off; http_remux { enabled on; } hls { enabled on; } }",
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tags := readClip(t, newClip(t, "h264", "small"))
	pub := publishTags(t, f.url("s"), tags, 0)
	waitFor(t, "some frames", func() bool { return len(pub.messages()) > 20 })
	playlist := "http://" + f.http + "/live/s.m3u8"
	waitFor(t, "the playlist", func() bool { status, _ := f.get(playlist); return status == http.StatusOK })
	f.kickPlayers() // the first of HLS

	view := func() (leave []func()) {
		player := playClient(t, f.url("s"))
		leave = append(leave, func() { player.client.Close() })
		leave = append(leave, sip(t, "http://"+f.http+"/live/s.flv"))
		socket, _, err := websocket.Dial(ctx, "ws://"+f.http+"/live/s.flv", nil)
		if err != nil {
			t.Fatal(err)
		}
		return append(leave, func() { _ = socket.CloseNow() })
	}
	leave := view()
	waitFor(t, "the viewers", func() bool { return len(f.players()) == 3 })
	for _, each := range leave {
		each()
	}
	waitFor(t, "the viewers to leave", func() bool { return len(f.players()) == 0 })
	leave = view()
	waitFor(t, "the viewers again", func() bool { return len(f.players()) == 3 })
	f.kickPlayers()
	waitFor(t, "the viewers to be gone", func() bool { return len(f.players()) == 0 })
	for _, each := range leave {
		each()
	}

	second := publishTags(t, f.url("s"), tags, 0) // takes over
	waitFor(t, "the replacement", func() bool { return pub.shown() != "" })
	second.stop()
	kicked := publishTags(t, f.url("kicked"), tags, 0)
	waitFor(t, "the publisher", func() bool { return len(f.publishers()) == 1 })
	f.kick(f.publishers()[0].ID)
	waitFor(t, "its end", func() bool { return kicked.shown() != "" })
	publishTags(t, f.url("left"), tags, 0).stop()
	publishTags(t, f.url("gone"), tags, 0).stop()
	mute := openFeed(t, f.url("mute"))
	mute.header(t)
	waitFor(t, "the mute one's end", func() bool { return len(f.publishers()) == 0 })

	guarded := publishTags(t, f.url("s?vhost=closed.test"), tags, 0)
	waitFor(t, "the guarded stream", func() bool { return len(f.publishers()) == 1 && len(guarded.messages()) > 20 })
	if c, err := rtmp.Dial(ctx, f.url("s?vhost=closed.test"), rtmp.DialOptions{}); err != nil || c.Play(ctx) == nil {
		t.Error("a player is let in, or not heard:", err)
	} else {
		c.Close()
	}
	for _, name := range []string{"s.flv", "s.m3u8"} {
		if status, body := f.get("http://" + f.http + "/live/" + name + "?vhost=closed.test"); status != http.StatusForbidden {
			t.Errorf("%s is answered with %d %s", name, status, body)
		}
	}
	guarded.stop()

	for _, do := range []func(*rtmp.Client) error{
		func(c *rtmp.Client) error { return c.Publish(ctx) }, func(c *rtmp.Client) error { return c.Play(ctx) },
	} {
		c, err := rtmp.Dial(ctx, f.url("s")+"?vhost=off.test", rtmp.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if do(c) == nil {
			t.Error("a virtual host that is off lets clients in")
		}
		c.Close()
	}
	_, _ = f.get("http://" + f.http + "/live/nobody.flv")
	if answer, err := apiClient.Get("http://" + f.rtmp + "/"); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	if c, err := rtmp.Dial(ctx, f.url("s"), rtmp.DialOptions{}); err == nil { // who says nothing
		c.Close()
	}
	f.checkEndings(t)
}

// checkEndings looks for the sessions' last lines.
func (f *fixture) checkEndings(t *testing.T) {
	t.Helper()
	cid, end := regexp.MustCompile(` cid=(\w{8})\b`), regexp.MustCompile(` msg="[^"]*(ended|refused)\b`)
	ends := func() (map[string]int, []string) {
		of, lines := map[string]int{}, []string(nil)
		for line := range strings.Lines(f.log.String()) {
			if m := cid.FindStringSubmatch(line); m != nil {
				of[m[1]] += 0
				if end.MatchString(line) {
					of[m[1]]++
					lines = append(lines, line)
				}
			}
		}
		return of, lines
	}
	total := 0
	for _, n := range endings {
		total += n
	}
	poll(func() bool { _, lines := ends(); return len(lines) >= total })
	of, lines := ends()
	for id, n := range of {
		if n != 1 {
			t.Errorf("session %s has %d lines at its end:\n%s", id, n, strings.Join(f.log.Lines("cid="+id), "\n"))
		}
	}
	for pattern, want := range endings {
		n := 0
		for _, line := range lines {
			if regexp.MustCompile(pattern).MatchString(line) {
				n++
			}
		}
		if n != want {
			t.Errorf("%d lines of %s, want %d", n, pattern, want)
		}
	}
}
