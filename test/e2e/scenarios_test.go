package e2e

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// republish has the publisher leave and come back. Players of RTMP and HLS stay, for others the
// stream ends.
func republish(t *testing.T, f *fixture, p cast) {
	c := newClip(t, p.codec, "small")
	views := audience(t, f, f.url("s"), p, false)
	first := p.start(t, f.url("s"), c, 0)
	published(t, f)
	latecomers(t, f, f.url("s"), p, views)
	watched(t, views, 30)
	first.stop()
	unpublished(t, f)
	leave(t, p, views, expectation{clip: c, frames: 25})
	if n := len(f.players()); n != len(views) {
		t.Errorf("%d players have stayed, want %d", n, len(views))
	}
	p.start(t, f.url("s"), c, 0)
	published(t, f)
	watched(t, views, 30)
	if n := len(f.players()); n != len(views) {
		t.Errorf("%d players are left of %d", n, len(views))
	}
	finish(t, views, expectation{clip: c, frames: 55, absent: true})
}

// leave waits for the end of the players that leave with the publisher, which must be a good one.
func leave(t *testing.T, p cast, views map[string]viewing, want expectation) {
	t.Helper()
	for _, v := range p.players {
		view := views[v.name]
		if view == nil || !v.leaves {
			continue
		}
		if err := view.wait(); err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%s: the publisher has ended, and so the player: %v", v.name, err)
		}
		finish(t, map[string]viewing{v.name: view}, want)
		delete(views, v.name)
	}
}

// resume has the publisher drop out and come back in time. All players stay.
func resume(t *testing.T, f *fixture, p cast) {
	c := newClip(t, p.codec, "small")
	views := audience(t, f, f.url("s"), p, false)
	first := p.start(t, f.url("s"), c, 0)
	published(t, f)
	latecomers(t, f, f.url("s"), p, views)
	watched(t, views, 30)
	if program, ok := first.(*process); ok {
		program.signal(syscall.SIGKILL)
	} else {
		first.stop() // our client does not say that it leaves
	}
	unpublished(t, f)
	again := p.start(t, f.url("s"), c, 0)
	published(t, f)
	watched(t, views, 30)
	if n := len(f.players()); n != len(views) {
		t.Errorf("%d players are left of %d", n, len(views))
	}
	finish(t, views, expectation{clip: c, frames: 55, absent: true})
	again.stop()
}

// codecChange changes the picture under the players: within the publication where the
// publisher can, else by another one.
func codecChange(t *testing.T, f *fixture, p cast) {
	small, large := newClip(t, p.codec, "small"), newClip(t, p.codec, "large")
	within := strings.HasPrefix(p.name, "client")
	views := gather(t, f, f.url("s"), p, func(v player) bool { return !v.brief && !v.late && (within || !v.leaves) })
	pub := p.start(t, f.url("s"), small, 0)
	published(t, f)
	latecomers(t, f, f.url("s"), p, views)
	watched(t, views, 30)
	if within {
		pub.(*clientPublisher).change(readClip(t, large))
	} else {
		pub.stop()
		unpublished(t, f)
		p.start(t, f.url("s"), large, 0)
	}
	watched(t, views, 80) // players of segments have up to two of them before they come to the change
	for name, r := range stopped(views) {
		t.Run(name, func(t *testing.T) { checkSizes(t, r, small, large) })
	}
}

// checkSizes checks that a recording decodes into pictures of one size and then of the other.
func checkSizes(t *testing.T, r recording, small, large clip) {
	t.Helper()
	var sizes []string
	counts := map[string]int{}
	for _, file := range r.list() {
		out, complaints := run(t, "ffprobe7", "-loglevel", "error", "-select_streams", "v", "-show_entries", "frame=width,height", "-of", "json", file)
		if complaints != "" {
			t.Errorf("decoding complains:\n%s", complaints)
		}
		var decoded struct {
			Frames []struct{ Width, Height int } `json:"frames"`
		}
		unmarshal(t, out, &decoded)
		for _, f := range decoded.Frames {
			size := fmt.Sprint(f.Width, "x", f.Height)
			counts[size]++
			if len(sizes) == 0 || sizes[len(sizes)-1] != size {
				sizes = append(sizes, size)
			}
		}
	}
	of := func(c clip) string { return fmt.Sprint(c.width, "x", c.height) }
	if want := []string{of(small), of(large)}; !slices.Equal(sizes, want) {
		t.Errorf("pictures of %v, want %v", sizes, want)
	}
	if counts[of(small)] < 25 || counts[of(large)] < 20 {
		t.Errorf("pictures: %v", counts)
	}
}

