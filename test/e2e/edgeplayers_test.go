package e2e

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/internal/stream"
	"weir/internal/testkit/hlsrules"
	"weir/internal/testkit/mpdrules"
)

// edgeRow is a player at an edge: in a virtual host of its own, so that it is always its stream's first.
type edgeRow struct {
	player
	outputs func(t *testing.T) string // directives of the virtual host
}

// edgeRows are the players of all protocols.
func edgeRows() (rows []edgeRow) {
	flv := func(t *testing.T) string { t.Helper(); return flvAndHLS(t, "") }
	cmaf := func(low bool) func(t *testing.T) string {
		return func(t *testing.T) string { t.Helper(); return cmafOutputs(low)(t, "") }
	}
	for _, p := range players {
		switch p.name {
		case "client", "http-flv", "ws-flv", "srt", "hls":
			rows = append(rows, edgeRow{p, flv})
		}
	}
	rows = append(rows,
		edgeRow{tsPlayers[0], func(t *testing.T) string { t.Helper(); return tsAlone(t, "") }},
		edgeRow{rtcPlayers[0], func(*testing.T) string { return bridges }},
	)
	low, usual := hlsrules.Options{LowLatency: true, KeyFrames: true}, hlsrules.Options{KeyFrames: true}
	dash := mpdrules.Options{Newest: patience, Tolerance: 1500 * time.Millisecond} // there is no stream for a while, and much to do for the machine
	lowDASH := dash
	lowDASH.LowLatency = true
	return append(rows,
		edgeRow{player{name: "hls-mp4", web: httpHLS, start: cmafHLSPlayer(usual)}, cmaf(false)},
		edgeRow{player{name: "hls-low", web: httpHLS, start: cmafHLSPlayer(low)}, cmaf(true)},
		edgeRow{player{name: "dash", web: httpDASH, start: cmafDASHPlayer(dash)}, cmaf(false)},
		edgeRow{player{name: "dash-low", web: httpDASH, start: cmafDASHPlayer(lowDASH)}, cmaf(true)},
	)
}

// edgeOf is the configuration of an edge whose virtual hosts all have the streams of one of the origin.
func edgeOf(t *testing.T, origin string, rows []edgeRow) conf {
	t.Helper()
	var more strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&more, "vhost %s.test { cluster { mode remote; origin %s; vhost __defaultVhost__; } %s }\n", row.name, origin, row.outputs(t))
	}
	return conf{name: "edge", srt: "latency 120;", rtc: " ", more: more.String()}
}

// TestEdgePlayers has a player of every protocol come first to a stream that an edge does not have, and a second one
// beside it. The stream ends and begins again, with another run of the origin; then those play on who stay.
func TestEdgePlayers(t *testing.T) {
	t.Parallel()
	edgePlayers(t, ffmpegPublisher("ffmpeg"), "h264", 1)
}

// edgePlayers tells that story, with so many new runs of the origin, and without some players.
func edgePlayers(t *testing.T, publish func(*testing.T, string, clip, time.Duration) publication, codec string, restarts int, without ...string) {
	t.Helper()
	at := conf{name: "origin"}
	origin := serve(t, at)
	rows := slices.DeleteFunc(edgeRows(), func(row edgeRow) bool { return slices.Contains(row.lacks, codec) || slices.Contains(without, row.name) })
	edge := serve(t, edgeOf(t, origin.rtmp, rows))
	c := newClip(t, codec, "small")
	pub := publish(t, origin.url("s"), c, 0)
	published(t, origin)
	start := func(which func(edgeRow) bool) map[string]viewing {
		views := map[string]viewing{}
		for _, row := range rows {
			if which(row) {
				views[row.name] = row.enter(t, edge, codec)
			}
		}
		return views
	}
	all := func(edgeRow) bool { return true }
	leaves := func(row edgeRow) bool { return row.leaves }
	views := start(all)
	watched(t, views, 40)
	seconds := start(all)
	watched(t, seconds, 30)
	finish(t, seconds, expectation{clip: c, frames: 25})
	for range restarts {
		pub.stop()
		unpublished(t, origin)
		for _, row := range rows {
			if !row.leaves {
				continue
			}
			if err := views[row.name].wait(); err != nil && !errors.Is(err, io.EOF) {
				t.Fatalf("%s: the publisher has ended, and so the player: %v", row.name, err)
			}
			finish(t, map[string]viewing{row.name: views[row.name]}, expectation{clip: c, frames: 40})
			delete(views, row.name)
		}
		origin.restart(at)
		pub = publish(t, origin.url("s"), c, 0)
		published(t, origin)
		maps.Copy(views, start(leaves))
		watched(t, views, 40)
	}
	finish(t, views, expectation{clip: c, frames: 40, absent: true})
	waitFor(t, "the edge to leave the origin", func() bool { return len(origin.players()) == 0 })
}

