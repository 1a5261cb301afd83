package rist

import (
	"net/netip"
	"time"
)

// source is the sender that a Receiver listens to. It is a value: it has no clock and no socket.
type source struct {
	ssrc    uint32 // its even one
	addr    netip.AddrPort
	control netip.AddrPort // where its RTCP comes from; not valid: not known yet
	heard   time.Duration  // when its last packet came
	evened  bool           // has sent packets that are not marked as sent again
	trip    roundTrip
	reports reception
	buffer  *reorder
}

// newSource takes the sender of a packet.
func newSource(p *inbound, from netip.AddrPort, o Options) *source {
	return &source{ssrc: p.source, addr: from, buffer: newReorder(o.Reorder, o.Buffer)}
}

// claim is whose a packet is.
type claim int

const (
	claimOurs      claim = iota
	claimSuccessor       // another's, who may take over
	claimForeign
)

// anewAfter is how long a sender is silent until another of its host is taken for itself, begun anew.
const anewAfter = time.Second

// claim says whose a packet is. A sender that has begun anew has another SSRC: it is let in at once where it comes
// from the same port, and soon where only the host is the same; anybody else once hold is over. One whose port has
// changed on the way is known by its SSRC.
func (s *source) claim(now, hold time.Duration, p *inbound, from netip.AddrPort) claim {
	switch {
	case p.source == s.ssrc && from.Addr() == s.addr.Addr():
		return claimOurs
	case !p.useful:
		return claimForeign
	case from == s.addr:
		return claimSuccessor
	case from.Addr() == s.addr.Addr():
		hold = min(hold, anewAfter)
	}
	if now-s.heard >= hold {
		return claimSuccessor
	}
	return claimForeign
}

// isFrom reports whether RTCP is this sender's.
func (s *source) isFrom(from netip.AddrPort, ssrc uint32) bool {
	return from.Addr() == s.addr.Addr() && ssrc&^1 == s.ssrc
}

// take puts a packet into the buffer; data is a copy of its payload, nil if that is of no use.
func (s *source) take(now time.Duration, p *inbound, from netip.AddrPort, data []byte) fit {
	s.addr, s.heard = from, now
	// Senders that are not RIST's may have an odd SSRC for all packets.
	s.evened = s.evened || !p.oddSSRC
	again := p.oddSSRC && s.evened
	f := s.buffer.push(now, p.rtp.SequenceNumber, again, data)
	if f == fitRestart {
		s.reports = reception{lastSR: s.reports.lastSR, lastSRAt: s.reports.lastSRAt}
	}
	if !again && f != fitStray {
		s.reports.add(now, p.rtp.SequenceNumber, p.rtp.Timestamp)
	}
	return f
}

// hear takes what the sender says over RTCP.
func (s *source) hear(now time.Duration, from netip.AddrPort, c *compound) {
	s.control = from
	if c.clock != 0 {
		s.reports.heard(now, c.clock)
	}
	for _, e := range c.echoes {
		s.trip.echo(now, e)
	}
}
