//go:build !windows

package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager is where a service manager hears how its service fares.
type manager struct {
	t     *testing.T
	conn  *net.UnixConn
	beats int // signs of life so far
}

func newManager(t *testing.T) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir") // the path of a socket may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &manager{t: t, conn: conn}
}

// hears returns the next state by its variables, and counts signs of life meanwhile; it returns
// one of those if beat is set.
func (m *manager) hears(beat bool) map[string]string {
	m.t.Helper()
	for {
		var b [4096]byte
		_ = m.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := m.conn.Read(b[:])
		if err != nil {
			m.t.Fatal("the manager hears nothing:", err)
		}
		state := map[string]string{}
		for line := range strings.Lines(string(b[:n])) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			state[name] = value
		}
		if state["STATUS"] == "" {
			m.t.Errorf("no status: %q", b[:n])
		}
		if state["WATCHDOG"] == "1" {
			m.beats++
			if !beat {
				continue
			}
		}
		return state
	}
}

// TestManager has a service manager listen to a start, a reload that works, one that does not, and
// the end.
func TestManager(t *testing.T) {
	dir, m := t.TempDir(), newManager(t)
	more := "daemon off;\nsrs_log_tank file;\ngrace_start_wait 1;\ngrace_final_wait 1;\n"
	addr := conf(t, dir, more)
	cmd := weir(t, dir, []string{"NOTIFY_SOCKET=" + m.conn.LocalAddr().String(), "WATCHDOG_USEC=200000"}, "-c", "weir.conf")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	signal := func(s syscall.Signal) {
		t.Helper()
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if state := m.hears(true); state["READY"] != "1" || !strings.Contains(state["STATUS"], addr) {
		t.Errorf("the first word: %v", state)
	}
	if !answers(addr) {
		t.Error("it says that it is ready, and nobody answers")
	}
	for m.beats < 3 {
		m.hears(true)
	}
	addr = conf(t, dir, more)
	for _, after := range []string{addr, addr} {
		signal(syscall.SIGHUP)
		if state := m.hears(false); state["RELOADING"] != "1" || state["MONOTONIC_USEC"] == "" && runtime.GOOS == "linux" {
			t.Errorf("the reload begins with %v", state)
		}
		if state := m.hears(false); state["READY"] != "1" || !strings.Contains(state["STATUS"], after) {
			t.Errorf("the reload ends with %v, want %s", state, after)
		}
		if err := os.WriteFile(filepath.Join(dir, "weir.conf"), []byte("listen 1"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGQUIT)
	if state := m.hears(false); state["STOPPING"] != "1" || !strings.Contains(state["STATUS"], "clients") {
		t.Errorf("the end begins with %v", state)
	}
	if state := m.hears(false); state["STOPPING"] != "1" || state["STATUS"] != "ending" {
		t.Errorf("the end goes on with %v", state)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestActivation starts a server on sockets that are open already. Who connects before it is there,
// or while it is started anew, is served.
func TestActivation(t *testing.T) {
	dir := t.TempDir()
	var files []*os.File
	var addrs []string
	for range 2 {
		ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		f, err := ln.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files, addrs = append(files, f), append(addrs, ln.Addr().String())
		ln.Close() // the file keeps it open
	}
	text := "listen " + addrs[0] + ";\ndaemon off;\nhttp_api { enabled on; listen " + addrs[1] + "; }\nvhost __defaultVhost__ {\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "weir.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	activate := func(pid string) (*exec.Cmd, *bytes.Buffer) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "LISTEN_PID="+pid+` exec "$0" -c weir.conf`, os.Args[0])
		cmd.Dir, cmd.ExtraFiles = dir, files
		cmd.Env = append(os.Environ(), asWeir+"=1", "LISTEN_FDS="+strconv.Itoa(len(files)))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &out
	}

	other, out := activate("1") // the sockets are another's, so they are only ports that are taken
	if err := other.Wait(); exit(err) != 255 || !strings.Contains(out.String(), "in use") {
		t.Errorf("with sockets of process 1: %v, %s", err, out)
	}
	for range 2 {
		greeted := make(chan error, 1)
		early, err := net.Dial("tcp", addrs[0])
		if err != nil {
			t.Fatal(err)
		}
		go func() { greeted <- handshake(early) }()
		cmd, out := activate("$$")
		answer, err := http.Get("http://" + addrs[1] + "/api/v1/versions")
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("the API: %v, %v", answer, err)
		} else {
			answer.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
		if err := <-greeted; err != nil {
			t.Error("who came before the server:", err)
		}
		early.Close()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}

// handshake is the beginning of RTMP: a version and 1536 bytes, answered by the same twice.
func handshake(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write(append([]byte{3}, make([]byte, 1536)...)); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1+2*1536))
	return err
}

// TestHealthAndDrain has commands beside a server: one asks how it is, and one ends it.
func TestHealthAndDrain(t *testing.T) {
	dir := t.TempDir()
	api, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	apiAddr := api.Addr().String()
	api.Close()
	more := "daemon off;\ngrace_start_wait 1;\ngrace_final_wait 1;\n"
	conf(t, dir, more)
	beside := func(args string, code int, says string) {
		t.Helper()
		out, err := weir(t, dir, nil, strings.Fields(args)...).CombinedOutput()
		if exit(err) != code || !strings.Contains(string(out), says) {
			t.Errorf("weir %s: exit %d, want %d, says %q, want %q", args, exit(err), code, out, says)
		}
	}
	beside("health -h", 0, "Usage: weir health")
	beside("drain -h", 0, "Usage: weir drain")
	beside("health -x", 255, "not defined: -x")
	beside("health here", 255, "here")
	beside("health -c weir.conf", 255, "refused")
	beside("health -c none.conf", 255, "none.conf")
	beside("health -url http://"+apiAddr+"/", 255, "refused")
	beside("drain -c weir.conf", 255, "no server runs")

	for _, c := range []struct{ conf, well, drain, says string }{
		{more, "is open", " -timeout 10ms", "still runs"},
		{more + "http_api { enabled on; listen " + apiAddr + "; }\n", "/health answers", "", "has ended"},
	} {
		plain := conf(t, dir, c.conf)
		cmd := weir(t, dir, nil, "-c", "weir.conf")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "it listens", func() bool { return answers(plain) })
		beside("health -c weir.conf", 0, c.well)
		client, err := net.Dial("tcp", plain)
		if err != nil {
			t.Fatal(err)
		}
		if err := handshake(client); err != nil {
			t.Fatal(err)
		}
		drain := weir(t, dir, nil, strings.Fields("drain -c weir.conf"+c.drain)...)
		var out bytes.Buffer
		drain.Stdout, drain.Stderr = &out, &out
		if err := drain.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "it listens no more", func() bool { return !answers(plain) })
		if c.drain != "" { // it gives up before the client does
			_ = drain.Wait()
		}
		client.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if c.drain == "" {
			_ = drain.Wait()
		}
		if !strings.Contains(out.String(), c.says) || drain.ProcessState.Success() != (c.drain == "") {
			t.Errorf("weir drain%s: %s, %s", c.drain, drain.ProcessState, &out)
		}
		beside("drain -c weir.conf", 255, "no server runs")
	}
}

