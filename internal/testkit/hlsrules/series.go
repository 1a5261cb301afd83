package hlsrules

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// complete gives a delta update what it has left out, and checks that it may.
func (c *checker) complete(p *Playlist, query url.Values) {
	if p.Skipped == 0 {
		return
	}
	const section = "6.2.5.1"
	if skip := query.Get("_HLS_skip"); skip != "YES" && skip != "v2" {
		c.bad(section, "EXT-X-SKIP, and the client has not asked for it")
	}
	if p.Control.SkipUntil == 0 {
		c.bad("4.4.5.2", "EXT-X-SKIP without CAN-SKIP-UNTIL")
	}
	if len(p.Segments) == 0 {
		c.bad(section, "nothing but skipped segments")
	}
	if behind := p.Length(); behind < p.Control.SkipUntil {
		c.bad(section, "segments are skipped that end %s before the end, and the skip boundary is %s", behind, p.Control.SkipUntil)
	}
	first := p.Sequence + p.Skipped
	last, known := c.known[first-1]
	if !known {
		c.bad(section, "segment %d is skipped, and the client has never seen it", first-1)
		return
	}
	for i := range p.Segments { // what was in force before goes on
		s := &p.Segments[i]
		inherit(s, last)
		last = *s
	}
	inherit(&p.Open, last)
	var skipped []Segment
	for n := p.Sequence; n < first; n++ {
		s, known := c.known[n]
		if !known {
			c.bad(section, "segment %d is skipped, and the client has never seen it", n)
			return
		}
		s.Parts = nil // they are not listed
		skipped = append(skipped, s)
	}
	p.Segments, p.Skipped = append(skipped, p.Segments...), 0
}

func inherit(s *Segment, last Segment) {
	if s.Map == "" {
		s.Map = last.Map
	}
	if s.Key == "" {
		s.Key = last.Key
	}
}

// answers checks that a blocking reload has brought what was asked for. One that has waited for a target duration may
// bring what there is, while nobody publishes: that is advised against.
func (c *checker) answers(p *Playlist, query url.Values, took time.Duration) {
	const section = "6.2.5.2"
	short := c.bad
	if p.Target > 0 && took >= p.Target {
		short = c.advise
	}
	if query.Get("_HLS_msn") == "" {
		if query.Get("_HLS_part") != "" {
			c.bad(section, "the client asks for a part without a segment")
		}
		return
	}
	number, err := strconv.Atoi(query.Get("_HLS_msn"))
	if err != nil {
		c.bad(section, "_HLS_msn=%s", query.Get("_HLS_msn"))
		return
	}
	if p.Ended {
		return // there will never be more
	}
	if query.Get("_HLS_part") == "" {
		if p.End() <= number {
			short(section, "asked for segment %d, and the last one is %d", number, p.End()-1)
		}
		return
	}
	part, err := strconv.Atoi(query.Get("_HLS_part"))
	if err != nil {
		c.bad(section, "_HLS_part=%s", query.Get("_HLS_part"))
		return
	}
	if last := newest(p); last.segment < number || last.segment == number && last.part < part {
		short(section, "asked for part %d of segment %d, and the last one is %d of %d", part, number, last.part, last.segment)
	}
}

// newest returns the position of the last part. Of a segment that is whole and has none listed, it
// is that behind all.
func newest(p *Playlist) position {
	if n := len(p.Open.Parts); n > 0 {
		return position{p.Open.Number, n - 1}
	}
	if len(p.Segments) == 0 {
		return position{p.End() - 1, 0}
	}
	s := &p.Segments[len(p.Segments)-1]
	if len(s.Parts) == 0 {
		return position{s.Number, 1 << 30}
	}
	return position{s.Number, len(s.Parts) - 1}
}

