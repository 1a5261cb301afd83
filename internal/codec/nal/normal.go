package nal

import "encoding/binary"

// Packing says how the units of a payload are packed.
type Packing uint8

// The packings.
const (
	Damaged Packing = iota // none of the others
	Normal                 // every unit behind a 4-byte length, none of them empty
	Lengths                // behind lengths of another size, or with empty units or padding
	AnnexB                 // between start codes
)

// Detect finds out how b is packed, if its lengths should have size bytes. The lengths decide:
// only if they do not add up are start codes looked for, whatever has been announced.
func Detect(b []byte, size int) Packing {
	if size == 4 && normal(b) {
		return Normal
	}
	if lengths(b, size) {
		return Lengths
	}
	if IsAnnexB(b) {
		return AnnexB
	}
	return Damaged
}

// Normalize returns the units of b behind 4-byte lengths: b itself if it is packed so
// already, else a copy. It is nil if b is damaged or has no units.
func Normalize(b []byte, size int) []byte {
	var units [][]byte
	switch Detect(b, size) {
	case Normal:
		return b
	case Lengths:
		units, _ = Split(nil, b, size)
	case AnnexB:
		units = SplitAnnexB(nil, b)
	}
	if len(units) == 0 {
		return nil
	}
	total := 0
	for _, u := range units {
		total += 4 + len(u)
	}
	return Append(make([]byte, 0, total), units...)
}

func normal(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for len(b) > 0 {
		if len(b) < 5 {
			return false
		}
		n := uint64(binary.BigEndian.Uint32(b))
		if n == 0 || n > uint64(len(b)-4) {
			return false
		}
		b = b[4+n:]
	}
	return true
}

// lengths reports whether Split would succeed and find something.
func lengths(b []byte, size int) bool {
	found := false
	for len(b) > 0 {
		u, rest, ok := next(b, size)
		if !ok {
			return found && zeros(b)
		}
		found = found || len(u) > 0
		b = rest
	}
	return found
}
