package rist

import (
	"fmt"
	"net/netip"
	"time"
)

// maxBursts is how many datagrams of requests go out at once.
const maxBursts = 8

// speak reads the sender's RTCP, and sends reports and requests when it is time, until the Receiver is closed.
func (r *Receiver) speak() {
	defer recovered(r.fail)
	var failures failures
	in := make([]byte, maxPacket)
	for {
		r.rest()
		n, from, err := r.control.ReadFromUDPAddrPort(in)
		switch failures.judge(err) {
		case readClosed:
			return
		case readBroken:
			r.fail(fmt.Errorf("%w: %w", ErrBroken, err))
			return
		}
		if err == nil {
			if answer := r.hear(now(), plain(from), in[:n]); answer != nil {
				_, _ = r.control.WriteToUDPAddrPort(answer, from) // lost, as a packet may be
			}
		}
		out, to := r.say(now())
		for _, b := range out {
			_, _ = r.control.WriteToUDPAddrPort(b, to)
		}
	}
}

// rest sets until when a read of the socket for RTCP may last: for ever, while there is nobody to speak to.
func (r *Receiver) rest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.peer().IsValid() {
		_ = r.control.SetReadDeadline(time.Time{})
		r.speakAt = 0
		return
	}
	until := r.report
	if asks, missing := r.source.buffer.asks(); missing {
		until = min(until, asks)
	}
	r.speakAt = alarm(until)
	_ = r.control.SetReadDeadline(clockOf(until))
}

// alarm has speak look not later than at a time. mu is held.
func (r *Receiver) alarm(at time.Duration) {
	if r.speakAt != 0 && at < time.Duration(r.speakAt) {
		r.speakAt = alarm(at)
		_ = r.control.SetReadDeadline(clockOf(at))
	}
}

// hear takes a datagram that came for RTCP, and returns what to answer at once. A sender may wait for an answer before it
// sends anything, so all are answered while there is none; never with more bytes than they sent.
func (r *Receiver) hear(now time.Duration, from netip.AddrPort, b []byte) (answer []byte) {
	c, err := parseCompound(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.stats.Malformed++
		return nil
	case r.source == nil:
		answer = appendEchoes(r.speaker.receiver(), c.ssrc&^1, c.asks)
		if c.bye || len(answer) > len(b) {
			return nil
		}
		return answer
	case !r.source.isFrom(from, c.ssrc):
		r.stats.Foreign++
		return nil
	}
	r.source.hear(now, from, &c)
	if c.bye {
		r.finish(ErrBye)
		return nil
	}
	if len(c.asks) > 0 {
		return appendEchoes(r.speaker.receiver(), r.source.ssrc, c.asks)
	}
	return nil
}

// say returns what is to be sent now, and where to: requests for missing packets, and reports.
func (r *Receiver) say(now time.Duration) (out [][]byte, to netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if to = r.peer(); !to.IsValid() || r.end != nil {
		return nil, to
	}
	s := r.source
	patience := s.buffer.patience(s.trip.smooth)
	for range maxBursts {
		seqs := s.buffer.ask(now, patience)
		if len(seqs) == 0 {
			break
		}
		r.stats.Requested += uint64(len(seqs))
		out = append(out, appendNACK(r.speaker.receiver(), r.o.NACK, r.speaker.ssrc, s.ssrc, seqs))
	}
	if now >= r.report {
		r.report = now + reportEvery
		out = append(out, appendEchoRequest(r.speaker.receiver(s.reports.block(now, s.ssrc)), s.ssrc, now))
	}
	return out, to
}

// fail has ReadPacket return an error.
func (r *Receiver) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = err
	r.mediaAt = 1
	_ = r.media.SetReadDeadline(clockOf(1))
}
