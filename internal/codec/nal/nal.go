// Package nal handles the NAL units of H.264 and H.265, which are packed alike: each behind
// its length (MP4, FLV), or between start codes (TS, most encoders).
//
// Spec: ISO 14496-15, 4.3 (lengths); H.264 and H.265, Annex B (start codes).
package nal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// ErrDamaged is a payload whose lengths do not add up.
var ErrDamaged = errors.New("nal: lengths do not fit the payload")

// Append writes units after dst, each behind its length in four bytes.
func Append(dst []byte, units ...[]byte) []byte {
	for _, u := range units {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(u)))
		dst = append(dst, u...)
	}
	return dst
}

// All gives the units of a payload with 4-byte lengths, without copies; empty ones are left
// out, and it stops at the first length that does not fit.
func All(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) > 4 {
			n := binary.BigEndian.Uint32(b)
			b = b[4:]
			if uint64(n) > uint64(len(b)) {
				return
			}
			if n > 0 && !yield(b[:n:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// Split appends to dst the units of a payload whose lengths have size bytes, 1 to 4. They are
// subslices of b. Empty units and zeros at the end are left out. Other damage is ErrDamaged.
func Split(dst [][]byte, b []byte, size int) ([][]byte, error) {
	for len(b) > 0 {
		u, rest, ok := next(b, size)
		switch {
		case ok && len(u) > 0:
			dst = append(dst, u)
		case ok:
		case zeros(b):
			return dst, nil
		default:
			return dst, fmt.Errorf("%w: %d bytes left", ErrDamaged, len(b))
		}
		b = rest
	}
	return dst, nil
}

func next(b []byte, size int) (unit, rest []byte, ok bool) {
	if len(b) < size {
		return nil, nil, false
	}
	var n uint64
	for _, c := range b[:size] {
		n = n<<8 | uint64(c)
	}
	if b = b[size:]; n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
