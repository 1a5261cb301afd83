package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// loadReport is some of what weir bench reports.
type loadReport struct {
	OK          bool `json:"ok"`
	Connections struct {
		OK      int `json:"ok"`
		Failed  int `json:"failed"`
		Dropped int `json:"dropped"`
	} `json:"connections"`
	Mbps  float64 `json:"mbps"`
	Video int     `json:"video_frames"`
	Audio int     `json:"audio_frames"`
	Play  struct {
		First struct {
			Count int     `json:"count"`
			Max   float64 `json:"max"`
		} `json:"first_frame_ms"`
		Latency struct {
			Count int     `json:"count"`
			P50   float64 `json:"p50"`
		} `json:"latency_ms"`
		Lost int `json:"lost_frames"`
		Back int `json:"times_going_back"`
	} `json:"play"`
	Problems []string `json:"problems"`
	Causes   []struct {
		Count int    `json:"count"`
		Text  string `json:"text"`
	} `json:"causes"`
}

// program is the command, which is made once a run.
var program struct {
	mu   sync.Mutex
	dir  string
	made bool
}

// built makes the command from source, as it is shipped, and returns its path.
func built(t *testing.T) string {
	t.Helper()
	program.mu.Lock()
	defer program.mu.Unlock()
	if program.dir == "" {
		dir, err := os.MkdirTemp("", "weir-command-")
		if err != nil {
			t.Fatal(err)
		}
		program.dir = dir
	}
	path := filepath.Join(program.dir, "weir.exe")
	if program.made {
		return path
	}
	cmd := exec.Command("go", "build", "-o", path, "weir/cmd/weir")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	program.made = true
	return path
}

// bench starts weir bench, which reports as JSON.
func bench(t *testing.T, weir, args string) *process {
	t.Helper()
	return launch(t, weir, append([]string{"bench"}, strings.Fields(args+" -json")...)...)
}

// reported returns how a bench ended, and its report, which comes after what is told of its progress.
func reported(t *testing.T, p *process) (status int, r loadReport) {
	t.Helper()
	_ = p.wait() // the status says it
	_, report, _ := strings.Cut(p.out.String(), "{")
	if err := json.Unmarshal([]byte("{"+report), &r); err != nil {
		t.Fatalf("the report: %v\n%s", err, p.out.tail())
	}
	return p.cmd.ProcessState.ExitCode(), r
}

// immediate has frames leave at once, so that a count of them is exact.
var immediate = conf{vhost: "min_latency on; publish { mr off; } play { mw_latency 0; mw_msgs 0; }"}

// TestLoadTool measures a server that does well.
func TestLoadTool(t *testing.T) {
	t.Parallel()
	weir, f := built(t), serve(t, immediate)
	publisher := bench(t, weir, "publish -u "+f.url("b{n}")+" -n 2 -fps 25 -gop 1s -bitrate 300k -warmup 0s -duration 60s")
	waitFor(t, "two publishers", func() bool { return len(f.publishers()) == 2 })
	players := bench(t, weir, "play -u "+f.url("b{n}")+" -streams 2 -n 6 -warmup 1s -duration 4s")
	lookedAt(t, f.url("b1"))
	status, r := reported(t, players)
	if status != 0 || !r.OK || r.Connections.OK != 6 || r.Connections.Dropped != 0 || r.Play.Lost != 0 || r.Play.Back != 0 {
		t.Errorf("play: status %d, %+v", status, r)
	}
	between(t, "pictures", r.Video, 600) // 6 players, 4 s, 25 a second
	between(t, "sounds", r.Audio, 1034)
	between(t, "kbit/s", int(1000*r.Mbps), 1800)
	if r.Play.First.Count != 6 || r.Play.First.Max <= 0 || r.Play.Latency.Count != r.Video || r.Play.Latency.P50 <= 0 {
		t.Errorf("play: %+v", r.Play)
	}
	publisher.signal(syscall.SIGINT)
	status, r = reported(t, publisher)
	if status != 0 || r.Connections.OK != 2 || r.Video == 0 || r.Audio < r.Video {
		t.Errorf("publish, interrupted: status %d, %+v", status, r)
	}
	unpublished(t, f)
}

