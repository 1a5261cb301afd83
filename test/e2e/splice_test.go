package e2e

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// notices counts how often a player has been told that the publisher has gone.
func notices(v *clientViewer) (n int) {
	all, _ := v.all()
	for _, m := range all {
		if m.Kind == 20 && strings.Contains(string(m.Body), "NetStream.Play.UnpublishNotify") {
			n++
		}
	}
	return n
}

// listed is a stream as the API lists it.
type listed struct {
	Clients int `json:"clients"`
	Publish struct {
		Active bool `json:"active"`
	} `json:"publish"`
}

func (f *fixture) streams() []listed {
	f.t.Helper()
	raw, err := f.call("GET", "/api/v1/streams/")
	var answer struct {
		Streams []listed `json:"streams"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	if err != nil {
		f.t.Errorf("the API's list of streams: %v", err)
	}
	return answer.Streams
}

// newcomer tries to publish, and returns what the server says to it.
func newcomer(t *testing.T, f *fixture) *rtmp.StatusError {
	t.Helper()
	c, err := dialPublish(t, f.url("s"), rtmp.DialOptions{})
	if c != nil {
		defer c.Close()
	}
	var said *rtmp.StatusError
	if !errors.As(err, &said) {
		t.Fatalf("the newcomer is told %v", err)
	}
	return said
}

// TestTakeover switches takeover on and off under a stream that is on.
func TestTakeover(t *testing.T) {
	t.Parallel()
	with := func(value string) conf {
		return conf{vhost: quick + "publish { takeover " + value + "; } play { notify_unpublish on; }"}
	}
	f := serve(t, with("off"))
	view := playClient(t, f.url("s"))
	ffmpeg := ffmpegPlayer(t, f.url("s"), "h264")
	waitFor(t, "the players to be there", func() bool { return len(f.players()) == 2 })
	first := openFeed(t, f.url("s"))
	first.header(t)
	first.frame(true, 5000, 0)
	got(t, view, 0)
	refuses := func() {
		t.Helper()
		want := "/live/s is being published already by somebody else."
		if said := newcomer(t, f); said.Code != "NetStream.Publish.BadName" || said.Description != want {
			t.Errorf("the newcomer is told %v", said)
		}
	}
	refuses()
	first.frame(false, 5040, 1)
	got(t, view, 0, 1)
	f.reload(with("on"))
	second := openFeed(t, f.url("s"))
	var err error
	select {
	case err = <-first.ended:
	case <-time.After(patience):
	}
	var said *rtmp.StatusError
	if !errors.As(err, &said) || said.Code != "NetStream.Publish.BadName" ||
		said.Description != "Another publisher has taken over this stream." {
		t.Errorf("the old publisher is told %v", err)
	}
	second.header(t)
	second.frame(true, 90000, 2)
	f.reload(with("off"))
	refuses()
	second.frame(false, 90040, 3)
	got(t, view, 0, 1, 2, 3)
	if ms := times(view); !slices.Equal(ms, []uint32{0, 40, 80, 120}) {
		t.Errorf("the player's times are %v", ms)
	}
	if n := notices(view); n != 0 || len(f.players()) != 2 || !ffmpeg.(*fileViewer).running() {
		t.Errorf("%d notices, players %v", n, f.players())
	}
	waitFor(t, "the log to tell", func() bool {
		return f.log.Count("publisher takes over") == 1 && f.log.Count("ended", "replaced by another publisher") == 1
	})
}

// TestResumeTimeout has a publisher drop out and come back.
func TestResumeTimeout(t *testing.T) {
	t.Parallel()
	for value, holds := range map[string]bool{"0": false, "10": true} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: quick + "publish { resume_timeout " + value + "; } play { notify_unpublish on; }"})
			view := playClient(t, f.url("s"))
			pub := openFeed(t, f.url("s"))
			pub.header(t)
			pub.group(5000, 3)
			got(t, view, 0, 1, 2)
			pub.client.Close()
			unpublished(t, f)
			if s := f.streams(); len(s) != 1 || s[0].Publish.Active || s[0].Clients != 1 {
				t.Errorf("without its publisher the stream is listed as %+v", s)
			}
			late := playClient(t, f.url("s"))
			var cache []byte
			if holds {
				cache = []byte{0, 1, 2}
			}
			got(t, late, cache...)
			again := openFeed(t, f.url("s"))
			again.header(t)
			again.group(0, 2)
			got(t, view, 0, 1, 2, 0, 1)
			got(t, late, append(cache, 0, 1)...)
			if ms := times(view); !slices.Equal(ms, []uint32{0, 40, 80, 120, 160}) {
				t.Errorf("the player's times are %v", ms)
			}
			told := 1
			if holds {
				told = 0
			}
			again.send(20, 0, command(3, 0, "closeStream", 0, nil).Body...) // nobody waits for this one
			waitFor(t, "the news of the end", func() bool { return notices(view) == told+1 })
			for _, line := range []string{"publisher lost, its viewers wait for it", "publisher returned after"} {
				if n := f.log.Count(line); n != 1-told {
					t.Errorf("%q is in the log %d times", line, n)
				}
			}
			waitFor(t, "the late player's news of it", func() bool { return notices(late) > 0 })
			if n := notices(late); n != 1 {
				t.Errorf("the late player is told of %d ends", n)
			}
		})
	}
}

// TestEncoderReturns kills an ffmpeg that publishes and starts another. With notices on, an
// ffmpeg that plays ends when it is told that its publisher has gone.
func TestEncoderReturns(t *testing.T) {
	t.Parallel()
	for value, holds := range map[string]bool{"0": false, "10": true} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{vhost: "publish { resume_timeout " + value + "; normal_timeout 1000; } play { notify_unpublish on; }"})
			c := newClip(t, "h264", "small")
			row := publishers[slices.IndexFunc(publishers, func(p publisher) bool { return p.codec == "h264" && p.name == "ffmpeg" })]
			pub := row.start(t, f.url("s"), c, 0).(*process)
			published(t, f)
			view := ffmpegPlayer(t, f.url("s"), "h264").(*fileViewer)
			waitFor(t, "pictures", func() bool { return view.frames() > 30 })
			pub.signal(syscall.SIGSTOP) // as a network that is gone: no FIN
			unpublished(t, f)
			if !holds {
				if err := view.wait(); err != nil && err.Error() == "it does not end" {
					t.Error("the viewer is not told that its publisher has gone")
				}
				return
			}
			waitFor(t, "the log to tell of the loss", func() bool {
				return f.log.Count("publisher lost, its viewers wait for it", "limit=", "publisher sent nothing for 1s") == 1
			})
			late := playClient(t, f.url("s"))
			waitFor(t, "the cached pictures", func() bool { return late.frames() > 1 })
			time.Sleep(time.Second)
			was := view.frames()
			again := row.start(t, f.url("s"), c, 0)
			waitFor(t, "pictures of the publisher that returned", func() bool { return view.frames() > was+40 })
			r := view.stop()
			check(t, r, expectation{clip: c, frames: 60, gap: 0.3})
			again.stop() // it unpublishes, and nobody waits
			waitFor(t, "the news of the end", func() bool { return notices(late) == 1 })
		})
	}
}

// TestHoldIsKicked ends the waiting for a publisher through the API.
func TestHoldIsKicked(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{vhost: quick + "publish { resume_timeout 100; } play { notify_unpublish on; }"})
	view := playClient(t, f.url("s"))
	pub := openFeed(t, f.url("s"))
	pub.header(t)
	pub.frame(true, 0, 0)
	got(t, view, 0)
	id := f.publishers()[0].ID
	pub.client.Close()
	unpublished(t, f)
	if n := notices(view); n != 0 {
		t.Errorf("%d notices", n)
	}
	f.kick(id)
	waitFor(t, "the news of the end", func() bool { return notices(view) == 1 })
	if n := f.log.Count("publisher did not return", "kicked by the API"); n != 1 {
		t.Errorf("the end of the hold is in the log %d times", n)
	}
	if raw, err := f.call("DELETE", "/api/v1/clients/"+id); err != nil || strings.Contains(string(raw), `"code":0`) {
		t.Errorf("a second kick: %s, %v", raw, err)
	}
}
