package webrtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// running makes a server that runs.
func running(t *testing.T, conf string) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "weir.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{File: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.RTCServer.Listen = []string{"127.0.0.1:0"}
	registry := stream.NewRegistry(stream.Options{})
	v := NewServer(Options{Registry: registry, Config: func() *config.Config { return c }, Product: "weir/0", Log: slog.New(slog.DiscardHandler)})
	if err := v.Listen(&c.RTCServer, false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- registry.Run(ctx) }()
	go func() { done <- v.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, <-done); err != nil {
			t.Error(err)
		}
	})
	return v
}

// TestUnreached has clients that never come leave nothing but what is told of the last ones.
func TestUnreached(t *testing.T) {
	v := running(t, "listen 1935;\nrtc_server { enabled on; }\nvhost __defaultVhost__ { rtc { enabled on; stun_timeout 1; } }\n")
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %d sessions, %d guests, %d goroutines", what, v.Count(), v.lobby.count(), runtime.NumGoroutine())
			}
		}
	}
	round := func() {
		t.Helper()
		for i := range maxFailed + 20 {
			r := httptest.NewRequest(http.MethodPost, fmt.Sprintf("http://127.0.0.1/rtc/v1/whep/?stream=s%d", i), strings.NewReader(chrome))
			w := httptest.NewRecorder()
			if v.ServeHTTP(w, r); w.Code != http.StatusCreated {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		if v.Count() == 0 || v.lobby.count() == 0 {
			t.Errorf("%d sessions, %d guests", v.Count(), v.lobby.count())
		}
		until("the end", func() bool { return v.Count() == 0 && v.lobby.count() == 0 })
	}
	until("a start", func() bool { v.mu.Lock(); defer v.mu.Unlock(); return v.running != nil })
	idle := runtime.NumGoroutine()
	round() // fills what is kept: pools, and what is told
	until("their goroutines", func() bool { return runtime.NumGoroutine() <= idle })
	first := heap()
	for range 2 {
		round()
	}
	until("their goroutines", func() bool { return runtime.NumGoroutine() <= idle })
	if n := heap(); n > first+1<<20 {
		t.Errorf("%d KB have become %d KB", first>>10, n>>10)
	}
	if n := len(v.Contacts()); n != maxFailed || len(v.named) != 0 {
		t.Errorf("%d are told of, %d names stay", n, len(v.named))
	}
}

// heap is how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	for range 3 { // pools give up what they have in the second round
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