// between compares a number with what it should be, give or take a tenth.
func between(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want*9/10 || got > want*11/10 {
		t.Errorf("%d %s, want about %d", got, what, want)
	}
}

// lookedAt has ffprobe look at the made-up stream, and ffmpeg decode it.
func lookedAt(t *testing.T, url string) {
	t.Helper()
	raw, stderr := run(t, "ffprobe", "-v", "warning", "-print_format", "json", "-show_streams", "-show_packets",
		"-read_intervals", "%+3", url)
	var seen struct {
		Streams []struct {
			Codec   string `json:"codec_name"`
			Profile string `json:"profile"`
			Width   int    `json:"width"`
			Height  int    `json:"height"`
			Rate    string `json:"sample_rate"`
			FPS     string `json:"r_frame_rate"`
		} `json:"streams"`
		Packets []struct {
			Codec string `json:"codec_type"`
			Flags string `json:"flags"`
		} `json:"packets"`
	}
	unmarshal(t, raw, &seen)
	var found []string
	for _, s := range seen.Streams {
		found = append(found, s.Codec)
		switch {
		case s.Codec == "h264" && (s.Profile != "Main" || s.Width != 1280 || s.Height != 720 || s.FPS != "25/1"),
			s.Codec == "aac" && s.Rate != "44100":
			t.Errorf("ffprobe sees %+v", s)
		}
	}
	if slices.Sort(found); !slices.Equal(found, []string{"aac", "h264"}) {
		t.Errorf("ffprobe sees %q", found)
	}
	var keys []int
	pictures := 0
	for _, p := range seen.Packets {
		if p.Codec != "video" {
			continue
		}
		if strings.HasPrefix(p.Flags, "K") {
			keys = append(keys, pictures)
		}
		pictures++
	}
	if len(keys) < 2 || pictures < 50 || keys[0] != 0 || keys[1] != 25 {
		t.Errorf("%d pictures, key pictures are %d, want one in 25", pictures, keys)
	}
	_, said := run(t, "ffmpeg", "-v", "warning", "-xerror", "-i", url, "-t", "2", "-f", "null", "-")
	if stderr+said != "" {
		t.Errorf("ffprobe says %q, ffmpeg says %q", stderr, said)
	}
}

// TestLoadToolDropped kicks a publisher and a player, and has another find nobody.
func TestLoadToolDropped(t *testing.T) {
	t.Parallel()
	weir, f := built(t), serve(t, immediate)
	publisher := bench(t, weir, "publish -u "+f.url("b{n}")+" -n 2 -bitrate 300k -warmup 0s -duration 60s")
	waitFor(t, "two publishers", func() bool { return len(f.publishers()) == 2 })
	players := bench(t, weir, "play -u "+f.url("b0")+" -n 3 -warmup 0s -duration 60s")
	waitFor(t, "three players to have got something", func() bool {
		list := f.players()
		return len(list) == 3 && !slices.ContainsFunc(list, func(c client) bool { return c.Send == 0 })
	})
	f.kick(f.players()[0].ID)
	for _, c := range f.publishers() {
		if strings.HasSuffix(c.URL, "b1") {
			f.kick(c.ID)
		}
	}
	waitFor(t, "two to be gone", func() bool { return len(f.sessions()) == 3 })
	for what, p := range map[string]*process{"play": players, "publish": publisher} {
		waitFor(t, what+" to know it", func() bool { return strings.Contains(p.out.String(), "1 dropped") })
		p.signal(syscall.SIGINT)
		status, r := reported(t, p)
		if status != 1 || r.OK || r.Connections.Dropped != 1 || len(r.Causes) != 1 || r.Causes[0].Count != 1 {
			t.Errorf("%s: status %d, %+v", what, status, r)
		}
		if !slices.Contains(r.Problems, "1 connections were dropped") {
			t.Errorf("%s: problems %q", what, r.Problems)
		}
	}
	status, r := reported(t, bench(t, weir, "play -u rtmp://"+freeAddress(t)+"/live/s -n 3 -duration 1s"))
	if status != 1 || r.Connections.Failed != 3 || !strings.Contains(r.Causes[0].Text, "refused") {
		t.Errorf("nobody there: status %d, %+v", status, r)
	}
}
