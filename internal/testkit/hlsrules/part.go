package hlsrules

// lowLatency checks what is true of parts, and of a playlist that has them.
func (c *checker) lowLatency(p *Playlist) {
	if p.PartTarget == 0 {
		if p.count["EXT-X-PART"] > 0 {
			c.bad("4.4.3.7", "parts without EXT-X-PART-INF")
		} else if c.LowLatency {
			c.bad("4.4.3.7", "no EXT-X-PART-INF")
		}
		if p.count["EXT-X-PART"] == 0 {
			return
		}
	}
	c.promises(p)
	for i := range p.Segments {
		s := &p.Segments[i]
		if len(s.Parts) == 0 {
			continue
		}
		c.lengths(p, s)
		if off := sum(s.Parts) - s.Duration; off.Abs() > c.Sum {
			c.bad("4.4.4.9", "the parts of segment %d last %s and it %s", s.Number, sum(s.Parts), s.Duration)
		}
	}
	c.lengths(p, &p.Open)
	c.nearEnd(p)
	c.hinted(p)
}

// promises checks what the server says that it can do.
func (c *checker) promises(p *Playlist) {
	if !p.Control.CanBlock && !p.Ended {
		c.bad("4.4.3.8", "parts, and CAN-BLOCK-RELOAD is not YES")
	}
	switch hold := p.Control.PartHoldBack; {
	case hold == 0:
		c.bad("4.4.3.8", "parts, and no PART-HOLD-BACK")
	case hold < 2*p.PartTarget:
		c.bad("4.4.3.8", "PART-HOLD-BACK %s is less than two part target durations of %s", hold, p.PartTarget)
	case hold < 3*p.PartTarget:
		c.advise("4.4.3.8", "PART-HOLD-BACK %s is less than three part target durations of %s", hold, p.PartTarget)
	}
	hints := 0
	for _, h := range p.Hints {
		if h.Type == "PART" {
			hints++
		}
	}
	if hints == 0 && !p.Ended {
		c.bad("4.4.5.3", "no hint at the next part")
	}
}

// lengths checks the parts of a segment. The last one may be short.
func (c *checker) lengths(p *Playlist, s *Segment) {
	for i, x := range s.Parts {
		if x.Duration > p.PartTarget {
			c.bad("4.4.4.9", "part %d of segment %d lasts %s, and the part target duration is %s", i, s.Number, x.Duration, p.PartTarget)
		}
		short := x.Duration < p.PartTarget*85/100
		if last := i == len(s.Parts)-1; !short || last || x.Gap || s.Parts[i+1].Gap {
			continue
		}
		if x.Independent {
			c.advise("4.4.4.9", "part %d of segment %d is independent and lasts %s: less than 85 %% of %s", i, s.Number, x.Duration, p.PartTarget)
		} else {
			c.bad("4.4.4.9", "part %d of segment %d lasts %s: less than 85 %% of %s", i, s.Number, x.Duration, p.PartTarget)
		}
	}
	if c.KeyFrames && len(s.Parts) > 0 && !s.Parts[0].Independent {
		c.bad("4.4.4.9", "the first part of segment %d is not independent", s.Number)
	}
}

// nearEnd checks that the segments of the last three target durations have parts.
func (c *checker) nearEnd(p *Playlist) {
	behind := sum(p.Open.Parts)
	for i := len(p.Segments) - 1; i >= 0 && behind < 3*p.Target; i-- {
		s := &p.Segments[i]
		if len(s.Parts) == 0 && !p.Ended {
			c.bad("6.2.2", "segment %d ends %s before the end, less than three target durations, and has no parts", s.Number, behind)
		}
		behind += s.Duration
	}
}

// hinted checks the hint of the load before, once what it was for is there, and notes that of this one.
func (c *checker) hinted(p *Playlist) {
	listed := map[string]position{}
	at := map[position]*Part{}
	follow := map[int]*Segment{p.Open.Number: &p.Open}
	for i := range p.Segments {
		follow[p.Segments[i].Number] = &p.Segments[i]
	}
	for n, s := range follow {
		for i := range s.Parts {
			listed[s.Parts[i].URI+" "+s.Parts[i].Range] = position{n, i}
			at[position{n, i}] = &s.Parts[i]
		}
	}
	if c.hint != "" {
		place := c.place
		if s := follow[place.segment]; s != nil && s.URI != "" && len(s.Parts) == place.part { // the segment has ended instead
			place = position{place.segment + 1, 0}
		}
		if x := at[place]; x != nil && x.URI != c.hint {
			tell := c.bad
			if s := follow[place.segment]; place.part == 0 && s.Discontinuity {
				tell = c.advise // it could not be known
			}
			tell("4.4.5.3", "the hint was at %s, and what came as part %d of segment %d is %s", c.hint, place.part, place.segment, x.URI)
		}
	}
	c.hint = ""
	for _, h := range p.Hints {
		if h.Type != "PART" {
			continue
		}
		if where, there := listed[h.URI+" "]; there && h.Start == "" {
			c.bad("4.4.5.3", "the hint is at %s, which is there: part %d of segment %d", h.URI, where.part, where.segment)
		}
		c.hint, c.place = h.URI, position{p.Open.Number, len(p.Open.Parts)}
	}
}
