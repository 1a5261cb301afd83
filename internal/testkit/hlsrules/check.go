// Package hlsrules holds Media Playlists, as one client has loaded them one after the other, against
// RFC 8216 and its successor with Low-Latency HLS (draft-pantos-hls-rfc8216bis). It reads them by itself
// and shares no code with what writes them. Sections are those of the successor.
package hlsrules

import (
	"fmt"
	"net/url"
	"time"

	"weir/internal/testkit/rule"
)

// Load is a playlist as a client got it.
type Load struct {
	At    time.Time     // when it had come
	Query string        // that it was asked for with, behind the question mark
	Took  time.Duration // from the question to the answer; zero is not known
	Body  []byte
}

// Options are what the rules leave open.
type Options struct {
	LowLatency bool          // the playlist must have parts
	KeyFrames  bool          // each segment starts with a key frame
	Wall       time.Duration // by which dates may be off the durations; zero is 2 ms
	Sum        time.Duration // by which a segment's parts may be off its duration; zero is 1 ms
}

// checker goes through loads. What it knows is of all the loads so far.
type checker struct {
	Options
	found []rule.Finding
	load  int

	before *Playlist
	at     time.Time       // of before
	grown  time.Time       // when something new was last seen
	known  map[int]Segment // by number, the whole ones
	names  map[string]int  // numbers by address
	parts  map[int][]Part  // by number, the most that was seen
	hint   string          // of before: the part that comes next
	place  position        // of that part
}

// position is that of a part.
type position struct{ segment, part int }

// Check holds loads of one playlist, in the order in which they came, against the rules.
func Check(loads []Load, o Options) []rule.Finding {
	if o.Wall == 0 {
		o.Wall = 2 * time.Millisecond
	}
	if o.Sum == 0 {
		o.Sum = time.Millisecond
	}
	c := &checker{Options: o, known: map[int]Segment{}, names: map[string]int{}, parts: map[int][]Part{}}
	for i, l := range loads {
		c.load = i
		c.see(l)
	}
	return c.found
}

func (c *checker) bad(section, format string, args ...any) {
	c.found = append(c.found, rule.Finding{Load: c.load, Section: section, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) advise(section, format string, args ...any) {
	c.bad(section, format, args...)
	c.found[len(c.found)-1].Lesser = true
}

func (c *checker) see(l Load) {
	p, found := Parse(l.Body)
	for _, f := range found {
		f.Load = c.load
		c.found = append(c.found, f)
	}
	query, err := url.ParseQuery(l.Query)
	if err != nil {
		c.bad("6.2.5", "the query %q: %v", l.Query, err)
	}
	c.complete(p, query)
	c.alone(p)
	c.lowLatency(p)
	c.answers(p, query, l.Took)
	if c.before != nil {
		c.behind(p, l.At)
	} else {
		c.grown = l.At
	}
	c.remember(p)
	c.before, c.at = p, l.At
}

// alone checks what a playlist must be by itself.
func (c *checker) alone(p *Playlist) {
	c.encoded(p)
	for i := range p.Segments {
		s := &p.Segments[i]
		if s.Duration.Round(time.Second) > p.Target {
			c.bad("4.4.3.1", "%s lasts %s, and the target duration is %s", s.URI, s.Duration, p.Target)
		}
		if i == 0 {
			continue
		}
		last := &p.Segments[i-1]
		c.joint(last, s)
	}
	if n := len(p.Segments); n > 0 && len(p.Open.Parts) > 0 {
		c.joint(&p.Segments[n-1], &p.Open)
	}
	if p.Control.HoldBack > 0 && p.Control.HoldBack < 3*p.Target {
		c.bad("4.4.3.8", "HOLD-BACK %s is less than three target durations", p.Control.HoldBack)
	}
	if s := p.Control.SkipUntil; s > 0 && s < 6*p.Target {
		c.bad("4.4.3.8", "CAN-SKIP-UNTIL %s is less than six target durations", s)
	}
}

// joint checks a segment and that behind it.
func (c *checker) joint(last, s *Segment) {
	if s.Map != last.Map && !s.Discontinuity {
		c.bad("4.4.4.5", "segment %d has another map, and there is no discontinuity", s.Number)
	}
	if s.Discontinuity || s.Wall.IsZero() || last.Wall.IsZero() {
		return
	}
	if off := s.Wall.Sub(last.Wall) - last.Duration; off.Abs() > c.Wall {
		c.bad("4.4.4.6", "the date of segment %d is off by %s", s.Number, off)
	}
}

// encoded checks that segments of MP4 have a map.
func (c *checker) encoded(p *Playlist) {
	all := append([]Segment{}, p.Segments...)
	if len(p.Open.Parts) > 0 {
		all = append(all, p.Open)
	}
	for i := range all {
		s := &all[i]
		name := s.URI
		if name == "" {
			name = s.Parts[0].URI
		}
		if s.Map == "" && isMP4(name) {
			c.bad("4.4.4.5", "%s has no EXT-X-MAP", name)
		}
	}
}

func isMP4(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil {
		return false
	}
	for _, ending := range []string{".m4s", ".mp4", ".m4v", ".m4a", ".cmfv", ".cmfa"} {
		if n := len(u.Path) - len(ending); n >= 0 && u.Path[n:] == ending {
			return true
		}
	}
	return false
}
