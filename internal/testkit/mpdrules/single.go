package mpdrules

import (
	"regexp"
	"strings"
	"time"
)

func (c *checker) set(p *Period, s *Set) {
	if s.values["contentType"] == "" {
		c.bad("IOP 4.2", "an adaptation set of period %q has no contentType", p.ID)
	}
	if a := s.values["segmentAlignment"]; a == "" || a == "false" {
		c.bad("IOP 4.2", "the %s of period %q has segmentAlignment %q", s.Kind, p.ID, a)
	}
	if len(s.Representations) == 0 {
		c.bad("5.3.3.2", "the %s of period %q has no Representation", s.Kind, p.ID)
	}
}

func (c *checker) representation(kind string, r *Representation) {
	v := r.values
	if number(v["bandwidth"]) <= 0 {
		c.bad("5.3.5.2", "%s has bandwidth %q", r.ID, v["bandwidth"])
	}
	mime, _, _ := strings.Cut(v["mimeType"], "/")
	if mime == "" {
		c.bad("5.3.7.2", "%s has no mimeType", r.ID)
	} else if mime != kind {
		c.bad("5.3.7.2", "%s is %s in a set of %s", r.ID, v["mimeType"], kind)
	}
	if !codecs(kind, v["codecs"]) {
		c.bad("5.3.7.2", "%s has codecs %q, which is no %s (RFC 6381)", r.ID, v["codecs"], kind)
	}
	switch kind {
	case "video":
		c.picture(r)
	case "audio":
		if n := number(v["audioSamplingRate"]); n < 7350 || n > 192_000 {
			c.bad("IOP 4.2", "%s has audioSamplingRate %q", r.ID, v["audioSamplingRate"])
		}
	}
}

func (c *checker) picture(r *Representation) {
	for _, side := range []string{"width", "height"} {
		if n := number(r.values[side]); n < 16 || n > 16_384 {
			c.bad("IOP 4.2", "%s has %s %q", r.ID, side, r.values[side])
		}
	}
	rate := r.values["frameRate"]
	if rate == "" {
		c.advise("IOP 4.2", "%s has no frameRate", r.ID)
		return
	}
	over, under, _ := strings.Cut(rate, "/")
	if f := float64(number(over)) / float64(max(1, number(under))); f < 0.1 || f > 1000 {
		c.bad("IOP 4.2", "%s has frameRate %q", r.ID, rate)
	}
}

var (
	identifier = regexp.MustCompile(`\$([A-Za-z]*)(%0\d+d)?\$`)
	identifies = map[string]bool{"": true, "RepresentationID": true, "Number": true, "Time": true, "Bandwidth": true, "SubNumber": true}
)

// template checks how segments are named and listed.
func (c *checker) template(m *MPD, p *Period, r *Representation) {
	const section = "5.3.9.4"
	t := &r.Template
	for what, address := range map[string]string{"initialization": t.Init, "media": t.Media} {
		if address == "" {
			c.bad(section, "%s has no %s", r.ID, what)
		}
		for _, id := range identifier.FindAllStringSubmatch(address, -1) {
			if !identifies[id[1]] {
				c.bad(section, "%s of %s has $%s$", what, r.ID, id[1])
			}
		}
		if rest := identifier.ReplaceAllString(address, ""); strings.Contains(rest, "$") {
			c.bad(section, "%s of %s has a single $: %s", what, r.ID, address)
		}
	}
	byNumber, byTime := strings.Contains(t.Media, "$Number"), strings.Contains(t.Media, "$Time")
	if byNumber == byTime {
		c.bad(section, "media of %s is %s: neither by number nor by time, or both", r.ID, t.Media)
	}
	if strings.Contains(t.Init, "$Number") || strings.Contains(t.Init, "$Time") {
		c.bad(section, "initialization of %s is %s", r.ID, t.Init)
	}
	if t.values["timescale"] == "" || t.Timescale == 0 {
		c.bad(section, "%s has timescale %q", r.ID, t.values["timescale"])
	}
	if byNumber && t.values["startNumber"] == "" {
		c.bad(section, "%s has no startNumber", r.ID)
	}
	if !t.timeline {
		c.bad("5.3.9.6", "%s has no SegmentTimeline", r.ID)
	}
	c.timeline(m, p, r)
	c.early(m, p, r)
}

// timeline checks that segments follow each other.
func (c *checker) timeline(m *MPD, p *Period, r *Representation) {
	const section = "5.3.9.6"
	t := &r.Template
	for i, s := range t.Segments {
		if s.Duration <= 0 {
			c.bad(section, "segment %d of %s lasts %d", s.Number, r.ID, s.Duration)
		}
		if d := ticks(s.Duration, t.Timescale); m.Longest > 0 && d > m.Longest+time.Millisecond {
			c.bad("5.3.1.2", "segment %d of %s lasts %s, and maxSegmentDuration is %s", s.Number, r.ID, d, m.Longest)
		}
		if i == 0 {
			continue
		}
		last := t.Segments[i-1]
		switch gap := s.Time - last.Time - last.Duration; {
		case gap < 0:
			c.bad(section, "segments %d and %d of %s overlap by %d", last.Number, s.Number, r.ID, -gap)
		case gap > 0:
			c.advise(section, "between segments %d and %d of %s there is a gap of %d", last.Number, s.Number, r.ID, gap)
		}
	}
	if n := len(t.Segments); n > 0 && t.Segments[0].Time+t.Segments[0].Duration <= t.Offset {
		c.bad(section, "segment %d of %s is before the start of period %q", t.Segments[0].Number, r.ID, p.ID)
	}
	if t.timeline && len(t.Segments) == 0 {
		c.advise(section, "%s of period %q has no segment", r.ID, p.ID)
	}
}

// early checks what is said of segments that are not whole yet. Only the last period has one.
func (c *checker) early(m *MPD, p *Period, r *Representation) {
	const section = "5.3.9.5.3"
	t := &r.Template
	given := t.values["availabilityTimeOffset"]
	if given == "" && !t.Pieces {
		if c.LowLatency && p == &m.Periods[len(m.Periods)-1] {
			c.bad(section, "low latency, and %s of period %q has no availabilityTimeOffset", r.ID, p.ID)
		}
		return
	}
	if !c.LowLatency {
		c.bad(section, "%s has availabilityTimeOffset %q, and this is not low latency", r.ID, given)
	}
	if !t.Pieces {
		c.bad(section, "%s has an availabilityTimeOffset, and availabilityTimeComplete is not false", r.ID)
	}
	shortest := m.Longest // the last one may not be whole
	for i, s := range t.Segments[:max(0, len(t.Segments)-1)] {
		if d := ticks(s.Duration, t.Timescale); i == 0 || d < shortest {
			shortest = d
		}
	}
	if t.Early <= 0 || shortest > 0 && t.Early >= shortest {
		c.bad(section, "%s has availabilityTimeOffset %q, and segments of %s", r.ID, given, shortest)
	}
}

// available checks that what is listed was there when the manifest was loaded.
func (c *checker) available(m *MPD, p *Period, r *Representation, at time.Time) {
	if !m.Dynamic || m.Start.IsZero() || at.IsZero() {
		return
	}
	t := &r.Template
	for _, s := range t.Segments {
		from := m.Start.Add(p.Start + t.End(s) - t.Early)
		if wait := from.Sub(at); wait > c.Tolerance {
			c.bad("5.3.9.5.3", "segment %d of %s in period %q is listed %s before it is there", s.Number, r.ID, p.ID, wait.Round(time.Millisecond))
		}
	}
}
