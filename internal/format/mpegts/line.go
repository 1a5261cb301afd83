package mpegts

import "bytes"

// line follows the continuity counter of one PID, which goes up by one with each packet that has
// a payload. Spec: ISO 13818-1, 2.4.3.3.
type line struct {
	seen    bool
	jumped  bool // its counter did, in a packet without a payload that may
	counter byte
	size    int
	last    [packetSize]byte // the newest payload
}

// follow says how a packet follows the one before.
type follow struct {
	repeat bool // it is the one before, once more
	torn   bool // something is missing before it
	lost   int  // packets that are missing, but for multiples of 16; 0 where the counter may jump
}

// pass takes a packet without a payload. It has the counter of the one before, unless it says that it may jump.
func (l *line) pass(p *packet) {
	if l.seen && p.jumps && p.counter != l.counter {
		l.jumped, l.counter = true, p.counter
	}
}

// follow takes the next packet with a payload. The counter alone cannot tell a packet that is sent
// twice from one before which 15 were lost, so payloads are compared.
func (l *line) follow(p *packet) (f follow) {
	gap := int(p.counter-l.counter-1) & 15
	switch {
	case !l.seen, gap == 0 && !l.jumped:
	case p.counter == l.counter && bytes.Equal(l.last[:l.size], p.payload):
		return follow{repeat: true}
	case p.jumps, gap == 0:
		f.torn = !p.start
	default:
		f = follow{torn: true, lost: gap}
	}
	l.seen, l.jumped, l.counter = true, false, p.counter
	l.size = copy(l.last[:], p.payload)
	return f
}
