//go:build !windows

package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listener hears what a Manager tells.
func listener(t *testing.T) *net.UnixConn {
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
	t.Setenv("NOTIFY_SOCKET", conn.LocalAddr().String())
	return conn
}

func heardBy(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	var b [4096]byte
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := conn.Read(b[:])
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// TestWatch gives a sign of life only when the server is well.
func TestWatch(t *testing.T) {
	conn := listener(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	var log strings.Builder
	m := Managed(slog.New(slog.NewTextHandler(&log, nil)))
	if m.watchdog != 20*time.Millisecond {
		t.Fatal(m.watchdog)
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		m.Watch(ctx, func() (string, error) {
			if calls++; calls <= 3 {
				return "", errors.New("stuck")
			}
			if calls == 6 {
				cancel()
			}
			return "fine", nil
		})
	}()
	for range 2 { // the calls 4 and 5
		if got := heardBy(t, conn); got != "WATCHDOG=1\nSTATUS=fine" {
			t.Errorf("heard %q", got)
		}
	}
	<-ended
	if calls != 6 || strings.Count(log.String(), "cause=stuck") != 3 {
		t.Errorf("%d calls, and the log says %s", calls, &log)
	}
	m.Stopping("over") // and nothing is between
	if got := heardBy(t, conn); got != "STOPPING=1\nSTATUS=over" {
		t.Errorf("heard %q", got)
	}
}

// TestUnwatched has a manager without a watchdog, one that is deaf, and none.
func TestUnwatched(t *testing.T) {
	conn := listener(t)
	m := Managed(slog.New(slog.DiscardHandler))
	m.Ready("up")
	if got := heardBy(t, conn); m.watchdog != 0 || got != "READY=1\nSTATUS=up" {
		t.Errorf("watchdog %s, heard %q", m.watchdog, got)
	}

	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
	t.Setenv("WATCHDOG_USEC", "soon")
	var log strings.Builder
	m = Managed(slog.New(slog.NewTextHandler(&log, nil)))
	m.Ready("up")
	m.Ready("up")
	if strings.Count(log.String(), "cannot be told") != 1 || !strings.Contains(log.String(), "no watchdog") || m.watchdog != 0 {
		t.Errorf("the log says %s", &log)
	}

	t.Setenv("NOTIFY_SOCKET", "")
	m = Managed(slog.New(slog.DiscardHandler))
	if m != nil {
		t.Fatal("a manager that nobody named")
	}
	m.Ready("up")
	m.Reloading(nil)()
	m.Watch(t.Context(), nil)
	m.Stopping("over")
}

// TestAlive asks the parts of a server that runs.
func TestAlive(t *testing.T) {
	addr := free(t)
	r := launch(t, "listen "+addr+";\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	if status, err := r.alive(); err != nil || status != "0 streams, 0 clients; RTMP on "+addr {
		t.Errorf("%q, %v", status, err)
	}
}

func TestBeside(t *testing.T) {
	for line, want := range map[string]string{
		"./objs/srs\x00-c\x00conf/docker.conf\x00":                  "-c conf/docker.conf",
		"/usr/local/bin/weir\x00-e\x00":                             "-e",
		"/sbin/docker-init\x00--\x00./objs/srs\x00-c\x00a.conf\x00": "-c a.conf",
		"/usr/lib/systemd/systemd\x00--system\x00":                  "none",
		"": "none",
	} {
		args, ok := serverArgs([]byte(line))
		if got := strings.Join(args, " "); !ok && want != "none" || ok && got != want {
			t.Errorf("%q: %q, %v; want %s", line, got, ok, want)
		}
	}
	for addr, want := range map[string]string{
		"1985": "127.0.0.1:1985", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "[::1]:80", ":80": "127.0.0.1:80",
		"192.0.2.1:80": "192.0.2.1:80", "[2001:db8::1]:80": "[2001:db8::1]:80", "localhost:80": "localhost:80",
	} {
		if got := nearby(addr); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// TestHealthAnswers takes a wrong password for health, and a server's error for none.
func TestHealthAnswers(t *testing.T) {
	for status, well := range map[string]bool{"200 OK": true, "401 Unauthorized": true, "302 Found": true, "503 Service Unavailable": false} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = c.Read(make([]byte, 1024))
			_, _ = c.Write([]byte("HTTP/1.1 " + status + "\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"))
		}()
		text, err := Health([]string{"-url", "http://" + ln.Addr().String() + "/"}, nil)
		if (err == nil) != well || well != strings.HasPrefix(text, "well: ") {
			t.Errorf("%s: %q, %v", status, text, err)
		}
		ln.Close()
		<-done
	}
}