// enter has a player come to the stream s.
func (row edgeRow) enter(t *testing.T, edge *fixture, codec string) viewing {
	t.Helper()
	url := edge.url("s?vhost=" + row.name + ".test")
	if row.files() {
		answered(t, edge, row.web(t, url))
	}
	return row.start(t, url, codec)
}

// files reports whether it fetches files.
func (row edgeRow) files() bool {
	return strings.HasPrefix(row.name, "hls") || strings.HasPrefix(row.name, "dash")
}

// TestEdgeEarly has players come to an edge before anybody publishes at its origin.
func TestEdgeEarly(t *testing.T) {
	t.Parallel()
	origin := serve(t, conf{name: "origin"})
	rows := slices.DeleteFunc(edgeRows(), func(row edgeRow) bool { return row.files() })
	edge := serve(t, edgeOf(t, origin.rtmp, rows))
	c := newClip(t, "h264", "small")
	views := map[string]viewing{}
	for _, row := range rows {
		began := time.Now()
		views[row.name] = row.enter(t, edge, c.codec)
		if d := time.Since(began); row.name == "whep" && (d < 3*time.Second || d > 10*time.Second) {
			t.Errorf("an offer for a stream that is nowhere is answered after %s", d)
		}
	}
	waitFor(t, "the players", func() bool { return len(edge.players()) == len(rows) })
	ffmpegPublisher("ffmpeg")(t, origin.url("s"), c, 0)
	watched(t, views, 40)
	finish(t, views, expectation{clip: c, frames: 40})
}

// TestEdgeRTC has an edge know what it has been brought before it answers an offer, and say no where it could not send on what a
// publisher of WebRTC has.
func TestEdgeRTC(t *testing.T) {
	t.Parallel()
	origin := serve(t, conf{name: "origin"})
	more := ""
	for _, on := range []string{"on", "off"} {
		more += fmt.Sprintf("vhost %[1]s.test { cluster { mode remote; origin %[2]s; vhost __defaultVhost__; } rtc { enabled on; rtc_to_rtmp %[1]s; rtmp_to_rtc %[1]s; } }\n", on, origin.rtmp)
	}
	edge := serve(t, conf{name: "edge", rtc: " ", more: more})
	c := newClip(t, "h264", "small")
	ffmpegPublisher("ffmpeg")(t, origin.url("s"), c, 0)
	published(t, origin)
	if said := whepPlayer(t, edge.url("s?vhost=off.test"), "").shown(); !strings.HasPrefix(said, "403") || !strings.Contains(said, "rtmp_to_rtc on") {
		t.Errorf("a player where there is no bridge is told %q", said)
	}
	views := map[string]viewing{"whep": whepPlayer(t, edge.url("s?vhost=on.test"), "")}
	watched(t, views, 60)
	views["whep"].stop()
	status, _, said := edge.offer("/rtc/v1/whip/?app=live&stream=w&vhost=off.test", "application/sdp", "v=0\r\n")
	if status != http.StatusForbidden || !strings.Contains(said, "rtc_to_rtmp on") {
		t.Errorf("a publisher where there is no bridge is told %d %s", status, said)
	}
}

// answered has the very first request for a list be answered with it, by a session that ends then. No other is taken for it.
func answered(t *testing.T, f *fixture, address string) {
	t.Helper()
	began := time.Now()
	address = withQuery(address, "who="+stream.NewID())
	status, body := f.get(address)
	if status != 200 {
		t.Fatalf("%s is answered with %d %s after %s", address, status, body, time.Since(began))
	}
	for _, p := range f.players() {
		if strings.HasPrefix(p.Type, "hls") || strings.HasPrefix(p.Type, "dash") {
			if strings.Contains(body, p.ID) {
				f.kick(p.ID)
			}
		}
	}
}
