package rist

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/pion/rtcp"

	"weir/internal/format/rtp"
)

// maxRequests is how many packets of one datagram's requests are looked for; all that there can be are fewer.
const maxRequests = maxHistory

// repair sends reports, reads those of the receiver, and sends again what it asks for, until the Sender is closed.
func (s *Sender) repair() {
	defer recovered(s.fail)
	var failures failures
	in := make([]byte, maxPacket)
	for {
		if report := s.due(now()); report != nil {
			_, _ = s.control.WriteToUDPAddrPort(report, s.toControl) // lost, as a packet may be
		}
		n, from, err := s.control.ReadFromUDPAddrPort(in)
		switch failures.judge(err) {
		case readClosed:
			return
		case readBroken:
			s.fail(fmt.Errorf("%w: %w", ErrBroken, err))
			return
		}
		if err != nil {
			continue
		}
		answer, asked := s.hear(now(), plain(from), in[:n])
		if answer != nil {
			_, _ = s.control.WriteToUDPAddrPort(answer, from)
		}
		s.resend(asked)
	}
}

// due returns a report if it is time for one, and sets until when a read may last.
func (s *Sender) due(now time.Duration) (report []byte) {
	s.mu.Lock()
	next := now >= s.report
	if next {
		s.report = now + reportEvery
		_ = s.control.SetReadDeadline(clockOf(s.report))
	}
	s.mu.Unlock()
	if !next {
		return nil
	}
	return appendEchoRequest(s.announce(now), s.speaker.ssrc, now)
}

// announce begins a datagram with a sender report.
func (s *Sender) announce(now time.Duration) []byte {
	clock := rtp.NTP(time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoken.add(clock, now)
	return s.speaker.sender(rtcp.SenderReport{
		NTPTime: clock, RTPTime: s.origin + ticks(now), PacketCount: uint32(s.stats.Packets), OctetCount: uint32(s.stats.Bytes),
	})
}

// hear takes a datagram that came for RTCP, and returns what to answer at once and what is to be sent again. Only
// the receiver's host is heard, or anybody where many receive; which SSRC they name is not looked at, as some name
// none. Nothing is sent again but to where the stream goes.
func (s *Sender) hear(now time.Duration, from netip.AddrPort, b []byte) (answer []byte, asked []run) {
	c, err := parseCompound(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case from.Addr().WithZone("") != s.to.Addr().WithZone("") && !s.to.Addr().IsMulticast():
		s.stats.Foreign++
		return nil, nil
	case err != nil:
		s.stats.Malformed++
		return nil, nil
	case c.bye:
		s.heard = 0
		return nil, nil
	}
	s.heard = now
	for _, r := range c.reports {
		s.trip.report(s.spoken.roundTrip(now, r))
	}
	for _, e := range c.echoes {
		s.trip.echo(now, e)
	}
	if len(c.asks) > 0 {
		answer = appendEchoes(s.speaker.receiver(), s.speaker.ssrc, c.asks)
	}
	return answer, c.asked
}

// resend sends again what is asked for, as far as it may.
func (s *Sender) resend(asked []run) {
	left := maxRequests
	for _, r := range asked {
		for i := 0; i <= int(r.more) && left > 0; i++ {
			left--
			if wire := s.again(now(), r.first+uint16(i)); wire != nil {
				_, _ = s.media.WriteToUDPAddrPort(wire, s.to) // lost, as it was before
			}
		}
	}
}

// again returns a packet as it is sent again, for the time until the next call; nil: it is not.
func (s *Sender) again(now time.Duration, number uint16) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requested++
	wire, known := s.history.again(now, s.trip.smooth, number, s.out[:0])
	switch {
	case !known:
		s.stats.Lost++
		return nil
	case len(wire) == 0:
		s.stats.Withheld++
		return nil
	}
	s.stats.Retransmitted++
	s.out = wire
	wire[11] |= 1 // the SSRC's last bit
	return wire
}

// fail has WritePacket return an error.
func (s *Sender) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}
