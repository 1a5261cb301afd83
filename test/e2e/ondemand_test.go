package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestOnDemand runs the example: a player comes, and a publisher for it; all leave, and so does the
// publisher, once because the example counts viewers, once because the server ends whoever is idle.
func TestOnDemand(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "on-demand")
	run(t, "go", "build", "-o", program, "weir/examples/on-demand")
	for name, c := range map[string]struct{ hooks, publish, cause string }{
		"by on_stop":          {"on_stop $hooks;", "", ""},
		"by kickoff_for_idle": {"", "publish { kickoff_for_idle 1; }", "nobody has been watching"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hooks := freeAddress(t)
			block := strings.ReplaceAll("http_hooks { enabled on; secret s3cret; on_play $hooks; on_publish $hooks; "+c.hooks+" }", "$hooks", "http://"+hooks+"/hooks")
			f := serve(t, conf{vhost: block + c.publish + flvAndHLS(t, "")})
			source := newClip(t, "h264", "small")
			example := launch(t, "env", "ON_DEMAND_SECRET=s3cret", program, "-listen", hooks, "-server", "rtmp://"+f.rtmp, "-api", "http://"+f.api,
				"-linger", "1s", "-stream", "live/*="+source.file)
			waitFor(t, "the example to listen", func() bool { return strings.Contains(example.shown(), "waiting for callbacks") })

			stranger := startClientPublisher(t, f.url("s"), source, 0)
			if shown := endOf(t, stranger); !strings.Contains(shown, "You may not publish /live/s: ") {
				t.Errorf("a stranger is told %q", shown)
			}
			views := map[string]viewing{"first": ffmpegPlayer(t, f.url("s"), "h264"), "racing": playClient(t, f.url("s"))}
			watched(t, views, 10)
			views["late"] = watchWeb(httpFLV, ffmpegPlayer)(t, f.url("s"), "h264")
			watched(t, views, 30)
			if n, p := len(f.players()), f.publishers(); n != 3 || len(p) != 1 {
				t.Errorf("%d players, publishers %v", n, p)
			}
			other := playClient(t, f.url("other"))
			watched(t, map[string]viewing{"other": other}, 10)
			other.stop()
			finish(t, views, expectation{clip: source, frames: 25})
			waitFor(t, "everybody to be gone", func() bool { return len(f.sessions()) == 0 })
			waitFor(t, "both ffmpegs to be gone", func() bool { return strings.Count(example.shown(), "the publisher has ended") == 2 })
			waitFor(t, "both streams to be gone", func() bool {
				raw, err := f.call("GET", "/api/v1/streams/")
				return err == nil && strings.Contains(string(raw), `"streams":[]`)
			})
			if n := f.log.Count("publish ended", c.cause); n != 2 {
				t.Errorf("%d publishers have ended in the way that is tried", n)
			}
			if n := strings.Count(example.shown(), " publishing "); n != 2 {
				t.Errorf("%d publishers were started for two streams", n)
			}
			again(t, f)
		})
	}
}

// again has a viewer come back, and the publisher die under it.
func again(t *testing.T, f *fixture) {
	t.Helper()
	v := playClient(t, f.url("s"))
	watched(t, map[string]viewing{"again": v}, 10)
	first := f.publishers()
	if len(first) != 1 {
		t.Fatalf("publishers %v", first)
	}
	f.kick(first[0].ID)
	waitFor(t, "another publisher", func() bool { p := f.publishers(); return len(p) == 1 && p[0].ID != first[0].ID })
	watched(t, map[string]viewing{"again": v}, 10)
	v.stop()
	unpublished(t, f)
}
