package metrics

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/config"
)

// breakerEvery is how often the load is looked at.
const breakerEvery = time.Second

// Level is how much the processors have to do.
type Level int32

// The levels. Each of them includes those before it.
const (
	Normal   Level = iota
	High           // comfort may be given up
	Critical       // so may quality
	Dying          // the server barely works
)

func (l Level) String() string { return [...]string{"normal", "high", "critical", "dying"}[l] }

// BreakerOptions set up a Breaker.
type BreakerOptions struct {
	Config func() *config.Config // asked at each look
	Log    *slog.Logger
	CPU    func() time.Duration // that the process has used; nil asks the system
	Procs  func() int           // processors that it may use; nil asks the Go runtime
}

// Breaker looks at the processors once a second. It only tells: who can give something up asks for
// its Level.
type Breaker struct {
	o     BreakerOptions
	level atomic.Int32

	mu          sync.Mutex
	used, share float64 // guarded by mu

	// Owned by Run.
	pulses pulses
	before time.Duration
	at     time.Time
}

// NewBreaker returns a Breaker that says normal until Run.
func NewBreaker(o BreakerOptions) *Breaker {
	if o.CPU == nil {
		o.CPU = cpuTime
	}
	if o.Procs == nil {
		o.Procs = func() int { return runtime.GOMAXPROCS(0) } // it knows the limits of containers
	}
	return &Breaker{o: o, at: time.Now(), before: o.CPU()}
}

// Level is asked as often as one likes, from anywhere.
func (b *Breaker) Level() Level { return Level(b.level.Load()) }

// Used returns how many processors the process has used in the last second: 1 is one of them in full.
// It is 0 where stats and circuit_breaker are off.
func (b *Breaker) Used() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Share returns Used as a fraction of all processors that the process may use.
func (b *Breaker) Share() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.share
}

// Run looks until ctx ends.
func (b *Breaker) Run(ctx context.Context) error {
	tick := time.NewTicker(breakerEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.look()
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *Breaker) look() {
	c, now, cpu, used := b.o.Config(), time.Now(), b.o.CPU(), 0.0
	if passed := now.Sub(b.at); passed > 0 && (c.Stats.Enabled || c.CircuitBreaker.Enabled) {
		used = max(0, float64(cpu-b.before)/float64(passed))
	}
	b.before, b.at = cpu, now
	b.mu.Lock()
	b.used, b.share = used, used/float64(b.o.Procs())
	b.mu.Unlock()
	level := b.pulses.feel(&c.CircuitBreaker, 100*b.Share())
	if was := Level(b.level.Swap(int32(level))); was != level {
		b.tell(was, level)
	}
}

func (b *Breaker) tell(was, level Level) {
	say := b.o.Log.Info
	if level > was {
		say = b.o.Log.Warn
	}
	say("the load of the processors has changed", "level", level, "before", was, "percent", int(100*b.Share()+0.5))
}

// pulses are the looks for which a level goes on.
type pulses struct{ high, critical, dying int }

// feel takes a look into account, in percent of the processors. A level goes on for its pulses after
// the last look that was above its threshold; dying needs as many in a row, and ends with the first that
// is below.
func (p *pulses) feel(c *config.CircuitBreaker, percent float64) Level {
	if !c.Enabled {
		*p = pulses{}
		return Normal
	}
	p.high = pulse(p.high, percent > float64(c.HighThreshold), c.HighPulse)
	p.critical = pulse(p.critical, percent > float64(c.CriticalThreshold), c.CriticalPulse)
	if p.dying++; percent <= float64(c.DyingThreshold) {
		p.dying = 0
	}
	p.dying = min(p.dying, c.DyingPulse)
	switch {
	case p.dying > 0 && p.dying == c.DyingPulse:
		return Dying
	case p.critical > 0:
		return Critical
	case p.high > 0:
		return High
	}
	return Normal
}

// pulse counts down from full, which it gets whenever the load is above.
func pulse(left int, above bool, full int) int {
	if above {
		return full
	}
	return max(0, min(left, full)-1)
}
