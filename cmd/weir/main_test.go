//go:build !windows

package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/internal/server"
)

// asWeir makes the test binary be the command.
const asWeir = "WEIR_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asWeir) != "" {
		os.Args[0] = "weir"
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// weir is the command with arguments, in a directory of its own.
func weir(t *testing.T, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), asWeir+"=1", "GORACE=atexit_sleep_ms=0"), env...) // or each takes a second to end
	return cmd
}

func exit(err error) int {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	return 0
}

// TestCommandLine holds what a command line prints and how it ends.
func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.conf":  "listen 19350;\nvhost __defaultVhost__ {\n    dvr {\n        enabled on;\n    }\n}\n",
		"typo.conf":  "listen 19350;\nvhost __defaultVhost__ {\n    play {\n        mw_latencyy 1;\n    }\n}\n",
		"value.conf": "listen 19350;\nvhost __defaultVhost__ {\n    play {\n        gop_cache yes;\n    }\n}\n",
		"semi.conf":  "listen 19350\nmax_connections 1000;\n",
		"tls.conf":   "listen 19350;\nrtmps { enabled on; key no.key; cert no.crt; }\nhttp_api { enabled on; https { enabled on; key no.key; cert no.crt; } }\nvhost __defaultVhost__ {\n}\n",
		"log.conf":   "listen 19350;\ndaemon off;\nsrs_log_tank file;\nsrs_log_file good.conf/x/srs.log;\nvhost __defaultVhost__ {\n}\n",
		"ca.conf":    "listen 19350;\nvhost __defaultVhost__ {\n    cluster { registry rediss://127.0.0.1:1/0; registry_ca good.conf; }\n}\n",
		"pid.conf":   "listen 19350;\npid good.conf/srs.pid;\nvhost __defaultVhost__ {\n}\n",
		"work.conf":  "listen 19350;\nwork_dir nowhere;\nvhost __defaultVhost__ {\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args string
		env  string
		code int
		says string
	}{
		{"", "", 0, "Usage:"},
		{"-h", "", 0, "Usage:"},
		{"--help", "", 0, "Usage:"},
		{"start", "", 0, "Usage:"},
		{"-v", "", 0, server.CompatVersion + "\nweir " + server.Version + "\n"},
		{"--version", "", 0, server.CompatVersion + "\n"},
		{"version", "", 0, "weir " + server.Version},
		{"-g", "", 0, server.CompatSignature + "\n"},
		{"bench", "", 2, "Usage: weir bench"},
		{"bench -h", "", 0, "Usage: weir bench"},
		{"bench play -u rtmp://localhost/live/s -n 0", "", 2, "-n: 0 is not between"},
		{"-x", "", 255, "invalid option -x"},
		{"-c", "", 255, "option -c"},
		{"-t -c good.conf", "", 0, "syntax is ok"},
		{"-tcgood.conf", "", 0, "test is successful"},
		{"-t -c good.conf", "", 0, "without effect yet: vhost.dvr.enabled (good.conf:4)"},
		{"-t -c none.conf", "", 255, "none.conf"},
		{"-t -c typo.conf", "", 255, "line 4: unknown directive mw_latencyy in vhost.play; did you mean mw_latency?"},
		{"-t -c value.conf", "", 255, "line 4: vhost.play.gop_cache expects on or off"},
		{"-t -c semi.conf", "", 255, "line 1"},
		{"-c semi.conf", "", 255, "line 1"},
		{"-t -c tls.conf", "", 255, "rtmps is enabled and needs a certificate and its key: "},
		{"-t -c tls.conf", "", 255, "\nhttp_api.https is enabled and needs a certificate and its key: "},
		{"-t -c log.conf", "", 255, "srs_log_file good.conf/x/srs.log cannot be written: good.conf is no directory"},
		{"-t -c ca.conf", "", 255, "vhost __defaultVhost__: cluster: registry_ca good.conf: it has no certificate; it is to have, in PEM, "},
		{"-t -c pid.conf", "", 255, "pid good.conf/srs.pid cannot be written: good.conf is no directory"},
		{"-t -c work.conf", "", 255, "work_dir: chdir nowhere"},
		{"-t", "SRS_CONFIG_FILE=good.conf", 0, "the configuration file good.conf syntax is ok"},
		{"", "SRS_CONFIG_FILE=none.conf", 255, "none.conf"},
		{"-t -e", "", 0, "the configuration of the environment syntax is ok"},
		{"-t -c good.conf", "SRS_MAX_CONNECTIONS=1000000000", 255, "open files"},
		{"-t -c good.conf", "SRS_VHOST_PLAY_GOP_CACHE=maybe", 255, "SRS_VHOST_PLAY_GOP_CACHE"},
		{"-t -c good.conf", "SRS_VHOST_PLAY_GOP_CASH=on", 255, "did you mean SRS_VHOST_PLAY_GOP_CACHE?"},
	} {
		var env []string
		if c.env != "" {
			env = []string{c.env}
		}
		out, err := weir(t, dir, env, strings.Fields(c.args)...).CombinedOutput()
		if exit(err) != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("weir %s (%s): exit %d, want %d, says %q, want %q", c.args, c.env, exit(err), c.code, out, c.says)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 9 {
		t.Errorf("the directory has %v, %v", left, err)
	}
}

