package nal

import "bytes"

// IsAnnexB reports whether b begins with a start code. So may a payload with lengths: one of
// three bytes, or one whose first unit is 1 or 256 to 511 bytes long.
func IsAnnexB(b []byte) bool {
	return len(b) > 3 && b[0] == 0 && b[1] == 0 && (b[2] == 1 || b[2] == 0 && b[3] == 1)
}

// SplitAnnexB appends to dst the units between the start codes of b, as subslices. What
// stands before the first start code is left out, and so are empty units:
//
//	| 0 ... 0 | 00 00 01 | unit | 0 ... 0 | 00 00 01 | unit | ...
//
// Zeros before a start code belong to no unit. Spec: H.264, B.1.
func SplitAnnexB(dst [][]byte, b []byte) [][]byte {
	_, b = cut(b)
	for len(b) > 0 {
		var u []byte
		if u, b = cut(b); len(u) > 0 {
			dst = append(dst, u[:len(u):len(u)])
		}
	}
	return dst
}

// cut returns what stands before the next start code, without zeros at its end, and what
// stands behind it.
func cut(b []byte) (unit, rest []byte) {
	at := bytes.Index(b, []byte{0, 0, 1})
	if at < 0 {
		return trim(b), nil
	}
	return trim(b[:at]), b[at+3:]
}

func trim(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}
