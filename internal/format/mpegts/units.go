package mpegts

import "encoding/binary"

// units writes access units of H.264 and H.265 with start codes.
type units struct {
	delimiter []byte // an access unit delimiter, behind its start code
	sets      []byte // the parameter sets, each behind its start code
	role      func(unit byte) role
}

// role says what a NAL unit is to us, by its first byte.
type role uint8

const (
	other role = iota
	delimiter
	set // a sequence parameter set: the others are with it
)

// append writes an access unit of NAL units with 4-byte lengths: a delimiter first, which iOS and
// QuickTime want, and before a key frame the parameter sets, unless it has brought its own.
func (u *units) append(dst, data []byte, key bool) ([]byte, bool) {
	own, ok := u.scan(data)
	if !ok {
		return dst, false
	}
	dst = append(dst, u.delimiter...)
	if key && !own {
		dst = append(dst, u.sets...)
	}
	for len(data) > 4 {
		n := binary.BigEndian.Uint32(data)
		unit := data[4 : 4+n]
		data = data[4+n:]
		if n == 0 || u.role(unit[0]) == delimiter {
			continue
		}
		dst = append(append(dst, 0, 0, 0, 1), unit...)
	}
	return dst, true
}

// scan reports whether an access unit has parameter sets of its own, and whether it is whole.
func (u *units) scan(data []byte) (own, ok bool) {
	for len(data) > 0 {
		if len(data) < 4 {
			return false, false
		}
		n := binary.BigEndian.Uint32(data)
		if data = data[4:]; uint64(n) > uint64(len(data)) {
			return false, false
		}
		if n > 0 {
			r := u.role(data[0])
			own, ok = own || r == set, ok || r == other
		}
		data = data[n:]
	}
	return own, ok
}