// slowReader has players stop reading. Nobody else notices, and they go on at a key frame.
func slowReader(t *testing.T, f *fixture, p cast) {
	heavies <- struct{}{}
	defer func() { <-heavies }()
	c := newClip(t, p.codec, "heavy")
	views := gather(t, f, f.url("s"), p, func(v player) bool { return !v.brief && !v.light })
	steady := map[string]viewing{"steady": playClient(t, f.url("s"))}
	p.start(t, f.url("s"), c, 0)
	published(t, f)
	watched(t, steady, 30)
	watched(t, views, 10)
	for _, v := range views {
		v.freeze(true)
	}
	watched(t, steady, 7*rate)
	for _, v := range views {
		v.freeze(false)
	}
	watched(t, views, 5*rate)
	watched(t, steady, 1)
	recordings := stopped(views)
	lossless(t, steady["steady"].stop(), c)
	for name, r := range recordings {
		t.Run(name, func(t *testing.T) {
			check(t, r, expectation{clip: c, frames: 5 * rate, gap: 30})
			if r.messages != nil {
				skipped(t, r)
			}
		})
	}
}

// heavies are the tests that may keep heavy recordings in memory at once.
var heavies = make(chan struct{}, 2)

// lossless checks that the recording has no gap.
func lossless(t *testing.T, r recording, c clip) {
	t.Helper()
	t.Run("steady", func(t *testing.T) { check(t, r, expectation{clip: c, frames: 7 * rate, gap: 0.1}) })
}

// skipped checks that there is one gap, and a key frame behind it.
func skipped(t *testing.T, r recording) {
	t.Helper()
	var last uint32
	var gaps int
	for _, m := range r.messages {
		if m.Kind != 9 || m.Body[1] == 0 {
			continue
		}
		if last > 0 && m.Time-last > 500 {
			gaps++
			if m.Body[0]>>4 != 1 {
				t.Errorf("after the gap from %d to %d ms comes no key frame", last, m.Time)
			}
		}
		last = m.Time
	}
	if gaps == 0 {
		t.Error("the slow reader has missed nothing: it was not slow enough to try this")
	}
}

// kick ends each player, and then the publisher, through the API.
func kick(t *testing.T, f *fixture, p cast) {
	c := newClip(t, p.codec, "small")
	stay := playClient(t, f.url("s"))
	first := p.start(t, f.url("s"), c, 0)
	kicked := 1 // the publisher
	for _, v := range p.players {
		if v.brief {
			continue
		}
		kicked++
		before := f.players()
		one := v.start(t, f.url("s"), p.codec)
		var id string
		waitFor(t, v.name+" to be listed", func() bool {
			for _, c := range f.players() {
				if !slices.ContainsFunc(before, func(b client) bool { return b.ID == c.ID }) {
					id = c.ID
				}
			}
			return id != ""
		})
		waitFor(t, v.name+" to play", func() bool { return one.frames() > 5 })
		f.kick(id)
		if err := one.wait(); err != nil && err.Error() == "it does not end" {
			t.Errorf("%s goes on though it was kicked", v.name)
		}
		if v.name == "client" && !strings.Contains(one.shown(), "The operator of the server has closed this connection.") {
			t.Errorf("the player is told %q", one.shown())
		}
		if own, ok := one.(interface{ isTold(t *testing.T) }); ok {
			own.isTold(t)
		}
		waitFor(t, v.name+" to be gone", func() bool { return len(f.players()) == len(before) })
	}
	watched(t, map[string]viewing{"other": stay}, 10)
	f.kick(f.publishers()[0].ID)
	if p.deaf {
		first.(*process).signal(syscall.SIGKILL)
	} else if err := first.wait(); err != nil && err.Error() == "it does not end" {
		t.Errorf("the publisher goes on though it was kicked")
	}
	unpublished(t, f)
	waitFor(t, "the log to say who was kicked", func() bool {
		return f.log.Count("ended", "kicked by the API") == kicked
	})
	p.start(t, f.url("s"), c, 0)
	watched(t, map[string]viewing{"other": stay}, 30)
	finish(t, map[string]viewing{"other": stay}, expectation{clip: c, frames: 40})
}

// wrap24 and wrap32 have the publisher's clock run over.
func wrap24(t *testing.T, f *fixture, p cast) { wrap(t, f, p, 1<<24*time.Millisecond) }
func wrap32(t *testing.T, f *fixture, p cast) { wrap(t, f, p, 1<<32*time.Millisecond) }

func wrap(t *testing.T, f *fixture, p cast, at time.Duration) {
	c := newClip(t, p.codec, "small")
	views := audience(t, f, f.url("s"), p, false)
	pub := p.start(t, f.url("s"), c, at-1500*time.Millisecond)
	published(t, f)
	latecomers(t, f, f.url("s"), p, views)
	watched(t, views, 90)
	finish(t, views, expectation{clip: c, frames: 75, gap: 0.2})
	pub.stop()
	steadyClock(t, f)
}

