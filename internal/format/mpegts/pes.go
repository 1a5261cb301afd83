package mpegts

import (
	"encoding/binary"

	"weir/internal/media"
)

const (
	maxUnit  = 16 << 20   // bytes of one PES packet
	maxSound = 1 << 20    // bytes of one with sound
	maxDatum = 6 + 0xffff // bytes of one with data, whose length is 16 bits
	keptPES  = 1 << 20    // bytes of memory that one leaves for the next
	pesHead  = 9          // bytes, without what is optional
)

// parcel puts the PES packets of one elementary stream together, one after the other.
//
// This is not left to go-astits, which for every packet of 188 bytes copies all that has come of
// the PES packet, takes any payload behind a gap that begins with 00 00 01 for a new one, and
// has no bound.
type parcel struct {
	b       []byte
	open    bool // begun, and nothing is missing so far
	entry   bool // decoding can start here, its first packet says
	stuffed bool // its newest packet was filled up, so it is the last
	at      int64
}

func (p *parcel) begin(first *packet) {
	p.reset()
	p.open, p.entry = true, first.entry
}

func (p *parcel) reset() {
	p.open = false
	if p.b = p.b[:0]; cap(p.b) > keptPES {
		p.b = nil
	}
}

// add takes the payload of a packet.
func (p *parcel) add(next *packet, at int64) {
	p.b = append(p.b, next.payload...)
	p.stuffed, p.at = next.stuffed, at
}

// size returns how long the PES packet is by what it says, or 0: pictures need not say.
func (p *parcel) size() int {
	if len(p.b) < pesHead {
		return 0
	}
	n := int(binary.BigEndian.Uint16(p.b[4:]))
	if n == 0 {
		return 0
	}
	return 6 + n
}

// whole reports whether all of it is there, where it says how long it is.
func (p *parcel) whole() bool {
	n := p.size()
	return n > 0 && len(p.b) >= n
}

// pes is a PES packet: times and the bytes of an elementary stream.
type pes struct {
	timed     bool
	pts, dts  int64 // 90 kHz, unwrapped
	entry     bool
	scrambled bool
	id        byte
	data      []byte
}

// The stream_id of PES packets that have another head, and nothing to decode.
const (
	idMap      = 0xbc
	idPadding  = 0xbe
	idPrivate2 = 0xbf
	idECM      = 0xf0
	idEMM      = 0xf1
	idDSMCC    = 0xf2
	idH2221E   = 0xf8
	idList     = 0xff
)

// parse reads the head. It is not ok if it is damaged; data is empty for a packet that holds no
// elementary stream.
//
//	| 00 00 01 | stream id u8 | length u16 | 2 u2, scrambling u2, ... u4 | PTS u1, DTS u1, ... u6 | length of what is optional u8 | PTS u40 | DTS u40 | ... |
//
// Spec: ISO 13818-1, 2.4.3.6.
func (p *parcel) parse(clock *media.Wrap) (u pes, ok bool) {
	b := p.b
	if n := p.size(); n > 0 {
		b = b[:n]
	}
	if len(b) < pesHead || b[0] != 0 || b[1] != 0 || b[2] != 1 {
		return u, false
	}
	switch b[3] {
	case idMap, idPadding, idPrivate2, idECM, idEMM, idDSMCC, idH2221E, idList:
		return u, true
	}
	head := pesHead + int(b[8])
	if b[6]>>6 != 2 || head > len(b) {
		return u, false
	}
	u = pes{id: b[3], entry: p.entry, scrambled: b[6]&0x30 != 0, data: b[head:]}
	times := b[pesHead:head]
	switch flags := b[7] >> 6; {
	case flags == 2 && len(times) >= 5:
		u.timed = true
		u.dts = clock.Next(uint64(time33(times)))
		u.pts = u.dts
	case flags == 3 && len(times) >= 10:
		u.timed = true
		pts, dts := time33(times), time33(times[5:])
		u.dts = clock.Next(uint64(dts))
		u.pts = u.dts + (pts-dts)<<31>>31 // which may be on two sides of a wrap
	}
	return u, true
}

// time33 reads | 0 u4, time u3, 1 u1 | time u15, 1 u1 | time u15, 1 u1 |.
func time33(b []byte) int64 {
	return int64(b[0]>>1&7)<<30 | int64(b[1])<<22 | int64(b[2]>>1)<<15 | int64(b[3])<<7 | int64(b[4]>>1)
}

// nanos returns a time of a transport stream in ns.
func nanos(t int64) int64 {
	const num, den = 100_000, 9
	return t/den*num + t%den*num/den
}
