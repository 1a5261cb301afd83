package rtp

import "time"

// Bounds of sending again.
const (
	maxHistory = 8192                  // packets that a history keeps, whatever is asked for
	minAgain   = 20 * time.Millisecond // between two copies of a packet, at the least; else three quarters of a round trip
	maxAgain   = 10                    // copies of a packet
	maxShare   = 2                     // packets that may be sent again for each that is sent, on the whole
)

// History keeps what was sent to one player, by sequence numbers. It shares the payloads with all
// others.
type History struct {
	list   []sent // a power of two of them
	credit int    // packets that may be sent again
}

type sent struct {
	payload  Payload
	last     time.Duration // when it was sent last
	sequence uint16
	times    uint8 // sent again
	there    bool
}

// NewHistory returns a history of so many packets, or a few more.
func NewHistory(packets int) *History {
	n := 1
	for n < min(packets, maxHistory) {
		n *= 2
	}
	return &History{list: make([]sent, n), credit: n}
}

// Put keeps a packet that is sent, and forgets the oldest.
func (h *History) Put(now time.Duration, sequence uint16, p Payload) {
	*h.slot(sequence) = sent{payload: p, last: now, sequence: sequence, there: true}
	h.credit = min(h.credit+maxShare, maxShare*len(h.list))
}

// Has reports whether the history has a packet with that sequence number.
func (h *History) Has(sequence uint16) bool {
	s := h.slot(sequence)
	return s.there && s.sequence == sequence
}

// Again returns a packet that is asked for, to be sent. Known is false if the history does not have it
// any more, or not yet; a known one is withheld, send being false, if it was sent too short ago or too
// often.
func (h *History) Again(now, rtt time.Duration, sequence uint16) (p Payload, send, known bool) {
	s := h.slot(sequence)
	if !s.there || s.sequence != sequence {
		return p, false, false
	}
	if s.times > 0 && now-s.last < max(rtt*3/4, minAgain) || s.times >= maxAgain || h.credit == 0 {
		return p, false, true
	}
	s.last, s.times = now, s.times+1
	h.credit--
	return s.payload, true, true
}

func (h *History) slot(sequence uint16) *sent { return &h.list[int(sequence)&(len(h.list)-1)] }
