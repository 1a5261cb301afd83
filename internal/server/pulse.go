package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	pulseEvery = time.Second     // that a request has waited for the process before when that is asked whether it lives, and then again
	pulseTime  = 3 * time.Second // for it to say so
	pulseRest  = 5 * time.Second // for which one that does not is asked nothing
)

// pulse tells whether the process before still does anything: requests wait for it long, for a playlist that is to come or a segment,
// and are not to wait for ever where it hangs.
type pulse struct {
	// Set at construction.
	ask func(context.Context) error
	log *slog.Logger

	turn chan struct{} // cap 1: full while one asks

	mu     sync.Mutex
	asked  time.Time // guarded by mu: when it was asked last
	silent bool      // guarded by mu: it has not answered then
}

func newPulse(ask func(context.Context) error, log *slog.Logger) *pulse {
	return &pulse{ask: ask, log: log, turn: make(chan struct{}, 1)}
}

// last is what is known of it, and for how long.
func (p *pulse) last() (silent bool, ago time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.silent, time.Since(p.asked)
}

// well reports whether it may be asked for something. While it is silent, one of those who want something asks for a sign of life,
// after each rest; the others go on without.
func (p *pulse) well() bool {
	silent, ago := p.last()
	if !silent || ago < pulseRest {
		return !silent
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
		return p.feel()
	default:
		return false
	}
}

// beats reports whether it lives, as of a moment ago. Many who ask at a time get one answer.
func (p *pulse) beats() bool {
	p.turn <- struct{}{} // each before us takes no longer than pulseTime, and those behind that one no time at all
	defer func() { <-p.turn }()
	if silent, ago := p.last(); ago < pulseEvery {
		return !silent
	}
	return p.feel()
}

// feel asks it; who calls has the turn.
func (p *pulse) feel() bool {
	ctx, cancel := context.WithTimeout(context.Background(), pulseTime)
	defer cancel()
	err := p.ask(ctx)
	p.mu.Lock()
	was := p.silent
	p.asked, p.silent = time.Now(), err != nil
	p.mu.Unlock()
	switch {
	case err != nil && !was:
		p.log.Error("the process before does not answer: what is published there is not to be had by HLS and DASH", "wait", pulseTime)
	case err == nil && was:
		p.log.Info("the process before answers again")
	}
	return err == nil
}

// guard calls end, which does not block, when it does not beat any more; not after stop.
func (p *pulse) guard(end func()) (stop func()) {
	var mu sync.Mutex
	over := false
	var timer *time.Timer
	again := func() {
		beats := p.beats()
		mu.Lock()
		defer mu.Unlock()
		switch {
		case over:
		case beats:
			timer.Reset(pulseEvery)
		default:
			end()
		}
	}
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(pulseEvery, again)
	return func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
		timer.Stop()
	}
}
