package media

import "time"

// What a Clock takes for granted of an honest publisher.
const (
	// MaxGap is the longest step forward, beyond the time that really passed, that is
	// believed; a longer one is the publisher's clock having been set.
	MaxGap = 3 * time.Second
	// MaxBack is the longest step back on one track that is taken for bad order; a longer one
	// is a clock that was reset.
	MaxBack = time.Second
	// MaxSkew is how far one track may lag behind the others before its clock is taken for
	// another one than theirs.
	MaxSkew = 10 * time.Second

	firstStep = int64(10 * time.Millisecond) // where no earlier step of the track is known
	jumpSpan  = int64(2 * time.Second)       // tracks whose clock is set together say so within
)

// Repairs counts what a Clock had to correct.
type Repairs struct {
	Order uint64 // stamps a little before the one before: held
	Jump  uint64 // clocks set forward, back or to zero: bridged
	Skew  uint64 // tracks with a clock of their own: brought together
}

// Clock puts one publisher's times on its stream's timeline: it starts where the stream ended,
// bridges jumps and resets, and never lets a track step back. The zero Clock starts at zero.
type Clock struct {
	Start   int64 // stream time of the publisher's first frame, ns
	Repairs Repairs

	begun  bool
	offset int64 // of the leading track: stream time minus publisher's time
	newest int64 // the newest stream time of any track
	at     int64 // when that came
	tracks []trackClock
	jump   struct { // the last one bridged
		set    bool
		by, at int64
	}
}

type trackClock struct {
	seen   bool
	offset int64
	last   int64 // stream time of its newest frame
	step   int64 // between its newest two
}

// Offset returns the stream's time minus the publisher's own, in ns, as the first track has it.
func (c *Clock) Offset() int64 { return c.offset }

// End returns the stream time at which a next publisher should start, in ns.
func (c *Clock) End() int64 {
	if !c.begun {
		return c.Start
	}
	step := firstStep
	for i := range c.tracks {
		step = max(step, c.tracks[i].step)
	}
	return c.newest + step
}

// Stamp returns the stream time of a frame with the publisher's time dts, which arrived at
// at; all are ns. Track is its index among the publisher's tracks.
func (c *Clock) Stamp(track int, kind Kind, dts, at int64) int64 {
	if !c.begun {
		c.begun = true
		c.offset, c.newest, c.at = c.Start-dts, c.Start, at
	}
	if kind == Data {
		return c.loose(dts)
	}
	for track >= len(c.tracks) {
		c.tracks = append(c.tracks, trackClock{})
	}
	t := &c.tracks[track]
	out := t.place(c, dts, at)
	if step := out - t.last; t.seen && step > 0 && step < int64(MaxBack) {
		t.step = step
	}
	t.seen, t.last = true, out
	if out >= c.newest {
		c.newest, c.at = out, at
	}
	if track == 0 {
		c.offset = t.offset
	}
	return out
}

// place finds the stream time of a track's frame and mends the track's offset.
func (t *trackClock) place(c *Clock, dts, at int64) int64 {
	if !t.seen {
		t.offset, t.last = c.offset, c.Start
		if skew := dts + t.offset - c.newest; skew > int64(MaxGap) || skew < -int64(MaxGap) {
			t.offset = c.newest - dts
			c.Repairs.Skew++
		}
	}
	out := dts + t.offset
	switch {
	case !t.seen:
	case out < t.last-int64(MaxBack), out > c.newest+int64(MaxGap)+max(0, at-c.at):
		out = t.bridge(c, dts, at)
		c.Repairs.Jump++
	case out < c.newest-int64(MaxSkew):
		t.offset = c.newest - dts
		out = c.newest
		c.Repairs.Skew++
	}
	if out < t.last {
		if t.seen {
			c.Repairs.Order++
		}
		return t.last
	}
	return out
}

// bridge gives a track whose clock was set a new offset, so that it goes on from where it was.
// If another track's clock was set by about as much a moment ago, it was the same event, and
// the same correction keeps both in step.
func (t *trackClock) bridge(c *Clock, dts, at int64) int64 {
	step := t.step
	if step == 0 {
		step = firstStep
	}
	by := t.last + step - (dts + t.offset)
	if d := by - c.jump.by; c.jump.set && at-c.jump.at < jumpSpan && d < int64(MaxBack) && d > -int64(MaxBack) {
		by = c.jump.by
	}
	c.jump.set, c.jump.by, c.jump.at = true, by, at
	t.offset += by
	return dts + t.offset
}

// loose places a data frame, whose stamps are often zero or late: near the newest if it can.
func (c *Clock) loose(dts int64) int64 {
	out := dts + c.offset
	if out < c.newest-int64(MaxBack) || out > c.newest+int64(MaxBack) {
		return c.newest
	}
	return out
}

// Wrap unwraps a counter of a given number of bits, such as a 33-bit MPEG-TS time. The zero
// Wrap with Bits set is ready.
type Wrap struct {
	Bits uint
	last int64
	set  bool
}

// Next returns the unwrapped value that is nearest to the one before.
func (w *Wrap) Next(raw uint64) int64 {
	if !w.set {
		w.set, w.last = true, int64(raw)
		return w.last
	}
	shift := 64 - w.Bits
	w.last += int64((raw-uint64(w.last))<<shift) >> shift
	return w.last
}
