package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
)

// TestPulses feels loads one after the other: each letter is the level then.
func TestPulses(t *testing.T) {
	conf := config.CircuitBreaker{
		Enabled: true, HighThreshold: 90, HighPulse: 2, CriticalThreshold: 95, CriticalPulse: 1, DyingThreshold: 99, DyingPulse: 3,
	}
	with := func(change func(*config.CircuitBreaker)) config.CircuitBreaker {
		c := conf
		change(&c)
		return c
	}
	for _, x := range []struct {
		conf config.CircuitBreaker
		load []float64
		want string
	}{
		{conf, []float64{0, 90, 91, 50, 50, 50}, "nnhhnn"},
		{conf, []float64{96, 50, 50}, "chn"},
		{conf, []float64{96, 96, 93, 50, 50}, "cchhn"},
		{conf, []float64{100, 100, 100, 100, 99, 50, 50}, "ccddchn"},
		{conf, []float64{100, 100, 98, 100, 100, 100}, "cccccd"},
		{with(func(c *config.CircuitBreaker) { c.Enabled = false }), []float64{100, 100, 100, 100}, "nnnn"},
		{with(func(c *config.CircuitBreaker) { c.DyingPulse = 0 }), []float64{100, 100, 100, 100, 100}, "ccccc"},
		{with(func(c *config.CircuitBreaker) { c.CriticalPulse = 0 }), []float64{96, 50, 50}, "hhn"},
		{with(func(c *config.CircuitBreaker) { c.HighPulse = 0 }), []float64{92, 96, 50}, "ncn"},
		{with(func(c *config.CircuitBreaker) { c.HighPulse = 4 }), []float64{92, 50, 50, 50, 50}, "hhhhn"},
		{with(func(c *config.CircuitBreaker) { c.HighThreshold = 30 }), []float64{31, 29, 29}, "hhn"},
		{with(func(c *config.CircuitBreaker) { c.CriticalThreshold = 30 }), []float64{31, 29}, "cn"},
		{with(func(c *config.CircuitBreaker) { c.DyingThreshold = 30 }), []float64{31, 31, 31}, "nnd"},
	} {
		var p pulses
		var got strings.Builder
		for _, percent := range x.load {
			got.WriteByte("nhcd"[p.feel(&x.conf, percent)])
		}
		if got.String() != x.want {
			t.Errorf("%v with %+v: %s; want %s", x.load, x.conf, got.String(), x.want)
		}
	}
}

// TestBreaker has a process that uses one of two processors, then both, then none.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var c atomic.Pointer[config.Config]
		c.Store(settings(t, ""))
		var cpu atomic.Int64
		rate := 0.0 // processors
		tick := func() {
			cpu.Add(int64(rate * float64(breakerEvery)))
			time.Sleep(breakerEvery)
			synctest.Wait()
		}
		b := NewBreaker(BreakerOptions{
			Config: c.Load, Log: slog.New(slog.NewTextHandler(&log, nil)),
			CPU: func() time.Duration { return time.Duration(cpu.Load()) }, Procs: func() int { return 2 },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		time.Sleep(breakerEvery / 2) // between two looks
		expect := func(what string, used float64, level Level) {
			t.Helper()
			if got := fmt.Sprintf("%.2f %.2f %v", b.Used(), b.Share(), b.Level()); got != fmt.Sprintf("%.2f %.2f %v", used, used/2, level) {
				t.Errorf("%s: %s", what, got)
			}
		}
		rate = 1
		tick()
		expect("one of two", 1, Normal)
		rate = 2
		tick()
		expect("both", 2, Critical)
		for range 4 {
			tick()
		}
		expect("both for five seconds", 2, Dying)
		rate = 0
		for range 3 {
			tick()
		}
		expect("none", 0, Normal)
		if n := strings.Count(log.String(), "\n"); n != 4 || !strings.Contains(log.String(), "level=dying before=critical percent=100") {
			t.Errorf("%d lines:\n%s", n, log.String())
		}
		c.Store(settings(t, "circuit_breaker { enabled off; }"))
		rate = 2
		tick()
		expect("measured, with no levels", 2, Normal)
		c.Store(settings(t, "circuit_breaker { enabled off; } stats { enabled off; }"))
		tick()
		expect("not measured", 0, Normal)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestProcess asks the system about this process.
func TestProcess(t *testing.T) {
	before := cpuTime()
	for end := time.Now().Add(10 * time.Second); cpuTime() <= before && time.Now().Before(end); {
		_ = strings.Repeat("busy", 1000)
	}
	if cpuTime() <= before || Memory() < 1<<20 || reserved() < 1<<20 || uname().name == "" {
		t.Errorf("cpu %v, memory %d, reserved %d, %+v", cpuTime()-before, Memory(), reserved(), uname())
	}
}
