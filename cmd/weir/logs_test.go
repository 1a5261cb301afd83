//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/internal/config"
)

// process is a server in the foreground.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	addr string
	out  bytes.Buffer // of both kinds
}

// launch starts a server on a free port, with more directives, and waits until it is there.
func launch(t *testing.T, more string) *process {
	t.Helper()
	p := &process{t: t, dir: t.TempDir()}
	p.addr = conf(t, p.dir, more)
	p.cmd = weir(t, p.dir, []string{"TZ=Asia/Tokyo"}, "-c", "weir.conf")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "it listens", func() bool { return answers(p.addr) })
	return p
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// reload puts other directives in force, and waits for the word of it in a file.
func (p *process) reload(more, file, word string) string {
	p.t.Helper()
	log := filepath.Join(p.dir, file)
	before := len(readFile(log))
	text := "listen " + p.addr + ";\nauto_reload_for_docker off;\n" + more
	if !strings.Contains(more, "vhost __defaultVhost__") {
		text += "vhost __defaultVhost__ {\n}\n"
	}
	if err := os.WriteFile(filepath.Join(p.dir, "weir.conf"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.signal(syscall.SIGHUP)
	var news string
	until(p.t, word+" in "+file, func() bool {
		text := readFile(log)
		news = text[min(before, len(text)):]
		return strings.Contains(news, word) && strings.HasSuffix(news, "\n")
	})
	return news
}

// readFile is the function file, for those who have a variable of that name.
func readFile(path string) string { return file(path) }

func (p *process) end() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%v: %s", err, &p.out)
	}
}

