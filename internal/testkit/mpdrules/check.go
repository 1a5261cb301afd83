// Package mpdrules holds manifests of MPEG-DASH, as one client has loaded them one after the other,
// against what the schema and the text of ISO/IEC 23009-1 say of live ones, and against the
// interoperability points of the DASH Industry Forum (IOP). It shares no code with what writes them.
// Sections are those of ISO/IEC 23009-1, or IOP.
package mpdrules

import (
	"strconv"
	"time"

	"weir/internal/testkit/rule"
)

// Load is a manifest as a client got it.
type Load struct {
	At   time.Time // when it had come, by the clock that the manifest goes by
	Body []byte
}

// Options are what the rules leave open.
type Options struct {
	LowLatency bool          // the manifest must be one with segments that are there before they are whole
	Tolerance  time.Duration // of clocks; zero is 100 ms
	Newest     time.Duration // the most that the end of the newest segment may be in the past; zero is no bound
}

// checker goes through loads.
type checker struct {
	Options
	notes
	before *MPD
	body   string
	at     time.Time
	known  map[string]map[int64]Segment // by period and representation, then by number
}

// Check holds loads of one manifest, in the order in which they came, against the rules.
func Check(loads []Load, o Options) []rule.Finding {
	if o.Tolerance == 0 {
		o.Tolerance = 100 * time.Millisecond
	}
	c := &checker{Options: o, known: map[string]map[int64]Segment{}}
	for i, l := range loads {
		c.load = i
		m, err := Parse(l.Body)
		if err != nil {
			c.bad("schema", "%v", err)
			continue
		}
		c.valid(m.root, "")
		c.alone(m)
		for i := range m.Periods {
			c.period(m, &m.Periods[i], i, l.At)
		}
		if c.before != nil {
			c.update(m, string(l.Body))
		}
		c.newest(m, l.At)
		c.remember(m, l.At)
		c.before, c.body, c.at = m, string(l.Body), l.At
	}
	return c.found
}

// alone checks what is said on top.
func (c *checker) alone(m *MPD) {
	v := m.root.values
	if m.Dynamic {
		for _, name := range []string{"availabilityStartTime", "publishTime"} {
			if _, err := parseDate(v[name]); err != nil {
				c.bad("5.3.1.2", "%s: %v", name, err)
			}
		}
		for _, name := range []string{"minimumUpdatePeriod", "timeShiftBufferDepth"} {
			if _, err := parseDuration(v[name]); err != nil {
				c.bad("5.3.1.2", "%s: %v", name, err)
			}
		}
		if v["mediaPresentationDuration"] != "" && m.HasUpdate {
			c.advise("IOP 4.3", "a duration, though there are updates to come")
		}
		c.clocks(m)
	} else {
		if v["mediaPresentationDuration"] == "" {
			c.bad("5.3.1.2", "static, and no mediaPresentationDuration")
		}
		if m.HasUpdate {
			c.bad("5.3.1.2", "static, with a minimumUpdatePeriod")
		}
	}
	if d, err := parseDuration(v["minBufferTime"]); err != nil || d <= 0 {
		c.bad("5.3.1.2", "minBufferTime is %q", v["minBufferTime"])
	}
	if v["profiles"] == "" {
		c.bad("5.3.1.2", "no profiles")
	}
	if len(m.Periods) == 0 {
		c.bad("5.3.1.2", "no Period")
	}
	for _, l := range m.Locations {
		if l == "" {
			c.bad("5.3.1.2", "an empty Location")
		}
	}
	if c.LowLatency && !m.Latency {
		c.bad("K.3", "low latency, and no ServiceDescription with a target of Latency")
	}
}

// clocks checks UTCTiming.
func (c *checker) clocks(m *MPD) {
	all := m.root.all("UTCTiming")
	if len(all) == 0 {
		c.bad("5.8.4.11", "no UTCTiming: players go by their own clocks")
	}
	for _, u := range all {
		switch scheme := u.values["schemeIdUri"]; scheme {
		case "urn:mpeg:dash:utc:http-iso:2014", "urn:mpeg:dash:utc:http-xsdate:2014", "urn:mpeg:dash:utc:http-head:2014",
			"urn:mpeg:dash:utc:http-ntp:2014", "urn:mpeg:dash:utc:ntp:2014", "urn:mpeg:dash:utc:sntp:2014":
			if u.values["value"] == "" {
				c.bad("5.8.4.11", "UTCTiming without a value")
			}
		case "urn:mpeg:dash:utc:direct:2014":
			if _, err := parseDate(u.values["value"]); err != nil {
				c.bad("5.8.4.11", "UTCTiming: %v", err)
			}
		default:
			c.bad("5.8.4.11", "UTCTiming by %q", scheme)
		}
	}
}

// period checks one, and all in it.
func (c *checker) period(m *MPD, p *Period, place int, at time.Time) {
	if m.Dynamic && p.ID == "" {
		c.bad("5.3.2.2", "period %d has no id", place)
	}
	if !p.Started && m.Dynamic {
		c.bad("5.3.2.2", "period %q has no start", p.ID)
	}
	ids := map[string]bool{}
	for i := range m.Periods[:place] {
		before := &m.Periods[i]
		if before.ID == p.ID {
			c.bad("5.3.2.2", "two periods are called %q", p.ID)
		}
		if before.Start >= p.Start {
			c.bad("5.3.2.1", "period %q starts at %s and %q behind it at %s", before.ID, before.Start, p.ID, p.Start)
		}
	}
	if len(p.Sets) == 0 {
		c.bad("5.3.2.2", "period %q has no AdaptationSet", p.ID)
	}
	sets := map[string]bool{}
	for i := range p.Sets {
		s := &p.Sets[i]
		if id := s.values["id"]; id != "" && sets[id] {
			c.bad("5.3.3.2", "two adaptation sets of period %q are called %s", p.ID, id)
		}
		sets[s.values["id"]] = true
		c.set(p, s)
		for j := range s.Representations {
			r := &s.Representations[j]
			if ids[r.ID] {
				c.bad("5.3.5.2", "two representations of period %q are called %q", p.ID, r.ID)
			}
			ids[r.ID] = true
			c.representation(s.Kind, r)
			c.template(m, p, r)
			c.available(m, p, r, at)
			if place+1 < len(m.Periods) {
				c.meet(p, &m.Periods[place+1], r)
			}
		}
	}
}

// meet checks that a representation ends where the next period starts.
func (c *checker) meet(p, next *Period, r *Representation) {
	n := len(r.Template.Segments)
	if n == 0 {
		return
	}
	end := p.Start + r.Template.End(r.Template.Segments[n-1])
	if off := next.Start - end; off.Abs() > c.Tolerance {
		c.advise("IOP 4.3", "%s of period %q ends at %s, and the next starts at %s", r.ID, p.ID, end, next.Start)
	}
}

// newest checks that the end of the stream is near the present.
func (c *checker) newest(m *MPD, at time.Time) {
	if c.Newest == 0 || !m.Dynamic || len(m.Periods) == 0 {
		return
	}
	p := &m.Periods[len(m.Periods)-1]
	for i := range p.Sets {
		for j := range p.Sets[i].Representations {
			r := &p.Sets[i].Representations[j]
			n := len(r.Template.Segments)
			if n == 0 {
				continue
			}
			end := m.Start.Add(p.Start + r.Template.End(r.Template.Segments[n-1]))
			if late := at.Sub(end); late > c.Newest {
				c.bad("IOP 4.5", "the newest segment of %s ends %s before now", r.ID, late.Round(time.Millisecond))
			}
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
