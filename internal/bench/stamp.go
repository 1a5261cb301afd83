package bench

import (
	"bytes"
	"time"
)

// stamp is what a publisher writes into each picture, and players read.
type stamp struct {
	sent   time.Time // by the clock of the publisher's machine
	number uint32    // of the picture
	stream uint32
}

// A stamp travels in an SEI NAL unit of its own, first of its picture. All numbers have seven
// bits to the byte, with the highest one set: so no byte is zero, and no emulation prevention
// changes what passes through muxes and demuxes.
//
//	| NAL type 6 | payload type 5 | payload size | UUID | ns u70 | number u35 | stream u35 | 0x80 |
//
// Spec: H.264, 7.3.2.3 and D.1.7 (user_data_unregistered).
const (
	stampUUID = "\x77\x65\x69\x72\xb3\x5d\x4e\x71\x9a\xc6\x62\x65\x6e\x63\x68\xe9"
	nanoBytes = 10
	wordBytes = 5
	stampBody = len(stampUUID) + nanoBytes + 2*wordBytes
	stampSize = 3 + stampBody + 1
)

// The types of NAL units that are written here. Spec: H.264, table 7-1.
const (
	unitSlice    = 1
	unitKeySlice = 5
	unitSEI      = 6
	unitFiller   = 12

	payloadUserData = 5
)

// appendStamp appends the NAL unit, without a length.
func appendStamp(dst []byte, s stamp) []byte {
	dst = append(dst, unitSEI, payloadUserData, byte(stampBody))
	dst = append(dst, stampUUID...)
	dst = appendSevens(dst, uint64(s.sent.UnixNano()), nanoBytes)
	dst = appendSevens(dst, uint64(s.number), wordBytes)
	dst = appendSevens(dst, uint64(s.stream), wordBytes)
	return append(dst, 0x80)
}

// parseStamp reads a NAL unit. It reports false if that is no stamp.
func parseStamp(unit []byte) (stamp, bool) {
	if len(unit) < stampSize || unit[0]&0x1f != unitSEI || unit[1] != payloadUserData || int(unit[2]) != stampBody {
		return stamp{}, false
	}
	uuid, b := unit[3:3+len(stampUUID)], unit[3+len(stampUUID):]
	if !bytes.Equal(uuid, []byte(stampUUID)) {
		return stamp{}, false
	}
	return stamp{
		sent:   time.Unix(0, int64(sevens(b[:nanoBytes]))),
		number: uint32(sevens(b[nanoBytes : nanoBytes+wordBytes])),
		stream: uint32(sevens(b[nanoBytes+wordBytes : nanoBytes+2*wordBytes])),
	}, true
}

// findStamp looks through NAL units with lengths of 4 bytes, of which b may be the beginning.
func findStamp(b []byte) (stamp, bool) {
	for len(b) >= 4+stampSize {
		size := int(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]))
		if s, ok := parseStamp(b[4:]); ok {
			return s, true
		}
		if size < 0 || size > len(b)-4 {
			break
		}
		b = b[4+size:]
	}
	return stamp{}, false
}

func appendSevens(dst []byte, v uint64, n int) []byte {
	for n--; n >= 0; n-- {
		dst = append(dst, 0x80|byte(v>>(7*n)))
	}
	return dst
}

func sevens(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<7 | uint64(c&0x7f)
	}
	return v
}

// appendStampUnit is appendStamp with a length of 4 bytes.
func appendStampUnit(dst []byte, s stamp) []byte {
	return appendStamp(append(dst, 0, 0, 0, byte(stampSize)), s)
}