// steadyClock waits for the end of a publisher, and checks that its time stamps were understood
// and not taken for a broken clock's.
func steadyClock(t *testing.T, f *fixture) {
	t.Helper()
	waitFor(t, "the log to tell of the publisher", func() bool { return f.log.Count("publish ended") == 1 })
	if line := f.log.Lines("publish ended")[0]; regexp.MustCompile("(jumps|skews)=[1-9]").MatchString(line) {
		t.Errorf("the server has mended the publisher's clock: %s", line)
	}
}

const vhosts = "vhost a.test { $outputs }\nvhost localhost { $outputs }"

// closed are virtual hosts that refuse players over HTTP and WebRTC.
const closed = "\nvhost off.test { enabled off; $outputs }\nvhost brief.test { $brief }\nvhost keyed.test { auth { enabled on; secret s; } $outputs }"

// vhost has streams of one name in three virtual hosts: one that the parameters name, one that
// is the host of the address, and the default one.
func vhost(t *testing.T, f *fixture, p cast) {
	small, large := newClip(t, p.codec, "small"), newClip(t, p.codec, "large")
	p.start(t, f.url("s"), small, 0)
	byHost := strings.Replace(f.url("s"), "127.0.0.1", "localhost", 1)
	p.start(t, byHost, large, 0)
	p.start(t, f.url("s?vhost=a.test"), large, 0)
	waitFor(t, "the publishers to be there", func() bool { return len(f.publishers()) == 3 })
	urls := []string{}
	for _, c := range f.publishers() {
		urls = append(urls, c.URL)
	}
	slices.Sort(urls)
	if want := []string{"/live/s", "a.test/live/s", "localhost/live/s"}; !slices.Equal(urls, want) {
		t.Errorf("streams %v, want %v", urls, want)
	}
	plain := audience(t, f, f.url("s"), p, false)
	latecomers(t, f, f.url("s"), p, plain)
	asked := audience(t, f, f.url("s?vhost=a.test"), p, false)
	latecomers(t, f, f.url("s?vhost=a.test"), p, asked)
	watched(t, plain, 20)
	watched(t, asked, 20)
	finish(t, plain, expectation{clip: small, frames: 15})
	finish(t, asked, expectation{clip: large, frames: 15})
	hosted := audience(t, f, byHost, p, false)
	latecomers(t, f, byHost, p, hosted)
	watched(t, hosted, 20)
	finish(t, hosted, expectation{clip: large, frames: 15})
}

// denial refuses what cannot be served, and every client shows why.
func denial(t *testing.T, f *fixture, p cast) {
	c := newClip(t, p.codec, "small")
	unknown := "The virtual host \"b.test\" is not served here: it is not in the configuration, and neither is a default one."
	refused(t, p.says, "NetConnection.Connect.Rejected", unknown, p.start(t, f.url("s?vhost=b.test"), c, 0))
	p.start(t, f.url("s?vhost=a.test"), c, 0)
	published(t, f)
	refused(t, p.says, "NetStream.Publish.BadName", "a.test/live/s is being published already by somebody else.",
		p.start(t, f.url("s?vhost=a.test"), c, 0))
	for _, v := range p.players {
		if v.web != nil {
			deniedWeb(t, f, v)
		}
		if v.denied != nil {
			v.denied(t, f)
		}
		if v.says != nil {
			refused(t, v.says, "NetConnection.Connect.Rejected", unknown, v.start(t, f.url("s?vhost=b.test"), p.codec))
		}
	}
	empty := "The address has no stream name: use rtmp://server/app/stream, or enter a stream key."
	nameless := p.start(t, f.url("?vhost=a.test"), c, 0)
	if p.names == "" {
		refused(t, p.says, "NetStream.Publish.BadName", empty, nameless)
	} else {
		waitFor(t, "the publisher without a name", func() bool {
			return slices.ContainsFunc(f.publishers(), func(c client) bool { return c.URL == "a.test/live/"+p.names })
		})
	}
	refused(t, players[0].says, "NetStream.Play.Failed", empty, players[0].start(t, f.url("?vhost=a.test"), p.codec))
}

// refused waits until a client ends and checks what it shows.
func refused(t *testing.T, says func(code, text string) string, code, text string, client interface {
	wait() error
	shown() string
}) {
	t.Helper()
	if err := client.wait(); err == nil || err.Error() == "it does not end" {
		t.Errorf("refused with %q, and the client ends with %v", text, err)
	}
	if want := says(code, text); !strings.Contains(client.shown(), want) {
		t.Errorf("the client shows\n%s\nand not: %s", client.shown(), want)
	}
}
