package webrtc

import (
	"encoding/binary"

	"github.com/pion/rtcp"

	"weir/internal/format/rtp"
	"weir/internal/media"
	"weir/internal/stream"
)

// cargo is the packets that publishers' lanes have: those of RTP as they came, without padding, extensions and contributing
// sources, so that the payload begins at the same place, and with the media.Codec for a payload type; and between them the
// sender's reports (RTCP), alone and as they came.
//
//	| 0x80 | marker u1, codec u7 | sequence u16 | time u32 | SSRC u32 | payload |
const cargo stream.Cargo = "RTP"

const (
	headLen    = 12
	senderInfo = 200 // the payload type of a sender's report, which no packet of RTP has
)

// strip makes a packet of the lane out of one that came. It is nothing for one that carries nothing, or is none.
func strip(arena *media.Arena, raw []byte, codec media.Codec) []byte {
	payload := payloadOf(raw)
	if len(payload) == 0 {
		return nil
	}
	b := arena.Bytes(headLen + len(payload))
	copy(b, raw[:headLen])
	b[0], b[1] = 2<<6, raw[1]&0x80|byte(codec)
	copy(b[headLen:], payload)
	return b
}

// payloadOf returns what a packet carries, nothing if it is none. Spec: RFC 3550, 5.1 and 5.3.1.
func payloadOf(raw []byte) []byte {
	if len(raw) < headLen || raw[0]>>6 != 2 {
		return nil
	}
	at, end := headLen+4*int(raw[0]&15), len(raw)
	if raw[0]&0x10 != 0 {
		if at+4 > end {
			return nil
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(raw[at+2:]))
	}
	if raw[0]&0x20 != 0 {
		end -= int(raw[end-1])
	}
	if at >= end {
		return nil
	}
	return raw[at:end]
}

// packetOf reads a packet of the lane.
func packetOf(p *media.Packet) rtp.Packet {
	b := p.Data
	return rtp.Packet{
		Sequence: binary.BigEndian.Uint16(b[2:]), Type: b[1] & 0x7f, Marker: b[1]&0x80 != 0,
		Time: binary.BigEndian.Uint32(b[4:]), SSRC: binary.BigEndian.Uint32(b[8:]), Payload: b[headLen:], At: p.At,
	}
}

// codecIn returns the codec of a packet of the lane, and whether it is a sender's report instead.
func codecIn(p *media.Packet) (c media.Codec, report bool) {
	if p.Data[1] == senderInfo {
		return media.Unknown, true
	}
	return media.Codec(p.Data[1] & 0x7f), false
}

// reportIn reads a sender's report of the lane.
func reportIn(p *media.Packet) (r rtcp.SenderReport, ok bool) {
	return r, r.Unmarshal(p.Data) == nil
}