// conf writes a configuration that listens on a free port, and returns its address.
func conf(t *testing.T, dir, more string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	text := "listen " + addr + ";\nauto_reload_for_docker off;\n" + more + "vhost __defaultVhost__ {\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "weir.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return addr
}

// until polls for 20 s.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func answers(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func file(path string) string {
	b, _ := os.ReadFile(path) // what is not there is empty
	return string(b)
}

// TestForeground starts a server as a service manager would, and sends it each signal.
func TestForeground(t *testing.T) {
	dir := t.TempDir()
	addr := conf(t, dir, "daemon off;\nsrs_log_tank file;\nsrs_log_file log/weir.log;\n")
	cmd := weir(t, dir, nil, "-c", "weir.conf")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "it listens", func() bool { return answers(addr) })
	log := filepath.Join(dir, "log/weir.log")
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}

	if pid := file(filepath.Join(dir, "objs/srs.pid")); pid != strconv.Itoa(cmd.Process.Pid) {
		t.Errorf("pid file says %q, want %d", pid, cmd.Process.Pid)
	}
	again, err := weir(t, dir, []string{"SRS_LISTEN=127.0.0.1:1"}, "-c", "weir.conf").CombinedOutput()
	if exit(err) != 255 || !strings.Contains(string(again), "already running") {
		t.Errorf("a second server: exit %d, says %q", exit(err), again)
	}

	fresh := conf(t, dir, "daemon off;\nsrs_log_tank file;\nsrs_log_file log/weir.log;\n")
	signal(syscall.SIGHUP)
	until(t, "it listens anew", func() bool { return answers(fresh) })
	until(t, "it listens no more where it did", func() bool { return !answers(addr) })

	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	signal(syscall.SIGUSR1)
	until(t, "the log is there again", func() bool { _, err := os.Stat(log); return err == nil })
	signal(syscall.SIGHUP)
	until(t, "it logs there", func() bool { return strings.Contains(file(log), "reloaded") })

	signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v, %s", err, &stderr)
	}
	if !strings.Contains(file(log), "server ended") {
		t.Errorf("the log does not tell the end: %s", file(log))
	}
}

// TestDaemon starts a server in the background: the command ends when it answers, or says why
// it does not.
func TestDaemon(t *testing.T) {
	dir := t.TempDir()
	addr := conf(t, dir, "daemon on;\ngrace_start_wait 1;\ngrace_final_wait 1;\ndisable_daemon_for_docker off;\nsrs_log_tank file;\nwork_dir run;\n")
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := weir(t, dir, nil, "-c", "weir.conf").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !answers(addr) {
		t.Error("the command has ended, and nobody answers")
	}
	pid, err := strconv.Atoi(file(filepath.Join(dir, "run/objs/srs.pid")))
	if err != nil {
		t.Fatal(err)
	}
	out, err = weir(t, dir, nil, "-c", "weir.conf").CombinedOutput()
	if exit(err) != 255 || !strings.Contains(string(out), "already running") {
		t.Errorf("a second daemon: exit %d, says %q", exit(err), out)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	until(t, "it ends gracefully", func() bool { return !answers(addr) && syscall.Kill(pid, 0) != nil })
	if log := file(filepath.Join(dir, "run/objs/srs.log")); !strings.Contains(log, "server ended") {
		t.Errorf("the log does not tell the end: %s", log)
	}
}

// TestEnvironmentOnly starts a server without a file.
func TestEnvironmentOnly(t *testing.T) {
	dir := t.TempDir()
	addr := conf(t, dir, "")
	cmd := weir(t, dir, []string{"SRS_LISTEN=" + addr}, "-e")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "it listens", func() bool { return answers(addr) })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "][INFO][") {
		t.Errorf("no log on the console: %s", &out)
	}
}
