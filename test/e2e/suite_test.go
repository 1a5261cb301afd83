package e2e

import (
	"testing"
)

// scenario is a story that every publisher goes through, with all players as its audience.
type scenario struct {
	name string
	conf conf
	run  func(*testing.T, *fixture, publisher)
	fits func(publisher) bool // chooses the publishers that can; nil is all
}

var scenarios = []scenario{
	{name: "play", run: play},
	{name: "late join", run: lateJoin},
	{name: "republish", run: republish},
	{name: "codec change", run: codecChange},
	{name: "slow reader", conf: conf{vhost: "play { queue_length 2; }"}, run: slowReader, fits: heavy},
	{name: "kick", run: kick},
	{name: "wrap24", run: wrap24, fits: settable},
	{name: "wrap32", run: wrap32, fits: settable},
	{name: "vhost", conf: conf{more: vhosts}, run: vhost},
	{name: "denial", conf: conf{only: true, more: vhosts}, run: denial},
}

// TestSuite runs every scenario with every publisher and every player.
func TestSuite(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range publishers {
				if s.fits != nil && !s.fits(p) {
					continue
				}
				t.Run(p.name, func(t *testing.T) {
					t.Parallel()
					s.run(t, serve(t, s.conf), p)
				})
			}
		})
	}
}

// settable chooses publishers whose clock can start anywhere.
func settable(p publisher) bool { return !p.fixed }

// heavy chooses publishers that can send much, for long.
func heavy(p publisher) bool { return p.codec == "h264" && !p.fixed && !p.light }

// audience starts all players that stay, or all.
func audience(t *testing.T, f *fixture, url string, p publisher, brief bool) map[string]viewing {
	t.Helper()
	return gather(t, f, url, p, func(v player) bool { return brief || !v.brief })
}

// gather starts the players that are chosen.
func gather(t *testing.T, f *fixture, url string, p publisher, chosen func(player) bool) map[string]viewing {
	t.Helper()
	views := map[string]viewing{}
	came := func() int { return len(f.log.lines("msg=playing")) + len(f.log.lines(`msg="playing`)) }
	before := came()
	for _, v := range players {
		if chosen(v) {
			views[v.name] = v.start(t, url, p.codec)
		}
	}
	// The log tells of brief ones too, who may leave between two looks at who is there.
	waitFor(t, "the players to have come", func() bool { return came() == before+len(views) })
	return views
}

// watched waits until every player has got so many more frames.
func watched(t *testing.T, views map[string]viewing, frames int) {
	t.Helper()
	base := map[string]int{}
	for name, v := range views {
		base[name] = v.frames()
	}
	for name, v := range views {
		if !poll(func() bool { return v.frames() >= base[name]+frames }) {
			t.Errorf("%s: %d frames, then %d: want %d more", name, base[name], v.frames(), frames)
		}
	}
}

// finish ends all players and checks what they got.
func finish(t *testing.T, views map[string]viewing, want expectation) {
	t.Helper()
	for name, v := range views {
		r := v.stop()
		t.Run(name, func(t *testing.T) { check(t, r, want) })
	}
}

func published(t *testing.T, f *fixture) {
	t.Helper()
	waitFor(t, "the publisher to be there", func() bool { return len(f.publishers()) == 1 })
}

func unpublished(t *testing.T, f *fixture) {
	t.Helper()
	waitFor(t, "the publisher to be gone", func() bool { return len(f.publishers()) == 0 })
}

// play has the players wait for the publisher.
func play(t *testing.T, f *fixture, p publisher) {
	c := newClip(t, p.codec, "small")
	views := audience(t, f, f.url("s"), p, true)
	p.start(t, f.url("s"), c, 0)
	published(t, f)
	watched(t, views, 50)
	finish(t, views, expectation{clip: c, frames: 40})
}

// lateJoin has the players come to a stream that is on.
func lateJoin(t *testing.T, f *fixture, p publisher) {
	c := newClip(t, p.codec, "small")
	p.start(t, f.url("s"), c, 0)
	first := playClient(t, f.url("s"))
	waitFor(t, "the stream to be on", func() bool { return first.frames() > 60 })
	views := audience(t, f, f.url("s"), p, true)
	watched(t, views, 50)
	finish(t, views, expectation{clip: c, frames: 40})
	first.client.Close()
}
