package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/internal/format/flv"
	"weir/internal/protocol/rtmp"
)

// downloader is a player of HTTP-FLV that writes what comes to a file.
type downloader struct {
	fileViewer
	cancel context.CancelFunc
	done   sync.WaitGroup
	err    error // after done
}

func download(t *testing.T, url string) *downloader {
	t.Helper()
	d := &downloader{fileViewer: fileViewer{file: filepath.Join(t.TempDir(), "download.flv")}}
	ctx, cancel := context.WithCancel(t.Context())
	d.cancel = cancel
	t.Cleanup(func() { cancel(); d.done.Wait() })
	d.done.Go(func() { d.err = fetchTo(ctx, url, d.file) })
	return d
}

func fetchTo(ctx context.Context, url, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", answer.Status)
	}
	_, err = io.Copy(file, answer.Body)
	return err
}

func (d *downloader) freeze(bool) {}

func (d *downloader) stop() recording {
	d.cancel()
	d.done.Wait()
	if d.frames() > 0 { // the last tag may be cut
		_ = os.Truncate(d.file, d.at)
	}
	return recording{file: d.file}
}

func (d *downloader) wait() error   { d.done.Wait(); return d.err }
func (d *downloader) shown() string { return "" }

// crowd starts so many players of RTMP, HTTP-FLV and HLS.
func (p *ownProgram) crowd(t *testing.T, name string, rtmps, flvs, hls int) map[string]viewing {
	t.Helper()
	views := map[string]viewing{}
	for i := range rtmps {
		views[fmt.Sprintf("%s rtmp %d", name, i)] = playClient(t, p.url("s"))
	}
	for i := range flvs {
		views[fmt.Sprintf("%s flv %d", name, i)] = download(t, httpFLV(t, p.url("s")))
	}
	for i := range hls {
		views[fmt.Sprintf("%s hls %d", name, i)] = ffmpegPlayer(t, httpHLS(t, p.url("s"))+"?n="+strconv.Itoa(i), "h264")
	}
	return views
}

// first is how long a new player of RTMP waits for its first picture.
func (p *ownProgram) first(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := rtmp.Dial(ctx, p.url("s"), rtmp.DialOptions{ReplyTimeout: patience, ReadTimeout: patience})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.Play(ctx); err != nil {
		return 0, err
	}
	for {
		m, err := c.ReadMessage()
		if err != nil {
			return 0, err
		}
		if m.Kind == uint8(flv.TagVideo) && len(m.Body) > 1 && m.Body[0] == 0x17 && m.Body[1] == 1 {
			return time.Since(begun), nil
		}
	}
}

// newcomers has one player come after the other until stop, which returns how many there were and the longest wait for a picture.
func (p *ownProgram) newcomers(t *testing.T) (stop func() (int, time.Duration)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	n, most := 0, time.Duration(0)
	all.Go(func() {
		for ctx.Err() == nil {
			took, err := p.first(context.WithoutCancel(ctx))
			if err != nil {
				t.Errorf("a newcomer: %v", err)
				return
			}
			n, most = n+1, max(most, took)
			time.Sleep(50 * time.Millisecond) // a pace
		}
	})
	t.Cleanup(func() { cancel(); all.Wait() })
	return func() (int, time.Duration) {
		cancel()
		all.Wait()
		return n, most
	}
}

// upgrade sends the signal, and returns the pid of the new process once that has the pid file.
func (p *ownProgram) upgrade(t *testing.T) (pid int) {
	t.Helper()
	old := p.pid()
	p.tell(syscall.SIGUSR2)
	waitFor(t, "another process in the pid file", func() bool { pid = p.pid(); return pid != 0 && pid != old })
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	waitFor(t, "the old process to let go", func() bool { return strings.Contains(p.out.String(), fmt.Sprintf("pid=%d after=", pid)) })
	return pid
}

// ended waits until a process is no more.
func ended(t *testing.T, what string, pid int) {
	t.Helper()
	waitFor(t, what+" to end", func() bool { return gone(pid) })
}

// gone reports whether a process has ended, though nobody may have asked how.
func gone(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return strings.HasPrefix(rest, "Z")
}

