package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// scenario is a story that every publisher goes through, with all players as its audience.
type scenario struct {
	name string
	conf conf
	run  func(*testing.T, *fixture, cast)
	fits func(publisher) bool // chooses the publishers that can; nil is all
	all  bool                 // every run has it with all publishers, and not with one of each protocol
}

// always reports whether a scenario is part of every run.
func (s scenario) always(g stage, p publisher) bool {
	return (g.scenarios == nil || slices.Contains(g.scenarios, s.name)) && (s.all || ofEachProtocol(p))
}

// cast is who takes part: a publisher, and the players that carry its codec.
type cast struct {
	publisher
	players []player
}

// stage is a setting of the server, and who can play there.
type stage struct {
	name       string
	outputs    func(t *testing.T, remux string) string // directives of each vhost, with more of http_remux
	players    []player
	publishers []string // some; none is all who are of no stage alone
	scenarios  []string // those of every run, the others are for long ones; none is all
}

var stages = []stage{
	{name: "", outputs: flvAndHLS, players: players},
	{name: "rtc ", outputs: bridged, players: rtcPlayers, publishers: []string{"client", "whip"}, scenarios: []string{"play", "republish", "kick", "denial"}},
	{name: "ts ", outputs: tsAlone, players: tsPlayers, publishers: []string{"client", "ffmpeg7-hvc1"}, scenarios: ofMedia},
	{name: "mp4 ", outputs: cmafOutputs(false), players: cmafPlayers(false), publishers: []string{"client"}, scenarios: ofMedia},
	{name: "low ", outputs: cmafOutputs(true), players: cmafPlayers(true), publishers: []string{"client", "ffmpeg7-hvc1"}, scenarios: ofMedia},
}

// ofMedia are the scenarios in which it matters what a stream is made into, and not only who may have it.
var ofMedia = []string{"play", "late join", "republish", "resume", "codec change", "slow reader", "wrap32"}

// hears reports whether a publisher takes part.
func (s stage) hears(p publisher) bool {
	if s.publishers == nil {
		return !p.alone
	}
	return slices.Contains(s.publishers, p.name)
}

// cast returns who takes part with a publisher. A light one spares the machine what can be
// played of its twin's stream as well.
func (s stage) cast(p publisher) cast {
	c := cast{publisher: p}
	for _, v := range s.players {
		if !slices.Contains(v.lacks, p.codec) && (!p.light || !v.late) && (!p.twin || !v.dear) {
			c.players = append(c.players, v)
		}
	}
	return c
}

var scenarios = []scenario{
	{name: "play", run: play, all: true},
	{name: "late join", run: lateJoin},
	{name: "republish", run: republish},
	{name: "resume", conf: conf{vhost: "publish { resume_timeout 15; }"}, run: resume},
	{name: "codec change", run: codecChange},
	{name: "slow reader", conf: conf{vhost: "play { queue_length 2; }"}, run: slowReader, fits: heavy},
	{name: "kick", run: kick},
	{name: "wrap24", run: wrap24, fits: settable},
	{name: "wrap32", run: wrap32, fits: settable},
	{name: "vhost", conf: conf{more: vhosts}, run: vhost},
	{name: "denial", conf: conf{only: true, more: vhosts + closed}, run: denial},
}

// TestSuite runs every scenario with every publisher and every player, but for what is left to long runs.
func TestSuite(t *testing.T) {
	t.Parallel()
	perform(t, true)
}

// perform runs what is part of every run, or the rest.
func perform(t *testing.T, always bool) {
	t.Helper()
	for _, s := range scenarios {
		for _, g := range stages {
			s.on(t, g, always)
		}
	}
}

// on runs a scenario on a stage.
func (s scenario) on(t *testing.T, g stage, always bool) {
	t.Helper()
	t.Run(g.name+s.name, func(t *testing.T) {
		t.Parallel()
		for _, p := range publishers {
			if s.fits != nil && !s.fits(p) || !g.hears(p) || s.always(g, p) != always {
				continue
			}
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				s.run(t, serve(t, s.conf.with(t, g.outputs)), g.cast(p))
			})
		}
	})
}

