package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"weir/internal/stream"
	"weir/internal/transport"
)

// steady is for how long a target must have been sent the stream before its next failure is news, and its next attempt soon.
const steady = 30 * time.Second

// errClaimed is why an address waits that is for one stream at a time.
var errClaimed = errors.New("another stream is sent there, and the address is for one at a time")

// send sends the stream to one target, again and again, until the publication or ctx ends.
func (f *forwarding) send(ctx context.Context, r *stream.Request, t target) {
	c := f.chart(r, t)
	defer c.erase()
	scheme, err := f.relay.pusher(t.url)
	if err != nil {
		err = c.guise.hide(err)
		c.log.Error("stream is not sent on", "cause", err)
		c.enter(stream.Turned, time.Time{}, err)
		c.tell(stream.ForwardFailed, 0, err)
		f.wait(ctx) // and is listed meanwhile
		return
	}
	if scheme.Sole != nil && scheme.Sole(t.url) {
		if !f.claim(ctx, t.url, c) {
			return
		}
		defer f.relay.release(t.url)
	}
	failed := failures{log: c.log, next: fading}
	for rest := (backoff{}); ; {
		began := time.Now()
		c.enter(stream.Connecting, time.Time{}, nil)
		opened, err := f.attempt(ctx, scheme, t.url, c)
		if f.done(ctx, c, opened, err) {
			return
		}
		if !opened.IsZero() && time.Since(opened) > steady {
			failed.over()
			rest.over()
		}
		wait := max(breath, rest.next()-time.Since(began))
		c.enter(stateOf(err), time.Now().Add(wait), err)
		if failed.note("stream is not sent on", err) {
			c.tell(stream.ForwardFailed, 0, err)
		}
		if !f.pause(ctx, wait) {
			return
		}
	}
}

// done tells of the end of an attempt, and reports whether it was the last.
func (f *forwarding) done(ctx context.Context, c *course, opened time.Time, err error) bool {
	left := ctx.Err() != nil
	if !opened.IsZero() {
		cause := err
		if left {
			cause = nil
		}
		c.tell(stream.ForwardEnded, time.Since(opened), cause)
	}
	switch {
	case err == nil:
		c.log.Info("stream was sent on to its end")
		return true
	case left:
		c.log.Info("stream is not sent on any more")
		return true
	}
	select {
	case <-f.over:
		return opened.IsZero() // it was given up for that
	default:
		return false
	}
}

// stateOf is the state in which a failure leaves a target.
func stateOf(err error) stream.TargetState {
	if errors.Is(err, transport.ErrRefused) {
		return stream.Turned
	}
	return stream.Waiting
}

// attempt sends the stream once, and returns since when it has. One who is not sent anything when the publication ends is not
// waited for.
func (f *forwarding) attempt(ctx context.Context, scheme Scheme, url string, c *course) (opened time.Time, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // guards opened
	var ending sync.WaitGroup
	defer ending.Wait()
	ending.Go(func() {
		select {
		case <-f.over:
			mu.Lock()
			defer mu.Unlock()
			if opened.IsZero() {
				cancel()
			}
		case <-ctx.Done():
		}
	})
	defer cancel()
	open := func(packets stream.Cargo) *stream.Subscriber {
		mu.Lock()
		first := opened.IsZero()
		if first {
			opened = time.Now()
		}
		mu.Unlock()
		sub := f.sub.Fork(packets)
		c.sends(sub)
		if first {
			c.log.Info("stream is sent on")
			c.tell(stream.ForwardBegun, 0, nil)
		}
		return sub
	}
	visit := transport.Visit{Laps: f.laps(), Traffic: &c.traffic}
	err = c.guise.hide(stream.Guard("relay", func() error { return scheme.Push(ctx, url, visit, open, f.over) }))
	return opened, err
}

// claim waits until an address that is for one stream at a time is free; it is false if there is nothing to send any more.
func (f *forwarding) claim(ctx context.Context, url string, c *course) bool {
	for told := false; !f.relay.claim(url); told = true {
		c.enter(stream.Waiting, time.Now().Add(attemptEvery), errClaimed)
		if !told {
			c.log.Error("stream is not sent on: another one is, and the address is for one stream at a time")
			c.tell(stream.ForwardFailed, 0, errClaimed)
		}
		if !f.pause(ctx, attemptEvery) {
			return false
		}
	}
	return true
}

// wait waits until there is nothing to send any more.
func (f *forwarding) wait(ctx context.Context) {
	select {
	case <-f.over:
	case <-ctx.Done():
	}
}