// upgraded has a server upgraded twice under players.
func upgraded(t *testing.T, rtmps, flvs, hls int) {
	t.Helper()
	p := startProgram(t, conf{
		global: "grace_start_wait 1;\ngrace_final_wait 1;\nmax_connections 1000;",
		vhost:  "http_remux { enabled on; mount [vhost]/[app]/[stream].flv; }\nhls { enabled on; hls_fragment 1; hls_window 20; hls_path $dir; }",
	})
	c := newClip(t, "h264", "small")
	publisher := ffmpegPublisher("ffmpeg")(t, p.url("s"), c, 0)
	waitFor(t, "a playlist", func() bool { status, _ := p.get(httpHLS(t, p.url("s"))); return status == http.StatusOK })
	views := p.crowd(t, "before", rtmps, flvs, hls)
	watched(t, views, 40)
	one := p.pid()

	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.place(broken)
	p.tell(syscall.SIGUSR2)
	p.tells("not upgraded", "exit status 3")
	if p.pid() != one {
		t.Errorf("the pid file names %d after a failure", p.pid())
	}
	p.place(built(t))

	stop := p.newcomers(t)
	two := p.upgrade(t)
	maps.Copy(views, p.crowd(t, "between", 3, 2, 1))
	watchMore(t, views, 40)
	if raw, err := p.call("GET", "/api/v1/versions"); err != nil || !strings.Contains(string(raw), fmt.Sprintf(`"pid":"%d"`, two)) {
		t.Errorf("the API is not that of %d: %s, %v", two, raw, err)
	}
	if list := p.publishers(); len(list) != 1 || list[0].Type != "upgrade" {
		t.Errorf("the new process says that these publish: %v", list)
	}
	three := p.upgrade(t)
	maps.Copy(views, p.crowd(t, "after", 3, 2, 1))
	watchMore(t, views, 60)
	n, most := stop()
	t.Logf("%d newcomers, the longest wait for a picture %s", n, most)
	if n < 20 || most > time.Second {
		t.Errorf("%d newcomers, and one waits %s for a picture", n, most)
	}
	for what, pid := range map[string]int{"the first": one, "the second": two, "the third": three} {
		if gone(pid) {
			t.Errorf("%s process has ended", what)
		}
	}
	whole := wholeClip(t, c, 90*time.Second)
	for name, v := range views {
		r := v.stop()
		seamless(t, name, hashes(t, r.file), whole, 90)
	}
	publisher.stop()
	ended(t, "the first process", one)
	ended(t, "the second process", two)
	if gone(three) || p.pid() != three {
		t.Errorf("the third process has ended; the pid file names %d", p.pid())
	}
	late := p.crowd(t, "late", 1, 1, 0)
	ffmpegPublisher("ffmpeg")(t, p.url("s"), c, 0)
	watched(t, late, 30)
	if list := p.publishers(); len(list) != 1 || list[0].Type != "fmle-publish" {
		t.Errorf("these publish at the end: %v", list)
	}
	p.tell(syscall.SIGTERM)
	ended(t, "the third process", three)
	if strings.Contains(p.out.String(), "panic") {
		t.Errorf("a panic:\n%s", p.out.String())
	}
}

// watchMore waits until each has so many frames more.
func watchMore(t *testing.T, views map[string]viewing, frames int) {
	t.Helper()
	want := map[string]int{}
	for name, v := range views {
		want[name] = v.frames() + frames
	}
	for name, v := range views {
		if !poll(func() bool { return v.frames() >= want[name] }) {
			t.Errorf("%s has %d frames, want %d", name, v.frames(), want[name])
		}
	}
}

// TestUpgrade upgrades a server under 50 players: who is there loses nothing, who comes is served.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	upgraded(t, 30, 16, 4)
}

