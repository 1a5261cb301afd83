package mpegts

import "github.com/asticode/go-astits"

const (
	packetSize = astits.MpegTsPacketSize
	packetHead = 4
	syncByte   = 0x47
	pidNull    = astits.PIDNull
)

// packet is what one packet says. Its payload is a subslice of it.
type packet struct {
	pid       uint16
	counter   byte
	start     bool // a PES packet or a section begins in it
	scrambled bool
	jumps     bool // its counter need not go on from the one before
	entry     bool // decoding can start here
	stuffed   bool // it was filled up, as the last of a PES packet is
	payload   []byte
}

// parsePacket reads a packet. It is not ok if it says itself that it is damaged, or must be.
//
//	| 0x47 | error u1, start u1, priority u1, PID u13 | scrambling u2, adaptation u1, payload u1, counter u4 | adaptation field | payload |
//
// It is read here and not by go-astits, which takes three allocations for each of them.
// Spec: ISO 13818-1, 2.4.3.2.
func parsePacket(b []byte) (p packet, ok bool) {
	p = packet{
		pid: uint16(b[1]&0x1f)<<8 | uint16(b[2]), counter: b[3] & 15,
		start: b[1]&0x40 != 0, scrambled: b[3]&0xc0 != 0,
	}
	if b[1]&0x80 != 0 {
		return p, false
	}
	at := packetHead
	if b[3]&0x20 != 0 {
		if at += 1 + int(b[packetHead]); at > packetSize {
			return p, false
		}
		p.adapt(b[packetHead+1 : at])
	}
	if b[3]&0x10 != 0 {
		p.payload = b[at:packetSize]
	}
	return p, true
}

// adapt reads an adaptation field, which stands behind its length:
//
//	| jump u1, entry u1, priority u1, PCR u1, OPCR u1, splice u1, private u1, extension u1 | PCR u48 | OPCR u48 | splice u8 | ... | stuffing |
//
// Spec: ISO 13818-1, 2.4.3.4.
func (p *packet) adapt(b []byte) {
	if len(b) == 0 {
		p.stuffed = true
		return
	}
	p.jumps, p.entry = b[0]&0x80 != 0, b[0]&0x40 != 0
	used := 1
	for _, f := range [...]struct {
		flag byte
		size int
	}{{0x10, 6}, {0x08, 6}, {0x04, 1}} {
		if b[0]&f.flag != 0 {
			used += f.size
		}
	}
	p.stuffed = b[0] == 0 || b[0]&0x03 == 0 && len(b) > used // one that says nothing fills by being there
}
