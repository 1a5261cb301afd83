package aac

import "slices"

const adtsHead = 7

// AppendADTS writes the header of a frame of size bytes, without a check sum, as streams have it
// that have no configuration:
//
//	| sync u12 | MPEG-4 0 u1 | layer 0 u2 | no CRC 1 u1 | profile u2 | rate index u4 | private u1 | channels u3 |
//	| 0 u4 | length with header u13 | fullness u11 | frames - 1 u2 |
//
// It tells nothing of SBR and PS: decoders find them. It writes nothing, and is not ok, for what
// it cannot say. Spec: ISO 14496-3, 1.A.2.2.
func (c Config) AppendADTS(dst []byte, size int) (out []byte, ok bool) {
	index := slices.Index([]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}, c.Rate)
	n := adtsHead + size
	if index < 0 || c.Type < Main || c.Type > LTP || n >= 1<<13 {
		return dst, false
	}
	return append(dst, 0xff, 0xf1,
		byte(c.Type-1)<<6|byte(index)<<2|byte(c.Layout)>>2,
		byte(c.Layout)<<6|byte(n>>11), byte(n>>3), byte(n)<<5|0x1f, 0xfc), true
}
