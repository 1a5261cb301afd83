package metrics

import (
	"errors"
	"maps"
	"sync"

	"weir/internal/stream"
)

// maxGates is how many names of gates are told apart; those beyond are "others". There are a few.
const maxGates = 64

// counts are what is counted of the events.
type counts struct {
	mu     sync.Mutex // guards all below
	events map[stream.What]uint64
	denied map[denial]uint64
	failed uint64 // sessions that were refused, or ended otherwise than their client wanted
}

// denial is who kept a client from doing what.
type denial struct{ gate, act string }

func newCounts() *counts {
	c := &counts{events: map[stream.What]uint64{}, denied: map[denial]uint64{}}
	for _, what := range []stream.What{ // so that those which have not happened are 0
		stream.Connected, stream.Closed, stream.Published, stream.Unpublished, stream.Played,
		stream.Stopped, stream.Refused, stream.Slow, stream.Silent,
		stream.ForwardBegun, stream.ForwardEnded, stream.ForwardFailed,
	} {
		c.events[what] = 0
	}
	return c
}

func (c *counts) hear(e stream.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events[e.What]++
	switch e.What {
	case stream.Refused:
		c.failed++
		d := denial{gateOf(e.Cause), e.Act.String()}
		if _, known := c.denied[d]; !known && len(c.denied) >= maxGates {
			d.gate = "others"
		}
		c.denied[d]++
	case stream.Unpublished, stream.Stopped:
		if e.Cause != nil {
			c.failed++
		}
	}
}

// gateOf names who refused.
func gateOf(cause error) string {
	if d := (*stream.Denied)(nil); errors.As(cause, &d) {
		return clean(d.Gate)
	}
	if m := (*stream.Moved)(nil); errors.As(cause, &m) {
		return "moved"
	}
	if errors.Is(cause, stream.ErrBusy) {
		return "busy"
	}
	return "fault"
}

// copy returns the counts of now.
func (c *counts) copy() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return counts{events: maps.Clone(c.events), denied: maps.Clone(c.denied), failed: c.failed}
}
