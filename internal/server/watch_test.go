package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/metrics"
	"weir/internal/stream"
)

// TestPithy changes how often the line of statistics comes, and what is in it.
func TestPithy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var every, bytesIn atomic.Int64
		var clients atomic.Int32
		every.Store(int64(3 * time.Second))
		p := &pithy{
			every: func() time.Duration { return time.Duration(every.Load()) },
			totals: func() stream.Totals {
				in := uint64(bytesIn.Add(125_000))
				return stream.Totals{Clients: int(clients.Load()), Streams: 2, Usage: stream.Usage{Received: in, Sent: 3 * in}}
			},
			load: metrics.NewBreaker(metrics.BreakerOptions{Config: func() *config.Config { return nil }}),
			log:  slog.New(slog.NewTextHandler(&log, nil)),
		}
		clients.Store(5)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		after := func(d time.Duration, lines int, words string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := log.String(); strings.Count(got, "msg=status") != lines || !strings.Contains(got, words) {
				t.Errorf("after %s:\n%s\nwant %d lines with %s", d, got, lines, words)
			}
			log.Reset()
		}
		after(9500*time.Millisecond, 3, "clients=5 streams=2 in_kbps=333 out_kbps=1000 cpu_percent=0 memory_mb=")
		every.Store(int64(time.Second))
		after(4*time.Second, 4, "in_kbps=1000 out_kbps=3000")
		every.Store(int64(10 * time.Millisecond))
		after(4*time.Second, 4, "load=normal")
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestPithyIdle holds that a server with nothing to do says so once.
func TestPithyIdle(t *testing.T) {
	var log bytes.Buffer
	totals := stream.Totals{Clients: 1}
	p := &pithy{
		every: func() time.Duration { return 0 }, totals: func() stream.Totals { return totals },
		load: metrics.NewBreaker(metrics.BreakerOptions{Config: func() *config.Config { return nil }}),
		log:  slog.New(slog.NewTextHandler(&log, nil)), last: time.Now().Add(-time.Second),
	}
	p.look()
	totals.Clients = 0
	for range 3 {
		p.look()
	}
	totals.Clients = 2
	p.look()
	var got []string
	for line := range strings.Lines(log.String()) {
		got = append(got, strings.Fields(line)[3])
	}
	if fmt.Sprint(got) != "[clients=1 clients=0 clients=2]" {
		t.Errorf("%s", log.String())
	}
}

// TestFollow has a parent that ends, and one that does not.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var parent atomic.Int64
		parent.Store(77)
		var quits atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		for range 2 {
			go follow(ctx, 77, func() int { return int(parent.Load()) }, func(error) { quits.Add(1) })
		}
		time.Sleep(time.Minute)
		if n := quits.Load(); n != 0 {
			t.Errorf("%d quit", n)
		}
		parent.Store(1)
		time.Sleep(parentLook)
		synctest.Wait()
		if n := quits.Load(); n != 2 {
			t.Errorf("%d quit", n)
		}
		go follow(ctx, 1, func() int { return 1 }, func(error) { quits.Add(1) })
		cancel()
		synctest.Wait()
		if n := quits.Load(); n != 2 {
			t.Errorf("%d quit", n)
		}
	})
}
