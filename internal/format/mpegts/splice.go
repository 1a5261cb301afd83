package mpegts

import "encoding/binary"

const (
	tableSplice = 0xfc
	maxSplice   = 4096 // bytes of a splice_info_section
	minSplice   = 20
)

// isSplice reports whether a section is a whole splice_info_section of the version that is known:
//
//	| 0xfc | 0 u1, private u1, SAP u2, length u12 | version u8 | encrypted u1, algorithm u6, adjustment u33 | ... | CRC u32 |
//
// Spec: SCTE 35, 9.6.
func isSplice(b []byte) bool {
	const version = 0
	return len(b) >= minSplice && len(b) <= maxSplice && b[0] == tableSplice && b[3] == version && sum(b) == 0
}

// appendSplice appends a splice_info_section for a clock that is by so many ticks ahead of that which its times are of.
// They may be encrypted, but what is to be added to them, its pts_adjustment, never is.
func appendSplice(dst, b []byte, by int64) []byte {
	const at = 4 // its highest bit is the lowest of this byte
	n := len(dst)
	dst = append(dst, b[:len(b)-4]...)
	s := dst[n:]
	t := uint64(s[at]&1)<<32 | uint64(binary.BigEndian.Uint32(s[at+1:]))
	t = wrap(int64(t) + by)
	s[at] = s[at]&^1 | byte(t>>32)
	binary.BigEndian.PutUint32(s[at+1:], uint32(t))
	return binary.BigEndian.AppendUint32(dst, sum(s))
}