// TestManagerUpgrade has a new process take the place of one that a manager watches: the manager hears which is the main one, and then
// of that alone.
func TestManagerUpgrade(t *testing.T) {
	dir, m := t.TempDir(), newManager(t)
	addr := conf(t, dir, "daemon off;\nsrs_log_tank file;\npid weir.pid;\ngrace_start_wait 1;\ngrace_final_wait 1;\n")
	cmd := weir(t, dir, []string{"NOTIFY_SOCKET=" + m.conn.LocalAddr().String(), "WATCHDOG_USEC=200000"}, "-c", "weir.conf")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if state := m.hears(true); state["READY"] != "1" {
		t.Errorf("the first word: %v", state)
	}
	if err := cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	state := m.hears(false)
	next, err := strconv.Atoi(state["MAINPID"])
	if err != nil || next == cmd.Process.Pid {
		t.Fatalf("the upgrade begins with %v", state)
	}
	t.Cleanup(func() { _ = syscall.Kill(next, syscall.SIGKILL) })
	if state := m.hears(false); state["READY"] != "1" || !strings.Contains(state["STATUS"], addr) {
		t.Errorf("the upgrade ends with %v", state)
	}
	if err := cmd.Wait(); err != nil { // nobody is connected
		t.Error(err)
	}
	for m.beats = 0; m.beats < 3; {
		m.hears(true)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "weir.pid")); err != nil || string(raw) != strconv.Itoa(next) {
		t.Errorf("the pid file says %q, %v", raw, err)
	}
	if !answers(addr) {
		t.Error("nobody answers")
	}
	if err := syscall.Kill(next, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if state := m.hears(false); state["STOPPING"] != "1" || state["STATUS"] != "ending" {
		t.Errorf("the end begins with %v", state)
	}
}
