package bench

import "time"

// stallTime is how long nothing may arrive before that is a stall.
const stallTime = time.Second

// player measures what one connection brings. Its methods want the tally locked.
type player struct {
	// Set at construction.
	tally *tally
	begun time.Time     // it began to connect
	late  time.Duration // a picture is late above

	live time.Time // it was let in: what was sent since came live
	now  time.Time // of what is being read
	last time.Time // of what was read before

	media, pictured, keyed bool
	numbered               bool
	number                 uint32 // of the latest picture
	clocks                 [2]clock
}

// clock is the time of the latest message of a kind.
type clock struct {
	time  uint32
	known bool
}

// arrived tells that n bytes have come.
func (p *player) arrived(n int, now time.Time) {
	c := &p.tally.counts
	c.bytes += uint64(n)
	if p.tally.open {
		c.windowBytes += uint64(n)
		p.pause(now)
	}
	p.now, p.last = now, now
}

// pause counts a stall if it is long since something came.
func (p *player) pause(now time.Time) {
	if !p.last.IsZero() && now.Sub(p.last) > stallTime {
		p.tally.counts.stalls++
	}
}

// take measures a message.
func (p *player) take(m *message) {
	c := &p.tally.counts
	video := m.kind == kindVideo
	var l look
	if video {
		l = videoOf(m.first)
	} else {
		l.header = audioHeader(m.first)
	}
	if l.header {
		return
	}
	if !p.media {
		p.media = true
		c.played++
	}
	p.tick(m)
	if !video {
		if p.tally.open {
			c.audio++
		}
		return
	}
	if p.tally.open {
		c.video++
	}
	if !p.pictured {
		p.pictured = true
		c.pictures++
	}
	if l.key && !p.keyed {
		p.keyed = true
		c.keyed++
		c.first.add(p.now.Sub(p.begun))
	}
	if l.units > 0 && len(m.first) > l.units {
		if s, ok := findStamp(m.first[l.units:]); ok {
			p.picture(s)
		}
	}
}

// tick follows the time of a kind of message. It wraps.
func (p *player) tick(m *message) {
	k := &p.clocks[m.kind&1]
	if k.known && int32(m.time-k.time) < 0 {
		p.tally.counts.back++
	}
	k.time, k.known = m.time, true
}

// picture follows the numbers of stamped pictures, and measures those that were sent live.
func (p *player) picture(s stamp) {
	c := &p.tally.counts
	c.stamped++
	switch gap := int32(s.number - p.number); {
	case !p.numbered:
	case gap > 0:
		c.lost += uint64(gap - 1)
	default:
		c.disorder++
	}
	p.number, p.numbered = s.number, true
	if !p.tally.open || s.sent.Before(p.live) {
		return
	}
	d := p.now.Sub(s.sent)
	c.latency.add(d)
	if d > p.late {
		c.late++
	}
}
