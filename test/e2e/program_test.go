package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownProgram is a server in a process of its own, as users run it. Its fixture knows the addresses; there is no server in it.
type ownProgram struct {
	fixture
	*process
	weir string // the binary
}

// startProgram starts the command with a configuration, and waits until it answers.
func startProgram(t *testing.T, c conf) *ownProgram {
	t.Helper()
	p := &ownProgram{weir: filepath.Join(t.TempDir(), "weir")}
	p.fixture.t = t
	p.file, p.dir = filepath.Join(t.TempDir(), "weir.conf"), t.TempDir()
	p.place(built(t))
	f := &p.fixture
	f.rtmp, f.api, f.rtmps = freeAddress(t), freeAddress(t), freeAddress(t)
	f.http, f.https, f.post = freeAddress(t), freeAddress(t), freeAddress(t)
	f.identify(ourIdentity())
	c.global += "\npid " + p.pidFile() + ";\nsrs_log_tank console;\nsrs_log_level info;\n"
	c.vhost = strings.ReplaceAll(c.vhost, "$dir", p.dir)
	f.write(c)
	f.listens()
	p.process = begin(t, exec.Command(p.weir, "-c", p.file))
	waitFor(t, "the API to answer", func() bool { _, err := f.call("GET", "/api/v1/versions"); return err == nil || !p.running() })
	if !p.running() {
		t.Fatalf("the server ended: %s", p.out.tail())
	}
	return p
}

// place puts another binary where the program is started from.
func (p *ownProgram) place(from string) {
	p.fixture.t.Helper()
	raw, err := os.ReadFile(from)
	if err == nil {
		syscall.ForkLock.RLock() // a child of another test that has it open for writing would keep it from being run
		err = os.WriteFile(p.weir+".new", raw, 0o755)
		syscall.ForkLock.RUnlock()
	}
	if err == nil {
		err = os.Rename(p.weir+".new", p.weir)
	}
	if err != nil {
		p.fixture.t.Fatal(err)
	}
}

func (p *ownProgram) pidFile() string { return filepath.Join(p.dir, "weir.pid") }

// pid is what the pid file says.
func (p *ownProgram) pid() int {
	raw, _ := os.ReadFile(p.pidFile())
	n, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
	return n
}

// tell sends a signal to the process that the pid file names.
func (p *ownProgram) tell(s syscall.Signal) {
	p.fixture.t.Helper()
	if err := syscall.Kill(p.pid(), s); err != nil {
		p.fixture.t.Fatal(err)
	}
}

// tells waits until the log has a line with all of the words, and returns the last one.
func (p *ownProgram) tells(words ...string) string {
	p.fixture.t.Helper()
	var last string
	waitFor(p.fixture.t, "the log to say "+strings.Join(words, " "), func() bool {
		for line := range strings.SplitSeq(p.out.String(), "\n") {
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
				last = line
			}
		}
		return last != ""
	})
	return last
}

// healthy returns the status and the words of /health.
func (p *ownProgram) healthy() (int, string) {
	answer, err := apiClient.Get("http://" + p.api + "/health")
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	return answer.StatusCode, http.StatusText(answer.StatusCode)
}

// hashes decodes the video of a file, and returns a hash of each picture.
func hashes(t *testing.T, file string, args ...string) (list []string) {
	t.Helper()
	out, complaints := run(t, "ffmpeg", append([]string{"-hide_banner", "-loglevel", "error", "-i", file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5"}, append(args, "-")...)...)
	if complaints != "" {
		t.Errorf("decoding complains:\n%s", complaints)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if line != "" && line[0] != '#' {
			list = append(list, line[strings.LastIndexByte(line, ' ')+1:])
		}
	}
	return list
}

// seamless holds that a recording has so many pictures of a clip, one after the other, none of them missing or twice. The last ones
// may wait for what never came.
func seamless(t *testing.T, name string, got, clip []string, atLeast int) {
	t.Helper()
	if len(got) < atLeast {
		t.Errorf("%s: %d pictures, want %d", name, len(got), atLeast)
	}
	if len(got) == 0 {
		return
	}
	first := slices.Index(clip, got[0])
	if first < 0 {
		t.Errorf("%s: the first picture is none of the clip", name)
		return
	}
	for i, hash := range got[:max(1, len(got)-3)] {
		if first+i >= len(clip) || clip[first+i] != hash {
			t.Errorf("%s: picture %d of %d is number %d of the clip, want %d", name, i, len(got), slices.Index(clip, hash), first+i)
			return
		}
	}
}

// wholeClip are the hashes of a clip's first minutes.
func wholeClip(t *testing.T, c clip, d time.Duration) []string {
	t.Helper()
	return hashes(t, c.file, "-t", strconv.Itoa(int(d.Seconds())))
}
