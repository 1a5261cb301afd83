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
	led    bool  // a picture or a sound has come
	lead   int   // the first track that had one
	offset int64 // of that track: stream time minus publisher's time
	newest int64 // the newest stream time of any track but data
	at     int64 // when that came
	tracks []trackClock
	jump   struct { // the last one bridged
		n      uint64 // counts them
		by, at int64
	}
}

type trackClock struct {
	seen   bool
	offset int64
	last   int64  // stream time of its newest frame
	step   int64  // between its newest two
	jump   uint64 // the last jump that it took part in
}

// Offset returns the stream's time minus the publisher's own, in ns, as the first track that
// is not data has it.
func (c *Clock) Offset() int64 { return c.offset }

// Led reports whether a picture or a sound has come.
func (c *Clock) Led() bool { return c.led }

// Newest returns the newest stream time of a picture or a sound, in ns, once there is one.
func (c *Clock) Newest() int64 { return c.newest }

// Locate returns the stream time that a frame of a track would have if the track's clock goes
// on as it is, or the others' clock where the track is new.
func (c *Clock) Locate(track int, dts int64) int64 {
	if track < len(c.tracks) && c.tracks[track].seen {
		return dts + c.tracks[track].offset
	}
	return dts + c.offset
}

// End returns the stream time at which a next publisher should start, in ns.
func (c *Clock) End() int64 {
	if !c.begun {
		return c.Start
	}
	last, step := c.newest, firstStep
	for i := range c.tracks {
		last, step = max(last, c.tracks[i].last), max(step, c.tracks[i].step)
	}
	return last + step
}

// Stamp returns the stream time of a frame with the publisher's time dts, which arrived at
// at; all are ns. Track is its index among the publisher's tracks.
func (c *Clock) Stamp(track int, kind Kind, dts, at int64) int64 {
	if !c.begun {
		c.begun, c.newest, c.at = true, c.Start, at
	}
	for track >= len(c.tracks) {
		c.tracks = append(c.tracks, trackClock{last: c.Start})
	}
	t := &c.tracks[track]
	if kind == Data {
		t.last = max(t.last, c.loose(dts, at))
		return t.last
	}
	if !c.led {
		c.led, c.lead, c.offset = true, track, c.newest-dts
	}
	out := t.place(c, dts, at)
	if step := out - t.last; t.seen && step > 0 && step < int64(MaxBack) {
		t.step = step
	}
	t.seen, t.last = true, out
	if out >= c.newest {
		c.newest, c.at = out, at
	}
	if track == c.lead {
		c.offset = t.offset
	}
	return out
}

// place finds the stream time of a track's frame and mends the track's offset.
func (t *trackClock) place(c *Clock, dts, at int64) int64 {
	latest := c.newest + int64(MaxGap) + max(0, at-c.at)
	if !t.seen {
		return t.first(c, dts, latest)
	}
	t.follow(c, dts, at)
	out := dts + t.offset
	switch {
	case out < t.last-int64(MaxBack), out > latest:
		t.bridge(c, dts, at)
		c.Repairs.Jump++
	case out < c.newest-int64(MaxSkew):
		t.offset = c.newest - dts
		c.Repairs.Skew++
	}
	if out = dts + t.offset; out < t.last {
		c.Repairs.Order++
		return t.last
	}
	return out
}

// first places a track's first frame: by the clock of the others, or, where that cannot be
// its own, beside the newest frame.
func (t *trackClock) first(c *Clock, dts, latest int64) int64 {
	t.offset, t.jump = c.offset, c.jump.n
	earliest := max(c.newest-int64(MaxSkew), c.Start-int64(MaxBack))
	if out := dts + t.offset; out < earliest || out > latest {
		t.offset = c.newest - dts
		c.Repairs.Skew++
	}
	return max(c.Start, dts+t.offset)
}

// follow takes a track along with another one's jump of a moment ago, once, if that brings its
// frame to where it is due: clocks that are set together stay in step, also where the one's
// jump was long enough to be noticed and the other's was not.
func (t *trackClock) follow(c *Clock, dts, at int64) {
	if t.jump == c.jump.n || at-c.jump.at >= jumpSpan {
		return
	}
	late := dts + t.offset - t.due()
	if then := abs(late + c.jump.by); then < abs(late) && then < int64(MaxBack) {
		t.offset += c.jump.by
		t.jump = c.jump.n
		c.Repairs.Jump++
	}
}

// bridge gives a track whose clock was set a new offset, so that it goes on from where it was,
// or from where the others are if it has been away.
func (t *trackClock) bridge(c *Clock, dts, at int64) {
	to := t.due()
	if to < c.newest-int64(MaxSkew) {
		to = c.newest
	}
	c.jump.n++
	c.jump.by, c.jump.at = to-(dts+t.offset), at
	t.offset += c.jump.by
	t.jump = c.jump.n
}

// due is the stream time at which the track's next frame is expected.
func (t *trackClock) due() int64 {
	if t.step == 0 {
		return t.last + firstStep
	}
	return t.last + t.step
}

// loose places a data frame, whose stamps are often zero or late: near the newest picture or
// sound if it can, and by its arrival while there has been neither.
func (c *Clock) loose(dts, at int64) int64 {
	if !c.led {
		c.newest, c.at = c.newest+max(0, at-c.at), max(c.at, at)
		return c.newest
	}
	out := dts + c.offset
	if out < c.newest-int64(MaxBack) || out > c.newest+int64(MaxBack) {
		return c.newest
	}
	return out
}

func abs(n int64) int64 { return max(n, -n) }

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
