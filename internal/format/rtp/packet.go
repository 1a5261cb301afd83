package rtp

import (
	"encoding/binary"

	"github.com/pion/rtp"
)

// Packet is one packet of a track that came.
type Packet struct {
	Sequence uint16
	Type     uint8 // the payload type
	Marker   bool
	Time     uint32 // RTP timestamp
	SSRC     uint32
	Payload  []byte
	At       int64 // ns since the process started: when it arrived

	// What a Reorder adds.
	Lost  int  // packets missing before it that have been given up
	First bool // nothing before it was of this sender, or the sender has begun anew
}

// PacketOf takes what is needed out of a packet. The payload is shared with it.
func PacketOf(p *rtp.Packet, at int64) Packet {
	return Packet{
		Sequence: p.SequenceNumber, Type: p.PayloadType, Marker: p.Marker,
		Time: p.Timestamp, SSRC: p.SSRC, Payload: p.Payload, At: at,
	}
}

// Payload is what one packet carries of a frame. It is the same for all players of a stream, and
// must not be changed.
type Payload struct {
	Data   []byte
	Time   uint32 // in the codec's clock, from the stream's time zero
	Marker bool
}

// Line is what the packets of one player's track have of their own.
type Line struct {
	SSRC     uint32
	Type     uint8  // the payload type
	Sequence uint16 // of the next packet
	Offset   uint32 // added to the time of payloads
}

// Append writes the next packet, without extensions:
//
//	| version 2 u2, padding u1, extension u1, sources u4 | marker u1, type u7 | sequence u16 |
//	| time u32 | SSRC u32 | payload |
//
// Spec: RFC 3550, 5.1.
func (l *Line) Append(dst []byte, p *Payload) []byte {
	dst = l.AppendAgain(dst, l.Sequence, p)
	l.Sequence++
	return dst
}

// AppendAgain writes a packet that was sent with a sequence number before.
func (l *Line) AppendAgain(dst []byte, sequence uint16, p *Payload) []byte {
	return append(l.head(dst, sequence, p.Time+l.Offset, p.Marker), p.Data...)
}

// Header is the header of the next packet, for who adds extensions.
func (l *Line) Header(p *Payload) rtp.Header {
	h := rtp.Header{
		Version: 2, Marker: p.Marker, PayloadType: l.Type, SequenceNumber: l.Sequence,
		Timestamp: p.Time + l.Offset, SSRC: l.SSRC,
	}
	l.Sequence++
	return h
}

func (l *Line) head(dst []byte, sequence uint16, time uint32, marker bool) []byte {
	kind := l.Type & 0x7f
	if marker {
		kind |= 0x80
	}
	dst = binary.BigEndian.AppendUint16(append(dst, 2<<6, kind), sequence)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(dst, time), l.SSRC)
}