// TestUpgradeOverUDP upgrades a server whose publisher comes by SRT, under players of SRT and WebRTC: their packets go on to the
// process that knows them, and newcomers are served by the new one. A second upgrade before they have left ends them.
func TestUpgradeOverUDP(t *testing.T) {
	t.Parallel()
	p := startProgram(t, conf{
		global: "grace_start_wait 1;\ngrace_final_wait 1;", srt: "latency 120;", rtc: " ", shared: true,
		vhost: "srt { enabled on; }\n" + bridges,
	})
	c := newClip(t, "h264", "small")
	publisher := srtPublisher("")(t, p.url("s"), c, 0)
	waitFor(t, "the publisher", func() bool { return len(p.publishers()) == 1 })
	web := whepPlayer(t, p.url("s"), "h264").(*rtcViewer)
	views := map[string]viewing{"before srt": srtPlayer("")(t, p.url("s"), "h264"), "before whep": web}
	watched(t, views, 50)
	one := p.pid()
	two := p.upgrade(t)
	views["between srt"] = srtPlayer("")(t, p.url("s"), "h264")
	late := whepPlayer(t, p.url("s"), "h264").(*rtcViewer)
	views["between whep"] = late
	watchMore(t, views, 75)
	if strings.Contains(p.out.String(), "sessions over UDP end now") {
		t.Error("sessions over UDP were ended")
	}
	for name, v := range map[string]*rtcViewer{"before": web, "between": late} {
		if n := v.missing(); n > 0 {
			t.Errorf("the WebRTC player from %s lacks %d packets", name, n)
		}
	}
	whole := wholeClip(t, c, 90*time.Second)
	for _, name := range []string{"before srt", "between srt"} {
		seamless(t, name, hashes(t, views[name].stop().file), whole, 75)
	}
	web.close()
	late.close()
	publisher.stop()
	ended(t, "the first process", one)
	again := srtPublisher("")(t, p.url("s"), c, 0)
	stays := srtPlayer("")(t, p.url("s"), "h264")
	watched(t, map[string]viewing{"stays": stays}, 25)
	three := p.upgrade(t)
	watchMore(t, map[string]viewing{"stays": stays}, 25)
	four := p.upgrade(t) // the second process has publisher and player, and what comes cannot be divided by three
	ended(t, "the second process", two)
	again.stop()
	ended(t, "the third process", three)
	srtPublisher("")(t, p.url("s"), c, 0)
	watched(t, map[string]viewing{"last": srtPlayer("")(t, p.url("s"), "h264")}, 25)
	p.tell(syscall.SIGTERM)
	ended(t, "the fourth process", four)
}

// TestUpgradeSuccessorEnds has the process that took over end while the old one has clients, one of them over UDP: they are sent away,
// so that the server can be started again, and they come back to that.
func TestUpgradeSuccessorEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		t.Run(how.String(), func(t *testing.T) {
			t.Parallel()
			p := startProgram(t, conf{srt: "latency 120;", rtc: " ", vhost: "srt { enabled on; }"})
			c := newClip(t, "h264", "small")
			publisher := srtPublisher("")(t, p.url("s"), c, 0)
			feed := openFeed(t, p.url("other"))
			waitFor(t, "the publishers", func() bool { return len(p.publishers()) == 2 })
			one := p.pid()
			two := p.upgrade(t)
			stays := srtPlayer("")(t, p.url("s"), "h264") // by the new process
			watched(t, map[string]viewing{"new": stays}, 25)
			begun := time.Now()
			if err := syscall.Kill(two, how); err != nil {
				t.Fatal(err)
			}
			p.tells("the process that took over has ended", "start the server")
			again := begin(t, exec.Command(p.weir, "-c", p.file))
			waitFor(t, "the API to answer", func() bool { _, err := p.call("GET", "/api/v1/versions"); return err == nil || !again.running() })
			if !again.running() {
				t.Fatalf("the server cannot be started: %s", again.out.tail())
			}
			if !poll(func() bool { return len(feed.ended) > 0 }) {
				t.Error("the publisher over TCP is not sent away")
			}
			ended(t, "the first process", one)
			if took := time.Since(begun); took > 6*time.Second {
				t.Errorf("the first process ends after %s", took)
			}
			publisher.stop()
			srtPublisher("")(t, p.url("s"), c, 0)
			watched(t, map[string]viewing{"again": srtPlayer("")(t, p.url("s"), "h264")}, 25)
		})
	}
}

// TestUpgradeThenDrain ends the new process gracefully while the old one has a client: that is waited for.
func TestUpgradeThenDrain(t *testing.T) {
	t.Parallel()
	p := startProgram(t, conf{global: "grace_start_wait 0;\ngrace_final_wait 0;"})
	feed := openFeed(t, p.url("s"))
	feed.header(t)
	one := p.pid()
	two := p.upgrade(t)
	p.tell(syscall.SIGQUIT)
	p.tells(fmt.Sprintf("[%d]", two), "waiting for clients to leave")
	feed.group(0, 5)
	select {
	case err := <-feed.ended:
		t.Errorf("the publisher at the old process is sent away: %v", err)
	case <-time.After(time.Second): // a new process that does not wait ends at once
	}
	if gone(one) || gone(two) {
		t.Error("one of the processes has ended")
	}
	feed.client.Close()
	ended(t, "the old process", one)
	ended(t, "the new process", two)
}