// behind checks a playlist against the one before.
func (c *checker) behind(p *Playlist, at time.Time) {
	b := c.before
	switch {
	case p.Target < b.Target:
		c.bad("4.4.3.1", "the target duration falls from %s to %s", b.Target, p.Target)
	case p.Target > b.Target:
		c.advise("4.4.3.1", "the target duration grows from %s to %s", b.Target, p.Target)
	}
	if p.PartTarget != b.PartTarget {
		c.bad("4.4.3.7", "the part target duration changes from %s to %s", b.PartTarget, p.PartTarget)
	}
	if b.Ended && (!p.Ended || p.End() != b.End()) {
		c.bad("4.4.3.4", "the playlist goes on behind its end")
	}
	if p.Sequence < b.Sequence {
		c.bad("4.4.3.2", "the media sequence falls from %d to %d", b.Sequence, p.Sequence)
	}
	last, now := newest(b), newest(p)
	if p.End() < b.End() || now.segment < last.segment || now.segment == last.segment && now.part < last.part && len(p.Open.Parts) > 0 {
		c.bad("6.2.1", "what was at the end is gone: part %d of %d, then %d of %d", last.part, last.segment, now.part, now.segment)
	}
	if p.Sequence > b.End() {
		c.advise("6.2.2", "segments %d to %d have come and gone between two loads", b.End(), p.Sequence-1)
	}
	c.removed(p)
	if now != last {
		c.grown = at
	} else if still := at.Sub(c.grown); still > p.Target*3/2 && !p.Ended {
		c.advise("6.2.2", "nothing new for %s", still.Round(time.Millisecond))
	}
}

// removed checks what has left the front.
func (c *checker) removed(p *Playlist) {
	b := c.before
	left, all := 0, true
	for n := b.Sequence; n < p.Sequence; n++ {
		s, known := c.known[n]
		if !known {
			all = false
			break
		}
		if s.Discontinuity {
			left++
		}
	}
	if d := p.Discontinuities - b.Discontinuities; d < left || all && d != left {
		c.bad("4.4.3.3", "%d discontinuities have left, and the discontinuity sequence goes from %d to %d", left, b.Discontinuities, p.Discontinuities)
	}
	if p.Sequence > b.Sequence && p.Length()-sum(p.Open.Parts) < 3*p.Target && !p.Ended {
		c.bad("6.2.2", "a segment was removed, and those that stay last %s: less than three target durations", p.Length()-sum(p.Open.Parts))
	}
}

// remember checks that what was there has stayed as it was, and notes what is new.
func (c *checker) remember(p *Playlist) {
	if b := c.before; b != nil && len(b.Open.Parts) > 0 {
		s := p.find(b.Open.Number)
		if s == nil && b.Open.Number == p.Open.Number {
			s = &p.Open
		}
		if s != nil && !alike(*s, b.Open) {
			c.bad("6.2.1", "segment %d had parts as %+v, and is %+v", s.Number, b.Open, *s)
		}
	}
	for i := range p.Segments {
		s := p.Segments[i]
		c.same(s.Number, s.Parts, true)
		s.Parts = nil
		was, known := c.known[s.Number]
		if known && (was.URI != s.URI || was.Duration != s.Duration || !alike(was, s)) {
			c.bad("6.2.1", "segment %d has changed from %+v to %+v", s.Number, was, s)
		}
		c.known[s.Number] = s
		if n, known := c.names[s.URI]; known && n != s.Number {
			c.bad("6.2.1", "segments %d and %d have one name: %s", n, s.Number, s.URI)
		}
		c.names[s.URI] = s.Number
	}
	c.same(p.Open.Number, p.Open.Parts, false)
}

// find returns a segment by its number.
func (p *Playlist) find(number int) *Segment {
	if i := number - p.Sequence - p.Skipped; i >= 0 && i < len(p.Segments) {
		return &p.Segments[i]
	}
	return nil
}

// alike compares what is true of a segment before it is whole.
func alike(a, b Segment) bool {
	return a.Discontinuity == b.Discontinuity && a.Gap == b.Gap && a.Wall.Equal(b.Wall) && a.Map == b.Map &&
		strings.TrimPrefix(a.Key, none) == strings.TrimPrefix(b.Key, none)
}

// same checks the parts of a segment against those that were seen before. Those of a whole segment may
// be gone altogether.
func (c *checker) same(number int, parts []Part, whole bool) {
	was := c.parts[number]
	if len(parts) == 0 && whole {
		return
	}
	n := min(len(was), len(parts))
	if !slices.Equal(was[:n], parts[:n]) || len(parts) < len(was) {
		c.bad("6.2.1", "the parts of segment %d have changed from %+v to %+v", number, was, parts)
	}
	if len(parts) > 0 {
		c.parts[number] = parts
	}
}
