package rist

import (
	"slices"
	"time"
)

// Bounds of a history: what one of a receiver's is, and more.
const (
	maxHistory      = 16384    // packets
	maxHistoryBytes = 32 << 20 // in them
)

// Bounds of sending again.
const (
	minAgain = 5 * time.Millisecond // between two copies of a packet, at the least; else half a round trip
	maxAgain = 32                   // copies of a packet

	// So many packets may be sent again for each that is sent, on the whole.
	maxShare = 2
)

// history keeps packets that were sent. It is a value: it has no clock and no socket.
type history struct {
	length time.Duration

	list   []sent // each the next number after the one before it
	bytes  int
	credit int    // packets that may be sent again
	spare  []byte // of a packet that was forgotten
}

// sent is a packet on the wire.
type sent struct {
	seq   int64
	wire  []byte
	at    time.Duration // first sent
	last  time.Duration // sent last
	times int           // sent again
}

// room returns a buffer of size bytes, for put.
func (h *history) room(size int) []byte {
	b := h.spare
	h.spare = nil
	if cap(b) < size {
		return make([]byte, size, max(size, maxWire))
	}
	return b[:size]
}

// put keeps a packet, which is the next after the last one, and forgets what is too old or too much. The history keeps wire.
func (h *history) put(now time.Duration, seq int64, wire []byte) {
	h.list = append(h.list, sent{seq: seq, wire: wire, at: now, last: now})
	h.bytes += len(wire)
	h.credit = min(h.credit+maxShare, maxShare*maxHistory)
	for len(h.list) > 1 {
		oldest := &h.list[0]
		if now-oldest.at <= h.length && len(h.list) <= maxHistory && h.bytes <= maxHistoryBytes {
			break
		}
		h.bytes -= len(oldest.wire)
		h.spare = oldest.wire
		*oldest = sent{}
		h.list = h.list[1:]
	}
}

// again appends a copy of a packet that is asked for to dst. known is false if the history does not have it any more, or
// not yet; a known one is withheld, nothing being appended, if it was sent too short ago or too often.
func (h *history) again(now, rtt time.Duration, number uint16, dst []byte) (wire []byte, known bool) {
	if len(h.list) == 0 {
		return dst, false
	}
	seq := unwrap(h.list[len(h.list)-1].seq, number)
	i := seq - h.list[0].seq
	if i < 0 || i >= int64(len(h.list)) || now-h.list[i].at > h.length {
		return dst, false
	}
	p := &h.list[i]
	if now-p.last < max(rtt/2, minAgain) || p.times >= maxAgain || h.credit == 0 {
		return dst, true
	}
	p.last, p.times = now, p.times+1
	h.credit--
	return append(slices.Grow(dst, len(p.wire)), p.wire...), true
}
