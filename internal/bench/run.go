package bench

import (
	"context"
	"sync"
	"time"
)

// settleTime is how long all connections together may take when the last has begun.
const settleTime = 20 * time.Second

// run is one measurement, from the first connection to the report.
type run struct {
	// Set at construction.
	options *options
	dial    dialer
	begun   time.Time
	recipe  *recipe // of made-up streams
	clip    *clip   // or what is published instead

	tallies tallies
	causes  causes
	buffers sync.Pool // of *buffer
	tried   sync.WaitGroup
	workers sync.WaitGroup

	meter meter
}

// newRun prepares a run: it reads the file, and knows the protocol.
func newRun(o *options) (*run, error) {
	d, err := dialerOf(o)
	if err != nil {
		return nil, err
	}
	r := &run{options: o, dial: d, begun: time.Now()}
	switch {
	case o.mode != modePublish:
	case o.file != "":
		r.clip, err = openClip(o.file)
	default:
		r.recipe, err = newRecipe(o)
	}
	return r, err
}

// measure does it all, and returns the report. The end of ctx ends it early.
func (r *run) measure(ctx context.Context) *report {
	all, end := context.WithCancel(ctx)
	defer end()
	var gone <-chan struct{}
	switch r.options.mode {
	case modeChurn:
		r.tallies.measure(true)
		r.meter.begin()
		r.churn(all)
	default:
		gone = r.open(all)
		pause(all, r.options.warmup, gone)
		r.tallies.measure(true)
		r.meter.begin()
		pause(all, r.options.duration, gone)
	}
	r.meter.end()
	r.tallies.measure(false)
	end()
	r.workers.Wait()
	return r.report()
}

// open opens all connections, one by one, and returns when all have been tried. The channel is
// closed when none of them is left.
func (r *run) open(ctx context.Context) (gone <-chan struct{}) {
	for i := range r.options.connections {
		r.tried.Add(1)
		r.workers.Go(func() { r.work(ctx, i) })
		if !r.rest(ctx, i+1) {
			break
		}
	}
	left, settled := make(chan struct{}), make(chan struct{})
	go func() { r.tried.Wait(); close(settled) }()
	go func() { r.workers.Wait(); close(left) }()
	pause(ctx, settleTime, settled)
	return left
}

// rest waits until it is time for connection n. It reports false if ctx ends first.
func (r *run) rest(ctx context.Context, n int) bool {
	due := r.begun.Add(time.Duration(float64(n) / r.options.ramp * float64(time.Second)))
	pause(ctx, time.Until(due), nil)
	return ctx.Err() == nil
}

// churn starts players at a rate, each of which leaves after its life.
func (r *run) churn(ctx context.Context) {
	end := r.begun.Add(r.options.duration)
	for i := 0; time.Now().Before(end); i++ {
		r.tried.Add(1)
		r.workers.Go(func() {
			ctx, leave := context.WithTimeout(ctx, r.options.life)
			defer leave()
			r.work(ctx, i)
		})
		if !r.rest(ctx, i+1) {
			return
		}
	}
	pause(ctx, r.options.life, nil)
}

// pause waits for d to pass, for ctx to end, or for done.
func pause(ctx context.Context, d time.Duration, done <-chan struct{}) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-done:
	}
}
