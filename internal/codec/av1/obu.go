package av1

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// Types of OBUs. Spec: AV1, 6.2.2.
const (
	TypeSequence  = 1
	TypeDelimiter = 2
)

// Type returns the type of an OBU, 0 for an empty one.
func Type(obu []byte) byte {
	if len(obu) == 0 {
		return 0
	}
	return obu[0] >> 3 & 0xf
}

// All gives the OBUs of a temporal unit, with their headers and without copies. An OBU
// without a size is the last; a size that does not fit ends the walk.
//
//	| 0 u1, type u4, extension u1, has size u1, 0 u1 | extension u8 | size leb128 | payload |
//
// Spec: AV1, 5.3.
func All(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := length(b)
			if n == 0 || !yield(b[:n:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// length returns how many bytes the first OBU of b has, 0 if b holds less.
func length(b []byte) int {
	if b[0]&2 == 0 {
		return len(b)
	}
	head := 1 + int(b[0]>>2&1)
	if len(b) <= head {
		return 0
	}
	size, n := binary.Uvarint(b[head:]) // leb128 by another name
	if n <= 0 || size > uint64(len(b)-head-n) {
		return 0
	}
	return head + n + int(size)
}

// sized returns an OBU without an extension and with a size that is right.
func sized(obu []byte) ([]byte, error) {
	if Type(obu) != TypeSequence {
		return nil, fmt.Errorf("%w: OBU of type %d", ErrConfig, Type(obu))
	}
	n := length(obu)
	head := 1 + int(obu[0]>>2&1)
	if n == 0 || n < head {
		return nil, fmt.Errorf("%w: OBU size", ErrConfig)
	}
	body := obu[head:n]
	if obu[0]&2 != 0 {
		_, k := binary.Uvarint(body)
		body = body[k:]
	}
	out := binary.AppendUvarint([]byte{TypeSequence<<3 | 2}, uint64(len(body)))
	return append(out, body...), nil
}

// IsKey reports whether decoding can start at a temporal unit: whether it has a sequence
// header, which encoders put before key frames only.
func IsKey(data []byte) bool { return Sequence(data) != nil }

// Sequence returns the first sequence header OBU of a temporal unit, or nil.
func Sequence(data []byte) []byte {
	for u := range All(data) {
		if Type(u) == TypeSequence {
			return u
		}
	}
	return nil
}

// TrimDelimiter returns a temporal unit without the delimiters it begins with.
func TrimDelimiter(data []byte) []byte {
	for Type(data) == TypeDelimiter {
		n := length(data)
		if n == 0 {
			break
		}
		data = data[n:]
	}
	return data
}
