package bench

import (
	"context"
	"time"

	"weir/internal/format/flv"
)

const (
	// grid is what sending times are rounded up to: so the tool wakes for many streams at once.
	grid = time.Millisecond
	// blockedTime is how long a write may take before that counts.
	blockedTime = 100 * time.Millisecond
	// behindTime is how late a publisher may be in the end.
	behindTime = time.Second
)

// publisher sends one stream, paced by the clock.
type publisher struct {
	tally *tally
	src   source
	out   publication
	epoch time.Time // the grid's
	body  []byte
}

// run sends until ctx ends, or the connection does, with the reason.
func (p *publisher) run(ctx context.Context) error {
	for _, tag := range p.src.headers() {
		if err := p.out.send(tag); err != nil {
			return err
		}
	}
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due := p.onGrid(begun.Add(p.src.due()))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if ctx.Err() != nil {
			p.stop(due)
			return context.Cause(ctx)
		}
		now := time.Now()
		tag := p.src.next(p.body[:0], now)
		p.body = tag.Body
		if err := p.out.send(tag); err != nil {
			p.stop(due)
			return err
		}
		p.sent(tag, due, now)
	}
}

// onGrid rounds up.
func (p *publisher) onGrid(due time.Time) time.Time {
	since := due.Sub(p.epoch)
	return due.Add((grid - since%grid) % grid)
}

// sent counts a message.
func (p *publisher) sent(tag flv.Tag, due, begun time.Time) {
	now := time.Now()
	p.tally.mu.Lock()
	defer p.tally.mu.Unlock()
	c := &p.tally.counts
	c.bytes += uint64(len(tag.Body))
	if !p.tally.open {
		return
	}
	c.windowBytes += uint64(len(tag.Body))
	if tag.Type == flv.TagVideo {
		c.video++
	} else {
		c.audio++
	}
	c.lateness.add(now.Sub(due))
	if now.Sub(begun) > blockedTime {
		c.blocked++
	}
}

// stop counts whether the publisher had fallen behind when it ended.
func (p *publisher) stop(due time.Time) {
	if time.Since(due) > behindTime {
		p.tally.count(func(c *counts) { c.behind++ })
	}
}