// missing is how many packets of the video have been sent and have not come.
func (v *rtcViewer) missing() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.packets) == 0 {
		return 1
	}
	came := map[uint16]bool{}
	low, high := v.packets[0].SequenceNumber, v.packets[0].SequenceNumber
	for _, k := range v.packets {
		n := k.SequenceNumber
		came[n] = true
		if int16(n-high) > 0 {
			high = n
		}
		if int16(n-low) < 0 {
			low = n
		}
	}
	return int(high-low) + 1 - len(came)
}

// TestUpgradeOfOrigin upgrades the only origin of an edge: the edge goes over to the new process while the old one still sends, and its
// viewer sees nothing of it. When the publisher comes back it is to the new process, and segments go on where they were.
func TestUpgradeOfOrigin(t *testing.T) {
	t.Parallel()
	origin := startProgram(t, conf{
		global: "grace_start_wait 1;\ngrace_final_wait 1;\nupgrade_limit 20000;",
		vhost:  "hls { enabled on; hls_fragment 1; hls_window 20; hls_path $dir; }",
	})
	edge := serve(t, conf{vhost: "cluster { mode remote; origin " + origin.rtmp + "; }"})
	c := newClip(t, "h264", "small")
	publisher := ffmpegPublisher("ffmpeg")(t, origin.url("s"), c, 0)
	view := ffmpegPlayer(t, edge.url("s"), "h264")
	views := map[string]viewing{"edge": view}
	watched(t, views, 50)
	waitFor(t, "a playlist", func() bool { status, _ := origin.get(httpHLS(t, origin.url("s"))); return status == http.StatusOK })
	before := sequence(t, origin.playlist(t))
	one := origin.pid()
	two := origin.upgrade(t)
	edge.said(t, 1, "the origin asks to be left")
	edge.said(t, 2, "stream is brought here", "origin="+origin.rtmp)
	watchMore(t, views, 75)
	if now := sequence(t, origin.playlist(t)); now < before+2 {
		t.Errorf("the playlist goes from segment %d to %d", before, now)
	}
	n := view.frames()
	seamless(t, "at the edge", hashes(t, view.stop().file), wholeClip(t, c, time.Minute), n-10)
	before = sequence(t, origin.playlist(t))
	publisher.stop()
	ended(t, "the old process", one)
	ffmpegPublisher("ffmpeg")(t, origin.url("s"), c, 0)
	published(t, &origin.fixture)
	waitFor(t, "the playlist to go on", func() bool {
		time.Sleep(500 * time.Millisecond) // each look is a player
		return sequence(t, origin.playlist(t)) > before+2
	})
	if list := origin.playlist(t); sequence(t, list) > before+20 || !strings.Contains(list, "#EXT-X-DISCONTINUITY") {
		t.Errorf("the playlist was at %d, and is\n%s", before, list)
	}
	origin.tell(syscall.SIGTERM)
	ended(t, "the new process", two)
}

// playlist is that of a new player's session.
func (p *ownProgram) playlist(t *testing.T) string {
	t.Helper()
	address := httpHLS(t, p.url("s"))
	status, list := p.get(address)
	for line := range strings.SplitSeq(list, "\n") {
		if strings.HasPrefix(line, "s.m3u8?") {
			status, list = p.get(address[:strings.LastIndexByte(address, '/')+1] + line)
		}
	}
	if status != http.StatusOK {
		t.Errorf("the playlist: %d %s", status, list)
	}
	return list
}

// sequence is the number of the last segment in a playlist.
func sequence(t *testing.T, list string) int {
	t.Helper()
	_, rest, _ := strings.Cut(list, "#EXT-X-MEDIA-SEQUENCE:")
	first, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		t.Errorf("the playlist has no sequence:\n%s", list)
	}
	return n + strings.Count(list, "#EXTINF") - 1
}