// with gives each vhost outputs: the default one, and others in place of $outputs, or of $brief if
// nobody is to wait there for long.
func (c conf) with(t *testing.T, outputs func(*testing.T, string) string) conf {
	t.Helper()
	c.srt, c.rtc = "latency 120;", " "
	c.vhost += "\n" + outputs(t, "")
	for strings.Contains(c.more, "$outputs") {
		c.more = strings.Replace(c.more, "$outputs", outputs(t, ""), 1)
	}
	c.more = strings.Replace(c.more, "$brief", outputs(t, "wait_timeout 1;"), 1)
	return c
}

// ofEachProtocol chooses one publisher of each protocol: which encoder it is makes no difference.
func ofEachProtocol(p publisher) bool {
	return slices.Contains([]string{"client", "ffmpeg7-hvc1", "ffmpeg-srt", "ffmpeg-flv-post", "whip"}, p.name)
}

// settable chooses publishers whose clock can start anywhere.
func settable(p publisher) bool { return !p.fixed }

// heavy chooses one publisher that can send much, for long: which one makes no difference to those
// who read slowly, and their recordings take long to look at.
func heavy(p publisher) bool { return p.name == "client" }

// audience starts all players that can come before the publisher: those that stay, or all.
func audience(t *testing.T, f *fixture, url string, p cast, brief bool) map[string]viewing {
	t.Helper()
	return gather(t, f, url, p, func(v player) bool { return (brief || !v.brief) && !v.late })
}

// latecomers adds the players that can come only now that the publisher is there.
func latecomers(t *testing.T, f *fixture, url string, p cast, views map[string]viewing) {
	t.Helper()
	maps.Copy(views, gather(t, f, url, p, func(v player) bool { return v.late }))
}

// gather starts the players that are chosen.
func gather(t *testing.T, f *fixture, url string, p cast, chosen func(player) bool) map[string]viewing {
	t.Helper()
	views := map[string]viewing{}
	came := func() int { return f.log.Count("msg=playing") + f.log.Count(`msg="playing`) }
	before := came()
	for _, v := range p.players {
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
		if !poll(func() bool { n := v.frames(); return n >= enough || n >= base[name]+frames }) {
			t.Errorf("%s: %d frames, then %d: want %d more", name, base[name], v.frames(), frames)
		}
	}
}

// finish ends all players and checks what they got.
func finish(t *testing.T, views map[string]viewing, want expectation) {
	t.Helper()
	for name, r := range stopped(views) {
		t.Run(name, func(t *testing.T) { check(t, r, want) })
	}
}

// stopped ends all players, and returns what each has got. None records on while others' recordings
// are looked at, which takes long.
func stopped(views map[string]viewing) map[string]recording {
	got := map[string]recording{}
	for name, v := range views {
		got[name] = v.stop()
	}
	return got
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
func play(t *testing.T, f *fixture, p cast) {
	c := newClip(t, p.codec, "small")
	views := audience(t, f, f.url("s"), p, true)
	p.start(t, f.url("s"), c, 0)
	published(t, f)
	latecomers(t, f, f.url("s"), p, views)
	watched(t, views, 50)
	finish(t, views, expectation{clip: c, frames: 40})
}

// lateJoin has the players come to a stream that is on.
func lateJoin(t *testing.T, f *fixture, p cast) {
	c := newClip(t, p.codec, "small")
	p.start(t, f.url("s"), c, 0)
	first := playClient(t, f.url("s"))
	waitFor(t, "the stream to be on", func() bool { return first.frames() > 60 })
	views := audience(t, f, f.url("s"), p, true)
	latecomers(t, f, f.url("s"), p, views)
	watched(t, views, 50)
	finish(t, views, expectation{clip: c, frames: 40})
	first.client.Close()
}
