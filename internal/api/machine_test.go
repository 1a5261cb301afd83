package api

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoad(t *testing.T) {
	at := time.Unix(1000, 0)
	before := sample{
		at: at, cpu: 10 * time.Second, busy: 100, ticks: 1000, readKB: 10, writtenKB: 20,
		diskBusy: map[string]time.Duration{"a": time.Second, "b": 5 * time.Second},
	}
	now := sample{
		at: at.Add(2 * time.Second), cpu: 13 * time.Second, busy: 150, ticks: 1200, readKB: 30, writtenKB: 220,
		diskBusy: map[string]time.Duration{"a": 2 * time.Second, "b": 5 * time.Second, "new": time.Hour},
	}
	want := load{self: 1.5, cpus: 0.25, disk: 0.5, readKB: 10, writtenKB: 100}
	if got := now.since(before); got != want {
		t.Errorf("load = %+v; want %+v", got, want)
	}
	reset := sample{at: at.Add(4 * time.Second), diskBusy: map[string]time.Duration{"a": 0}}
	for name, got := range map[string]load{
		"at the same time": now.since(now), "after a reset": reset.since(now), "back in time": before.since(now),
	} {
		if got != (load{}) {
			t.Errorf("%s: load = %+v", name, got)
		}
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{})
		first, _ := a.machine.latest()
		ctx, cancel := context.WithTimeout(t.Context(), machineEvery+time.Second)
		defer cancel()
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
		if last, _ := a.machine.latest(); last.at.Sub(first.at) != machineEvery {
			t.Errorf("sampled after %v", last.at.Sub(first.at))
		}
	})
}
