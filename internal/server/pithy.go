package server

import (
	"context"
	"log/slog"
	"math"
	"time"

	"weir/internal/metrics"
	"weir/internal/stream"
)

// pithyLook is how often is looked whether a line is due, and the least time between two.
const pithyLook = time.Second

// pithy logs at intervals how much the server does. Who has nothing to do says so once.
type pithy struct {
	// Set at construction.
	every  func() time.Duration
	totals func() stream.Totals
	load   *metrics.Breaker
	log    *slog.Logger

	// Owned by Run.
	last   time.Time
	before stream.Usage
	idle   bool
}

// Run logs until ctx ends.
func (p *pithy) Run(ctx context.Context) error {
	tick := time.NewTicker(pithyLook)
	defer tick.Stop()
	p.last = time.Now()
	for {
		select {
		case <-tick.C:
			p.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// look logs what is due, or nearly: ticks come a little early or late.
func (p *pithy) look() {
	now := time.Now()
	passed := now.Sub(p.last)
	if passed < p.every()-pithyLook/2 {
		return
	}
	t := p.totals()
	received, sent := t.Usage.Received-p.before.Received, t.Usage.Sent-p.before.Sent
	was := p.idle
	p.last, p.before, p.idle = now, t.Usage, t.Clients == 0 && received+sent == 0
	if p.idle && was {
		return
	}
	kbps := func(bytes uint64) int { return int(float64(bytes) * 8 / 1000 / passed.Seconds()) }
	p.log.Info("status", "clients", t.Clients, "streams", t.Streams, "in_kbps", kbps(received), "out_kbps", kbps(sent),
		"cpu_percent", math.Round(1000*p.load.Used())/10, "memory_mb", metrics.Memory()>>20, "load", p.load.Level())
}
