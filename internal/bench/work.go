package bench

import (
	"context"
	"errors"
	"time"
)

// work is connection number n, from its first to its last.
func (r *run) work(ctx context.Context, n int) {
	t := r.tallies.of(n)
	c := connection{run: r, tally: t, begun: time.Now()}
	t.count(func(c *counts) { c.tried++ })
	var err error
	if r.options.mode == modePublish {
		err = c.publish(ctx, n)
	} else {
		err = c.listen(ctx, n)
	}
	if !c.told {
		r.tried.Done()
	}
	over := ctx.Err() != nil
	switch {
	case !c.connected && over && !c.overdue(ctx):
		t.count(func(c *counts) { c.tried-- }) // it was not given the time
	case !c.connected:
		t.count(func(c *counts) { c.failed++ })
		r.causes.add("not connected", err)
	case !over:
		t.count(func(c *counts) { c.dropped++ })
		r.causes.add("dropped", err)
	}
}

// connection is one of a run.
type connection struct {
	run       *run
	tally     *tally
	begun     time.Time
	connected bool
	told      bool // that it was tried
}

// overdue reports whether a connection of churn took all its life to get nowhere.
func (c *connection) overdue(ctx context.Context) bool {
	return c.run.options.mode == modeChurn && errors.Is(ctx.Err(), context.DeadlineExceeded)
}

// in notes that the server has let it in.
func (c *connection) in() {
	c.connected, c.told = true, true
	took := time.Since(c.begun)
	c.tally.count(func(all *counts) {
		all.connected++
		all.connect.add(took)
	})
	c.run.tried.Done()
}

// publish writes stream n.
func (c *connection) publish(ctx context.Context, n int) error {
	r := c.run
	out, err := r.dial.publish(ctx, r.options.streamURL(n))
	if err != nil {
		return err
	}
	c.in()
	p := &publisher{tally: c.tally, out: out, epoch: r.begun}
	if r.clip != nil {
		p.src = &loop{clip: r.clip, stream: uint32(n)}
	} else {
		p.src = newSynthetic(r.recipe, n)
	}
	sending, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r.workers.Go(func() {
		stop(out.watch())
		out.close() // what blocks in a write
	})
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewellTime, out.close) })()
	defer out.close()
	err = p.run(sending)
	if ctx.Err() != nil {
		out.finish()
		return err
	}
	pause(ctx, farewellTime, sending.Done())
	if cause := context.Cause(sending); cause != nil {
		return cause // says more than a write can
	}
	return err
}

// farewellTime is for a publisher to end its last write and say that it is over.
const farewellTime = 200 * time.Millisecond

// listen plays a stream, or connects and waits.
func (c *connection) listen(ctx context.Context, n int) error {
	r := c.run
	p := &player{tally: c.tally, begun: c.begun, late: r.options.late}
	var l line
	var err error
	if r.options.mode == modeIdle {
		l, err = r.dial.rest(ctx, r.options.streamURL(n%r.options.streams))
	} else {
		l, err = r.dial.play(ctx, r.options.streamURL(n%r.options.streams), p.take)
	}
	if err != nil {
		return err
	}
	p.live = time.Now()
	c.in()
	err = l.listen(ctx, &r.buffers, p)
	if r.options.mode == modePlay {
		c.tally.mu.Lock()
		if c.tally.open {
			p.pause(time.Now())
		}
		c.tally.mu.Unlock()
	}
	return err
}
