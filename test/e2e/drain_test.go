package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// TestRollingDrain has the origin that an edge fetches from drain: the edge's viewer sees nothing of it. A viewer at the origin
// itself who cannot go by himself is sent away at the limit, and then the origin ends.
func TestRollingDrain(t *testing.T) {
	t.Parallel()
	const global = "grace_start_wait 500;\ngrace_final_wait 1;\n"
	one := startProgram(t, conf{global: global + "grace_move_wait 4000;", api: "raw_api { enabled on; }"})
	two := startProgram(t, conf{global: global, vhost: "forward { enabled on; destination " + one.rtmp + "; }"})
	edge := startProgram(t, conf{global: global, vhost: "cluster { mode remote; origin " + one.rtmp + " " + two.rtmp + "; }"})
	c := newClip(t, "h264", "small")
	p := ffmpegPublisher("ffmpeg")(t, two.url("s"), c, 0)
	waitFor(t, "the forward", func() bool { return len(one.publishers()) == 1 })
	views := map[string]viewing{"edge": ffmpegPlayer(t, edge.url("s"), "h264")}
	edge.tells("stream is brought here", "origin="+one.rtmp)
	direct := ffmpegPlayer(t, one.url("s"), "h264")
	watched(t, map[string]viewing{"edge": views["edge"], "direct": direct}, 50)
	if status, _ := one.healthy(); status != http.StatusOK {
		t.Errorf("/health: status %d before the drain", status)
	}
	if raw, err := one.call("GET", "/api/v1/drain"); err != nil || string(raw) != http.StatusText(http.StatusMethodNotAllowed) {
		t.Errorf("GET drains: %s, %v", raw, err)
	}
	if raw, err := two.call("POST", "/api/v1/drain"); err != nil || string(raw) != `{"code":1061}` {
		t.Errorf("a drain without raw_api: %s, %v", raw, err)
	}
	begun := time.Now()
	if raw, err := one.call("POST", "/api/v1/drain"); err != nil {
		t.Fatal(string(raw), err)
	}
	waitFor(t, "/health to say that it drains", func() bool { status, _ := one.healthy(); return status == http.StatusServiceUnavailable })
	edge.tells("the origin asks to be left")
	edge.tells("stream is brought here", "origin="+two.rtmp)
	one.tells("clients have not left by themselves")
	if took := time.Since(begun); took < 4*time.Second {
		t.Errorf("clients are sent away after %s", took)
	}
	if err := direct.wait(); err != nil {
		t.Errorf("the viewer at the origin ends with %v", err)
	}
	if err := one.wait(); err != nil {
		t.Errorf("the origin ends with %v", err)
	}
	n := views["edge"].frames()
	watched(t, views, n+50)
	r := views["edge"].stop()
	check(t, r, expectation{clip: c, frames: n + 40, gap: 0.2})
	whole := wholeClip(t, c, time.Minute)
	seamless(t, "at the edge", hashes(t, r.file), whole, n+40)
	seamless(t, "at the origin", hashes(t, direct.stop().file), whole, 100)
	two.tell(syscall.SIGQUIT)
	two.tells("waiting for clients to leave")
	time.Sleep(time.Second) // by default there is no limit
	if !two.running() {
		t.Error("a drain without a limit ends before its publisher")
	}
	p.stop()
	if err := two.wait(); err != nil {
		t.Errorf("the second origin ends with %v", err)
	}
}
