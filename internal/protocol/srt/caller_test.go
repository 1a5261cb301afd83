package srt

import (
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/datarhei/gosrt"
)

// readers counts the goroutines of the library that read the sockets of connections we have called for.
func readers() int {
	b := make([]byte, 1<<20)
	return strings.Count(string(b[:runtime.Stack(b, true)]), "gosrt.DialWithContext.func")
}

// TestDialLeavesNothing calls where nobody answers, and where it is refused.
func TestDialLeavesNothing(t *testing.T) {
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ln, err := srt.Listen("srt", "127.0.0.1:0", srt.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			req, err := ln.Accept2()
			if err != nil {
				return
			}
			req.Reject(srt.REJX_FORBIDDEN)
		}
	}()
	v := NewServer(Options{})
	var all sync.WaitGroup
	for address, want := range map[string]string{mute.LocalAddr().String(): "timeout", ln.Addr().String(): "code 1403: it does not allow it"} {
		for range 20 {
			all.Go(func() {
				config := srt.DefaultConfig()
				config.ConnectionTimeout = 100 * time.Millisecond
				if _, err := v.dial(t.Context(), &peer{address: address, config: config}); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v; want %s", err, want)
				}
			})
		}
	}
	all.Wait()
	v.settle()
	for end := time.Now().Add(time.Second); readers() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines stay", readers())
		}
	}
}