// TestUpgradeSilent has the program that is to take over say that it will not, and stay: it is ended, the server goes on, and may be
// upgraded again. When the server is told to end meanwhile, it does.
func TestUpgradeSilent(t *testing.T) {
	t.Parallel()
	p := startProgram(t, conf{})
	one, file := p.pid(), filepath.Join(t.TempDir(), "pid")
	silent := func() (pid int) {
		t.Helper()
		script := filepath.Join(t.TempDir(), "silent")
		if err := os.WriteFile(script, []byte("#!/bin/sh\nexec 3>&-\necho $$ >"+file+"\nexec sleep 600\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		p.place(script)
		_ = os.Remove(file)
		p.tell(syscall.SIGUSR2)
		waitFor(t, "the program", func() bool {
			raw, _ := os.ReadFile(file)
			pid, _ = strconv.Atoi(strings.TrimSpace(string(raw)))
			return pid != 0
		})
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		return pid
	}
	first := silent()
	p.tells("not upgraded", "will not be ready")
	ended(t, "the program", first)
	p.place(built(t))
	two := p.upgrade(t)
	ended(t, "the first process", one)
	second := silent()
	begun := time.Now()
	p.tell(syscall.SIGTERM)
	ended(t, "the server", two)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the server ends after %s", took)
	}
	ended(t, "the program that it started", second)
	if strings.Contains(p.out.String(), "does not end by itself") {
		t.Error("the server has not ended in order")
	}
}

// TestUpgradeLimit has the old process send its clients away in time, and end.
func TestUpgradeLimit(t *testing.T) {
	t.Parallel()
	p := startProgram(t, conf{global: "upgrade_limit 2500;"})
	feed := openFeed(t, p.url("s"))
	feed.header(t)
	v := playClient(t, p.url("s"))
	waitFor(t, "the player", func() bool { return len(p.players()) == 1 })
	one, begun := p.pid(), time.Now()
	two := p.upgrade(t)
	feed.group(0, 5)
	waitFor(t, "the pictures", func() bool { return v.frames() == 6 }) // and the header
	if err := v.wait(); err == nil || !strings.Contains(err.Error(), "NetConnection.Connect.Closed") {
		t.Errorf("the player is sent away with %v", err)
	}
	if took := time.Since(begun); took < 2500*time.Millisecond {
		t.Errorf("the player is sent away after %s", took)
	}
	ended(t, "the old process", one)
	p.tell(syscall.SIGTERM)
	ended(t, "the new process", two)
}

// TestUpgradeHangs has the old process hang: streams that are published at the new one are served at once, requests for segments of the
// others are answered soon, and those are there again when it goes on.
func TestUpgradeHangs(t *testing.T) {
	t.Parallel()
	p := startProgram(t, conf{vhost: "hls { enabled on; hls_fragment 1; hls_window 60; hls_path $dir; hls_serve_from memory; }"})
	c := newClip(t, "h264", "small")
	playlist := func(name string) string {
		t.Helper()
		at := httpHLS(t, p.url(name))
		waitFor(t, "a playlist of "+name, func() bool { status, _ := p.get(at); return status == http.StatusOK })
		return at
	}
	old := ffmpegPublisher("ffmpeg")(t, p.url("s"), c, 0)
	at := playlist("s")
	one := p.pid()
	two := p.upgrade(t)
	ffmpegPublisher("ffmpeg")(t, p.url("new"), c, 0)
	fresh := playlist("new")
	segment := ""
	for line := range strings.SplitSeq(p.playlist(t), "\n") {
		if line != "" && line[0] != '#' {
			segment = at[:strings.LastIndexByte(at, '/')+1] + line
		}
	}
	look := func(what, at string, want int, most time.Duration) {
		t.Helper()
		begun := time.Now()
		status, _ := p.get(at)
		if took := time.Since(begun); status != want || took > most {
			t.Errorf("%s: status %d after %s, want %d within %s", what, status, took, want, most)
		}
	}
	const soon, bound = 3 * time.Second, 8 * time.Second // for a busy machine
	look("a segment", segment, http.StatusOK, soon)
	if err := syscall.Kill(one, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the old process to stand still", func() bool { return still(one) })
	look("published at the new process", fresh, http.StatusOK, soon)
	look("a segment of the old process, which hangs", segment, http.StatusNotFound, bound)
	p.tells("the process before does not answer")
	look("another", segment, http.StatusNotFound, soon)
	look("published at the new process", fresh, http.StatusOK, soon)
	if err := syscall.Kill(one, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the segment to be there again", func() bool { status, _ := p.get(segment); return status == http.StatusOK })
	old.stop()
	ended(t, "the old process", one)
	p.tell(syscall.SIGTERM)
	ended(t, "the new process", two)
}

// still reports whether all threads of a process have been stopped.
func still(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		raw, _ := os.ReadFile(thread)
		if _, rest, _ := strings.Cut(string(raw), ") "); !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return err == nil && len(threads) > 0
}

// TestUpgradeAndEnd has a server be upgraded and end gracefully at about the same time: in the end nothing of it is left, and
// who has asked for that hears so.
func TestUpgradeAndEnd(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(p *ownProgram, drain func()){
		"the end first": func(p *ownProgram, drain func()) {
			drain()
			p.tells("draining: clients are accepted a little longer")
			p.tell(syscall.SIGUSR2)
			p.tells("not upgraded: this server ends gracefully")
		},
		"the upgrade first": func(p *ownProgram, drain func()) {
			p.tell(syscall.SIGUSR2)
			drain()
		},
		"the upgrade done": func(p *ownProgram, _ func()) {
			one := p.pid()
			feed := openFeed(p.fixture.t, p.url("s"))
			feed.header(p.fixture.t)
			published(p.fixture.t, &p.fixture)
			two := p.upgrade(p.fixture.t)
			if err := syscall.Kill(one, syscall.SIGQUIT); err != nil {
				p.fixture.t.Fatal(err)
			}
			p.tells("is passed on", fmt.Sprintf("pid=%d", two))
			p.tells("waiting for clients to leave", "clients=0") // of its own
			if gone(one) || gone(two) {
				p.fixture.t.Error("the publisher of the old process has been left")
			}
			_ = feed.client.Close()
			ended(p.fixture.t, "the new process", two)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProgram(t, conf{global: "grace_start_wait 1000;\ngrace_final_wait 1;"})
			one := p.pid()
			var asking *process
			ask(p, func() {
				asking = begin(t, exec.Command(built(t), "drain", "-c", p.file, "-timeout", "25s"))
				p.tells("signal", "name=quit")
			})
			if asking != nil {
				if err := asking.wait(); err != nil || !strings.Contains(asking.shown(), " ended") || strings.Contains(asking.shown(), "runs") {
					t.Errorf("who asks is told %q, %v", asking.shown(), err)
				}
			}
			last := p.pid()
			ended(t, "the first process", one)
			ended(t, "the last process", last)
			if _, err := p.call("GET", "/api/v1/versions"); err == nil {
				t.Error("the API still answers")
			}
		})
	}
}

// TestUpgradeResume has the old process lose a publisher: its players are sent away, and those of the new process, where the publisher
// comes back, wait for it.
func TestUpgradeResume(t *testing.T) {
	t.Parallel()
	p := startProgram(t, conf{vhost: "publish { resume_timeout 30; }\nhttp_remux { enabled on; mount [vhost]/[app]/[stream].flv; }"})
	c := newClip(t, "h264", "small")
	first := ffmpegPublisher("ffmpeg")(t, p.url("s"), c, 0).(*process)
	published(t, &p.fixture)
	old := playClient(t, p.url("s"))
	waitFor(t, "the player", func() bool { return len(p.players()) == 1 })
	one := p.pid()
	two := p.upgrade(t)
	fresh := download(t, httpFLV(t, p.url("s")))
	watched(t, map[string]viewing{"old": old, "new": fresh}, 25)
	first.signal(syscall.SIGKILL)
	begun := time.Now()
	if err := old.wait(); err == nil || !strings.Contains(err.Error(), "NetConnection.Connect.Closed") {
		t.Errorf("the player of the old process is sent away with %v", err)
	}
	ended(t, "the old process", one)
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("that takes %s", took)
	}
	ffmpegPublisher("ffmpeg")(t, p.url("s"), c, 0)
	watchMore(t, map[string]viewing{"of the publisher who has come back": fresh}, 25)
	p.tell(syscall.SIGTERM)
	ended(t, "the new process", two)
}
