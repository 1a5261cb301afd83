package rtp

import "encoding/binary"

// AppendRTX writes a packet that is sent again on a line of its own, which is rtx: the payload goes
// behind the number that it was sent with.
//
//	| header | original sequence u16 | payload |
//
// Spec: RFC 4588, 4.
func (l *Line) AppendRTX(dst []byte, rtx *Line, sequence uint16, p *Payload) []byte {
	dst = rtx.head(dst, rtx.Sequence, p.Time+l.Offset, p.Marker)
	rtx.Sequence++
	return append(binary.BigEndian.AppendUint16(dst, sequence), p.Data...)
}

// Original turns a packet of RFC 4588 into the one that was lost, which had this SSRC and type. It
// is false for one that is too short: senders fill lines with those.
func (p *Packet) Original(ssrc uint32, kind uint8) bool {
	if len(p.Payload) <= 2 {
		return false
	}
	p.Sequence = binary.BigEndian.Uint16(p.Payload)
	p.Payload = p.Payload[2:]
	p.SSRC, p.Type = ssrc, kind
	return true
}
