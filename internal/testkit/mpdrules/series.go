package mpdrules

import (
	"slices"
	"time"
)

// update checks a manifest against that before (5.4).
func (c *checker) update(m *MPD, body string) {
	const section = "5.4"
	b := c.before
	if !m.Start.Equal(b.Start) {
		c.bad(section, "availabilityStartTime changes from %s to %s", b.Start, m.Start)
	}
	if m.root.values["id"] != b.root.values["id"] {
		c.bad(section, "the id changes from %q to %q", b.root.values["id"], m.root.values["id"])
	}
	if m.Dynamic && !b.Dynamic {
		c.bad(section, "it goes on though it was static")
	}
	switch {
	case m.Published.Before(b.Published):
		c.bad(section, "publishTime falls from %s to %s", b.Published, m.Published)
	case m.Published.Equal(b.Published) && body != c.body && !same(b, m):
		c.bad(section, "the segments have changed, and publishTime has not")
	}
	c.periods(m)
}

// same tells whether two manifests list the same segments.
func same(a, b *MPD) bool {
	if len(a.Periods) != len(b.Periods) {
		return false
	}
	x, y := a.segments(), b.segments()
	if len(x) != len(y) {
		return false
	}
	for key, list := range x {
		if !slices.Equal(list, y[key]) {
			return false
		}
	}
	return true
}

// segments returns all that are listed, by period and representation.
func (m *MPD) segments() map[string][]Segment {
	all := map[string][]Segment{}
	for i := range m.Periods {
		p := &m.Periods[i]
		for j := range p.Sets {
			for k := range p.Sets[j].Representations {
				r := &p.Sets[j].Representations[k]
				all[p.ID+" "+r.ID] = r.Template.Segments
			}
		}
	}
	return all
}

// periods checks that they come at the end and leave at the front.
func (c *checker) periods(m *MPD) {
	const section = "5.4"
	b := c.before
	from := 0
	if len(m.Periods) > 0 {
		from = slices.IndexFunc(b.Periods, func(p Period) bool { return p.ID == m.Periods[0].ID })
	}
	if from < 0 {
		c.advise(section, "no period is left of those before")
		return
	}
	for i := range b.Periods[from:] {
		was := &b.Periods[from+i]
		if i >= len(m.Periods) || m.Periods[i].ID != was.ID {
			c.bad(section, "period %q is gone, and it was not the first", was.ID)
			return
		}
		if is := &m.Periods[i]; is.Start != was.Start {
			c.bad(section, "the start of period %q changes from %s to %s", was.ID, was.Start, is.Start)
		} else {
			c.unchanged(was, is)
		}
	}
}

// unchanged checks that a period has the representations that it had.
func (c *checker) unchanged(was, is *Period) {
	const section = "5.4"
	now := map[string]*Representation{}
	for i := range is.Sets {
		for j := range is.Sets[i].Representations {
			r := &is.Sets[i].Representations[j]
			now[r.ID] = r
		}
	}
	for i := range was.Sets {
		for j := range was.Sets[i].Representations {
			a := &was.Sets[i].Representations[j]
			b := now[a.ID]
			if b == nil {
				c.bad(section, "%s of period %q is gone", a.ID, was.ID)
				continue
			}
			for _, name := range []string{"codecs", "mimeType", "width", "height", "audioSamplingRate"} {
				if a.values[name] != b.values[name] {
					c.bad(section, "%s of %s in period %q changes from %q to %q", name, a.ID, was.ID, a.values[name], b.values[name])
				}
			}
			if a.Template.Timescale != b.Template.Timescale || a.Template.Offset != b.Template.Offset || a.Template.Init != b.Template.Init || a.Template.Media != b.Template.Media {
				c.bad(section, "the template of %s in period %q changes", a.ID, was.ID)
			}
		}
	}
}

// remember checks that segments are what they were, and notes them.
func (c *checker) remember(m *MPD, at time.Time) {
	if c.before != nil {
		before := c.before.segments()
		for i := range m.Periods {
			p := &m.Periods[i]
			for j := range p.Sets {
				for k := range p.Sets[j].Representations {
					r := &p.Sets[j].Representations[k]
					c.ends(m, p, r, before[p.ID+" "+r.ID], at)
				}
			}
		}
	}
	for key, list := range m.segments() {
		known := c.known[key]
		if known == nil {
			known = map[int64]Segment{}
			c.known[key] = known
		}
		for i, s := range list {
			was, there := known[s.Number]
			open := c.LowLatency && c.last(key, s.Number) // its length was a guess
			if there && (was.Time != s.Time || was.Duration != s.Duration && !open) {
				c.bad("5.4", "segment %d of %s changes from t=%d d=%d to t=%d d=%d", s.Number, key, was.Time, was.Duration, list[i].Time, list[i].Duration)
			}
			known[s.Number] = s
		}
	}
}

// last tells whether a segment was the newest of its representation in the load before.
func (c *checker) last(key string, number int64) bool {
	if c.before == nil {
		return false
	}
	list := c.before.segments()[key]
	return len(list) > 0 && list[len(list)-1].Number == number
}

// ends checks that a timeline grows at its end and shrinks at its front, and not too early.
func (c *checker) ends(m *MPD, p *Period, r *Representation, was []Segment, at time.Time) {
	const section = "5.4"
	is := r.Template.Segments
	if len(was) == 0 {
		return
	}
	if len(is) == 0 {
		c.bad(section, "all segments of %s in period %q are gone", r.ID, p.ID)
		return
	}
	if is[0].Number < was[0].Number {
		c.bad(section, "startNumber of %s in period %q falls from %d to %d", r.ID, p.ID, was[0].Number, is[0].Number)
	}
	if is[len(is)-1].Number < was[len(was)-1].Number {
		c.bad(section, "segment %d of %s in period %q was the last one and is gone", was[len(was)-1].Number, r.ID, p.ID)
	}
	if m.Depth == 0 || !m.Dynamic {
		return
	}
	for _, s := range was {
		if s.Number >= is[0].Number {
			break
		}
		until := m.Start.Add(p.Start + r.Template.End(s) + m.Depth)
		if early := until.Sub(at); early > c.Tolerance {
			c.bad("5.3.9.5.3", "segment %d of %s has left %s before the end of timeShiftBufferDepth", s.Number, r.ID, early.Round(time.Millisecond))
		}
	}
}
