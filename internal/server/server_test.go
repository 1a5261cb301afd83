package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/datarhei/gosrt"

	"weir/internal/config"
)

// running is a server in this process, on free ports of 127.0.0.1.
type running struct {
	*Server
	file string // its configuration
	stop func()
}

// launch runs a server with a configuration in which PORT and API stand for its addresses.
func launch(t *testing.T, text string) *running {
	t.Helper()
	r := &running{file: filepath.Join(t.TempDir(), "weir.conf")}
	r.write(t, text)
	load := func() (*config.Config, error) { return config.Load(config.Options{File: r.file}, nil) }
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Config: c, Load: load, Identity: Identity{Service: "launched"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r.Server = s
	r.stop = func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run = %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the server does not end")
		}
	}
	return r
}

func (r *running) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// free returns an address of 127.0.0.1 that nobody listens on. It is below the ports that the system
// gives to outgoing connections, so that none takes it meanwhile.
func free(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		if ln, err := net.Listen("tcp", addr); err == nil {
			ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

func answers(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func TestReloadListen(t *testing.T) {
	first, second, api := free(t), free(t), free(t)
	r := launch(t, "listen "+first+";\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	if !answers(first) || answers(second) {
		t.Fatal("before the reload")
	}
	old, err := net.Dial("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	for r.limit.Count() == 0 { // not only in the queue of the socket that is to be closed
		time.Sleep(time.Millisecond)
	}

	r.write(t, "listen "+second+";\nhttp_api {\nenabled on;\nlisten "+api+";\n}\nvhost __defaultVhost__ {\n}\n")
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if answers(first) || !answers(second) || !answers(api) {
		t.Error("after the reload: ", answers(first), answers(second), answers(api))
	}
	if r.limit.Count() == 0 {
		t.Error("the reload dropped a client")
	}
	resp, err := http.Get("http://" + api + "/api/v1/versions")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), CompatVersion) {
		t.Errorf("%s, %v", body, err)
	}
}

func TestReloadBroken(t *testing.T) {
	addr := free(t)
	r := launch(t, "listen "+addr+";\nmax_connections 7;\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	before := r.config()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, text := range map[string]string{
		"grammar": "listen " + addr + "\n",
		"name":    "listen " + addr + ";\nmax_connexions 8;\nvhost __defaultVhost__ {\n}\n",
		"busy":    "listen " + addr + " " + busy.Addr().String() + ";\nvhost __defaultVhost__ {\n}\n",
		"moved":   "listen " + busy.Addr().String() + ";\nvhost __defaultVhost__ {\n}\n",
	} {
		r.write(t, text)
		if _, err := r.Reload(); err == nil {
			t.Errorf("%s: reloaded", name)
		}
		if r.config() != before || !answers(addr) {
			t.Errorf("%s: the old configuration is not in force", name)
		}
	}
}

// TestFrontStacks moves one port from both IP versions to IPv4 and IPv6 apart, and back.
func TestFrontStacks(t *testing.T) {
	_, port, err := net.SplitHostPort(free(t))
	if err != nil {
		t.Fatal(err)
	}
	r := launch(t, "listen "+port+";\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	for _, listen := range []string{port + " [::]:" + port, "127.0.0.1:" + port, port} {
		r.write(t, "listen "+listen+";\nvhost __defaultVhost__ {\n}\n")
		if _, err := r.Reload(); err != nil {
			t.Errorf("listen %s: %v", listen, err)
		}
		if !answers("127.0.0.1:" + port) {
			t.Errorf("listen %s: nobody answers", listen)
		}
	}
}

func TestChangesTold(t *testing.T) {
	addr := free(t)
	r := launch(t, "listen "+addr+";\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	r.write(t, "listen "+addr+";\nserver_id other;\nvhost __defaultVhost__ {\nplay {\nqueue_length 5;\n}\n}\n")
	old := r.config()
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, c := range r.config().Changed(&old.Settings) {
		paths = append(paths, c.String())
	}
	want := []string{"server_id (restart)", "vhost.__defaultVhost__.play.queue_length (live)"}
	if !slices.Equal(paths, want) {
		t.Errorf("changed %q, want %q", paths, want)
	}
	if got := r.settings("any").QueueLength; got != 5*time.Second {
		t.Errorf("the hub has queue_length %s", got)
	}
}

// TestDrain lets a client finish: no new ones come in, and the end waits for it.
func TestDrain(t *testing.T) {
	addr := free(t)
	r := launch(t, "listen "+addr+";\ngrace_start_wait 1;\ngrace_final_wait 1;\nvhost __defaultVhost__ {\n}\n")
	defer r.stop()
	client, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for r.limit.Count() == 0 {
		time.Sleep(time.Millisecond)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		r.Drain(t.Context())
	}()
	for answers(addr) {
		time.Sleep(time.Millisecond)
	}
	waitsFor(t, drained, client)
}

// waitsFor holds that a drain lasts until a client has gone, and no longer.
func waitsFor(t *testing.T, drained <-chan struct{}, client io.Closer) {
	t.Helper()
	select {
	case <-drained:
		t.Fatal("the drain did not wait for the client")
	default:
	}
	client.Close()
	select {
	case <-drained:
	case <-time.After(10 * time.Second):
		t.Fatal("the drain does not end")
	}
}

// TestDrainSRT does the same for clients who have no connection of TCP.
func TestDrainSRT(t *testing.T) {
	addr := free(t)
	r := launch(t, "listen "+free(t)+";\ngrace_start_wait 1;\ngrace_final_wait 1;\nsrt_server { enabled on; listen "+addr+"; }\nvhost __defaultVhost__ { srt { enabled on; } }\n")
	defer r.stop()
	dial := func() (srt.Conn, error) {
		c := srt.DefaultConfig()
		c.StreamId = "#!::r=live/s,m=request"
		return srt.Dial("srt", addr, c)
	}
	client, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		r.Drain(t.Context())
	}()
	for {
		other, err := dial()
		if err != nil {
			if !strings.Contains(err.Error(), "("+strconv.FormatInt(int64(srt.REJX_DOWN), 32)+")") {
				t.Error(err)
			}
			break
		}
		other.Close()
	}
	waitsFor(t, drained, client)
}

func TestPortTaken(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	c := config.Default()
	c.Listen = []string{busy.Addr().String()}
	_, err = New(Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	_, port, _ := net.SplitHostPort(busy.Addr().String())
	if err == nil || !strings.Contains(err.Error(), port) {
		t.Errorf("New = %v, want an error that names port %s", err, port)
	}
	if errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
