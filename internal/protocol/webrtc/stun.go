package webrtc

import (
	"bytes"
	"encoding/binary"
)

const (
	stunHead   = 20 // bytes in front of the attributes
	stunCookie = 0x2112a442

	attrUsername   = 0x0006
	attrControlled = 0x8029
)

// check is what is looked at of a binding request of ICE before anybody answers it.
type check struct {
	ufrag      []byte // of ours: what is in front of the colon of the user's name; part of the packet
	controlled bool   // the client says that it is the controlled side, which we are
}

// isCheck reports whether a packet is a binding request.
//
//	| 0001 u16 | length u16 | cookie u32 | transaction 12 bytes | attributes
//
// Spec: RFC 8489, 5.
func isCheck(b []byte) bool { return isSTUN(b, 0x0001) }

// isYes reports whether a packet is the answer to a binding request that was in order.
func isYes(b []byte) bool { return isSTUN(b, 0x0101) }

func isSTUN(b []byte, kind uint16) bool {
	return len(b) >= stunHead && binary.BigEndian.Uint16(b) == kind && binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// readCheck reads a binding request, as far as it tells whose it is. Nothing of it is proven yet.
//
//	attribute: | type u16 | length u16 | value | 0 to 3 bytes up to a multiple of 4
func readCheck(b []byte) (c check, ok bool) {
	if !isCheck(b) {
		return c, false
	}
	rest, n := b[stunHead:], int(binary.BigEndian.Uint16(b[2:]))
	if n > len(rest) {
		return c, false
	}
	rest = rest[:n]
	for len(rest) >= 4 {
		kind, n := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if rest = rest[4:]; n > len(rest) {
			return c, false
		}
		switch value := rest[:n]; kind {
		case attrUsername:
			if c.ufrag, _, ok = bytes.Cut(value, []byte{':'}); !ok {
				return c, false
			}
		case attrControlled:
			c.controlled = true
		}
		rest = rest[min((n+3)&^3, len(rest)):]
	}
	return c, len(c.ufrag) > 0
}
