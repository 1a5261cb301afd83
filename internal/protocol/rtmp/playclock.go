package rtmp

import (
	"time"

	"weir/internal/media"
)

// playClock gives a player's time stamps. Each player has a time base of its own: the frame it
// starts with.
type playClock struct {
	set       bool
	mode      string
	publisher uint64
	base      int64 // subtracted from each time, ns
	last      int64 // ms
	early     bool  // the last frame was before the first one, and has its time
}

// stamp returns a frame's RTMP time in ms. With jitter "full" it counts from the player's first
// frame on the stream's timeline, which has no jumps; with "zero" from the first frame too, but
// as the publisher counts; with "off", or atc, it is the publisher's own.
func (c *playClock) stamp(f *media.Frame, jitter string, atc bool) uint32 {
	if atc {
		jitter = "off"
	}
	at := f.DTS
	if jitter != "full" {
		at -= f.Layout.Offset
	}
	another := c.publisher != f.Layout.Publisher && jitter == "zero" // has a clock of its own
	if !c.set || c.mode != jitter || another {
		c.rebase(at, jitter)
	}
	c.publisher = f.Layout.Publisher
	c.last = millis(at) - millis(c.base)
	c.early = c.last < 0 && jitter != "off" // else it wraps, as the publisher's own did
	if c.early {
		c.last = 0
	}
	return uint32(c.last)
}

// rebase starts a mode. A player whose mode changes under way goes on from where it was.
func (c *playClock) rebase(at int64, mode string) {
	c.base = at
	if c.set {
		c.base = at - c.last*int64(time.Millisecond)
	}
	if mode == "off" {
		c.base = 0
	}
	c.set, c.mode = true, mode
}

// millis returns whole milliseconds, rounded down, so that the steps between stamps are the same
// for every time base.
func millis(ns int64) int64 {
	ms := ns / int64(time.Millisecond)
	if ns%int64(time.Millisecond) < 0 {
		ms--
	}
	return ms
}