// TestLogReload changes each setting of the log while the server runs, and sees its effect on the next
// lines.
func TestLogReload(t *testing.T) {
	t.Parallel()
	const base = "daemon off;\nsrs_log_tank file;\nsrs_log_file log/weir.log;\n"
	p := launch(t, base)
	line := regexp.MustCompile(`(?m)^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d{3}]\[INFO]\[\d+]\[\w{8}] configuration reloaded changed=(.*)$`)
	hour := func(news string) time.Time {
		t.Helper()
		m := line.FindStringSubmatch(news)
		if m == nil {
			t.Fatalf("no such line in %s", news)
		}
		at, err := time.Parse(time.DateTime, m[1])
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	tokyo := hour(p.reload(base+"max_connections 200;\n", "log/weir.log", "configuration reloaded changed=[max_connections]"))
	utc := hour(p.reload(base+"max_connections 200;\nutc_time on;\n", "log/weir.log", "configuration reloaded changed=[utc_time]"))
	if d := tokyo.Sub(utc); d > 9*time.Hour || d < 8*time.Hour+55*time.Minute {
		t.Errorf("%s and %s", tokyo, utc)
	}

	news := p.reload(base+"utc_time on;\nlog_format json;\n", "log/weir.log", `"configuration reloaded"`)
	var said struct {
		Time, Level, Msg, Cid string
		Pid                   int
		Changed               []string
	}
	for l := range strings.Lines(news) {
		if !strings.Contains(l, `"configuration reloaded"`) {
			continue
		}
		if err := json.Unmarshal([]byte(l), &said); err != nil {
			t.Errorf("%s: %v", l, err)
		}
	}
	if at, err := time.Parse(time.RFC3339, said.Time); err != nil || said.Level != "INFO" || len(said.Cid) != 8 || said.Pid != p.cmd.Process.Pid ||
		!slices.Equal(said.Changed, []string{"max_connections", "log_format"}) || !strings.HasSuffix(said.Time, "Z") || time.Since(at) > time.Minute {
		t.Errorf("%+v", said)
	}

	p.reload(base+"srs_log_level verbose;\n", "log/weir.log", "configuration reloaded changed=\"[srs_log_level utc_time log_format]\"")
	p.reload(base+"srs_log_level_v2 warn;\nserver_id x;\n", "log/weir.log", "[WARN]")
	if strings.Count(readFile(filepath.Join(p.dir, "log/weir.log")), "srs_log_level_v2") > 0 {
		t.Error("a line below the level")
	}
	const elsewhere = "daemon off;\nsrs_log_tank file;\nsrs_log_file other/place.log;\n"
	p.reload(elsewhere, "other/place.log", "configuration reloaded")
	if err := os.WriteFile(filepath.Join(p.dir, "blocked"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.reload("daemon off;\nsrs_log_tank file;\nsrs_log_file blocked/place.log;\nmax_connections 7;\n", "other/place.log", "configuration not reloaded, the one in force stays")
	p.reload("daemon off;\nsrs_log_tank console;\n", "other/place.log", "the log goes on elsewhere")
	p.end()
	if out := p.out.String(); !strings.Contains(out, "configuration reloaded") || !strings.Contains(out, "server ended") {
		t.Errorf("on the console: %s", out)
	}
	if text := readFile(filepath.Join(p.dir, "other/place.log")); strings.Contains(text, "server ended") {
		t.Errorf("the file goes on: %s", text)
	}
}

// TestRestartTold changes all that needs a restart, and sees that this is said, until it is as it was
// at the start.
func TestRestartTold(t *testing.T) {
	t.Parallel()
	const base, container = "srs_log_tank file;\nsrs_log_file weir.log;\n", "disable_daemon_for_docker off;\n"
	p := launch(t, "daemon off;\n"+base+container)
	manual := readFile("../../docs/config.md")
	_, top, _ := strings.Cut(manual, "\n| `listen`")
	top, _, _ = strings.Cut(top, "\n## ")
	values := map[string]string{
		"server_id": "other", "pid": "other.pid", "daemon": "on", "work_dir": "..", "asprocess": "on", "in_docker": "on",
		"disable_daemon_for_docker": "on", "is_full": "",
	}
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` .*\\| restart \\|").FindAllStringSubmatch(top, -1)
	if len(rows) != len(values) {
		t.Errorf("the manual has %d directives that need a restart, want %d", len(rows), len(values))
	}
	for _, row := range rows {
		value, known := values[row[1]]
		if !known {
			t.Errorf("nothing tests %s", row[1])
		}
		if value == "" || row[1] == "in_docker" && config.InContainer() {
			continue // is refused, or so already
		}
		others := strings.Replace("daemon off;\n"+container, row[1]+" off;\n", "", 1)
		p.reload(others+base+row[1]+" "+value+";\n", "weir.log", "these changes need a restart changed=["+row[1]+"]")
	}
	p.reload("daemon off;\n"+base+container+"server_id b;\n", "weir.log", "these changes need a restart changed=[server_id]")
	p.reload("daemon off;\n"+base+container+"server_id b;\nmax_connections 99;\n", "weir.log", "these changes need a restart changed=[server_id]")
	if news := p.reload("daemon off;\n"+base+container, "weir.log", "configuration reloaded"); strings.Contains(news, "restart") {
		t.Errorf("all is as at the start: %s", news)
	}
	p.end()
}

// TestSignals has a burst of SIGHUP, a SIGPIPE, and each of the ways to end.
func TestSignals(t *testing.T) {
	t.Parallel()
	const base = "daemon off;\nsrs_log_tank file;\nsrs_log_file weir.log;\ngrace_start_wait 1;\ngrace_final_wait 1;\n"
	reloads := func(p *process) int {
		return strings.Count(readFile(filepath.Join(p.dir, "weir.log")), "configuration reloaded")
	}
	t.Run("burst", func(t *testing.T) {
		t.Parallel()
		p := launch(t, base)
		for range 100 {
			p.signal(syscall.SIGHUP)
		}
		conf(t, p.dir, base+"max_connections 77;\n")
		p.signal(syscall.SIGHUP) // whatever came before, the last one is heard
		until(t, "the reload", func() bool { return strings.Contains(readFile(filepath.Join(p.dir, "weir.log")), "max_connections") })
		if n := reloads(p); n > 100 {
			t.Errorf("%d reloads", n)
		}
		p.end()
	})
	for name, c := range map[string]struct {
		more    string
		signals []syscall.Signal
		client  bool // somebody stays connected
		drains  bool // the first signal waits for the clients
	}{
		"SIGTERM":            {signals: []syscall.Signal{syscall.SIGTERM}, client: true},
		"SIGINT":             {signals: []syscall.Signal{syscall.SIGINT}, client: true},
		"SIGQUIT, nobody":    {signals: []syscall.Signal{syscall.SIGQUIT}},
		"SIGQUIT, SIGTERM":   {signals: []syscall.Signal{syscall.SIGQUIT, syscall.SIGTERM}, client: true, drains: true},
		"SIGQUIT, SIGQUIT":   {signals: []syscall.Signal{syscall.SIGQUIT, syscall.SIGQUIT}, client: true, drains: true},
		"graceful SIGTERM":   {more: "force_grace_quit on;\n", signals: []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}, client: true, drains: true},
		"SIGTERM, SIGTERM":   {signals: []syscall.Signal{syscall.SIGTERM, syscall.SIGTERM}},
		"SIGUSR2, not heard": {signals: []syscall.Signal{syscall.SIGUSR2, syscall.SIGTERM}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch(t, base+c.more)
			if c.client {
				client, err := net.Dial("tcp", p.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				if err := handshake(client); err != nil {
					t.Fatal(err)
				}
			}
			for n, s := range c.signals {
				if n > 0 && c.drains {
					until(t, "it drains", func() bool {
						return strings.Contains(readFile(filepath.Join(p.dir, "weir.log")), "waiting for clients to leave clients=1")
					})
				}
				_ = p.cmd.Process.Signal(s) // it may have ended
			}
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("it ends with %v: %s", err, &p.out)
			}
			if log := readFile(filepath.Join(p.dir, "weir.log")); !strings.Contains(log, "server ended") {
				t.Error(log)
			}
		})
	}
}

// TestBrokenConsole has nobody read what the server writes to its console: that is no reason to end.
func TestBrokenConsole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr := conf(t, dir, "daemon off;\nsrs_log_tank console;\n")
	cmd := weir(t, dir, nil, "-c", "weir.conf")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "it listens", func() bool { return answers(addr) })
	_ = out.Close()
	for range 3 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil { // it logs
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !answers(addr) {
		t.Error("it is gone")
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
