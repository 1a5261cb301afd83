package rist

import (
	"time"

	"github.com/pion/rtcp"
)

// reception counts what comes of a source, for reports about it. Packets that were sent again do not count, so that
// the reports are about the network (RFC 3550, 6.4.1, A.3 and A.8).
type reception struct {
	begun      bool
	first      int64 // the first packet's number
	high       int64
	received   int64
	transit    uint32 // of the last packet, in ticks
	jitter     float64
	lastSR     uint32 // middle of the last sender report's time
	lastSRAt   time.Duration
	expectedBy int64 // when the last report was made
	receivedBy int64
}

// add takes a packet that came for the first time, and when.
func (r *reception) add(at time.Duration, seq uint16, timestamp uint32) {
	transit := ticks(at) - timestamp
	if !r.begun {
		r.begun, r.first, r.high, r.transit = true, int64(seq), int64(seq), transit
	}
	r.high = max(r.high, unwrap(r.high, seq))
	r.received++
	d := float64(int32(transit - r.transit)) // either may have wrapped
	r.transit = transit
	r.jitter += (max(d, -d) - r.jitter) / 16
}

// heard takes a sender report.
func (r *reception) heard(at time.Duration, clock uint64) {
	r.lastSR, r.lastSRAt = middle(clock), at
}

// block reports on what came since the last block.
func (r *reception) block(now time.Duration, source uint32) rtcp.ReceptionReport {
	b := rtcp.ReceptionReport{SSRC: source, Jitter: uint32(r.jitter)}
	if r.lastSR != 0 {
		b.LastSenderReport, b.Delay = r.lastSR, sixteenths(now-r.lastSRAt)
	}
	if !r.begun {
		return b
	}
	expected := r.high - r.first + 1
	b.LastSequenceNumber = uint32(r.high)
	b.TotalLost = uint32(min(max(expected-r.received, 0), 1<<23-1))
	if due, came := expected-r.expectedBy, r.received-r.receivedBy; due > 0 && came < due {
		b.FractionLost = uint8(min((due-came)*256/due, 255))
	}
	r.expectedBy, r.receivedBy = expected, r.received
	return b
}
