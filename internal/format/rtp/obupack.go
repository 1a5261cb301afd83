package rtp

import (
	"encoding/binary"

	"weir/internal/codec/av1"
	"weir/internal/media"
)

// Types of OBUs that RTP does not carry, beside the delimiter. Spec: AV1, 6.2.2; RTP Payload Format
// For AV1, 5.
const (
	obuFrameHeader = 3
	obuFrame       = 6
	obuTileList    = 8
	obuPadding     = 15
)

// The bits of the aggregation header.
const (
	obuContinues = 0x80 // Z: the first element goes on from the packet before
	obuGoesOn    = 0x40 // Y: the last element goes on in the next packet
	obuSequence  = 0x08 // N: a coded video sequence begins
)

// fewBytes is the least that a piece of an OBU has at the end of a packet.
const fewBytes = 16

// obuPacker cuts temporal units of AV1 into packets of elements: OBUs without sizes, or pieces.
type obuPacker struct {
	sequence []byte // of the configuration

	b    []byte // the elements
	ends []int  // of each in b
	cuts []int  // bytes of each element in a packet
}

func (v *obuPacker) setup(t *media.Track) {
	v.sequence = nil
	if sets := setsOf(t); len(sets) > 0 {
		v.sequence = sets[0]
	}
}

func (v *obuPacker) pack(b *builder, data []byte, key bool) {
	v.b, v.ends = v.b[:0], v.ends[:0]
	if key && v.sequence != nil && av1.Sequence(data) == nil {
		v.element(v.sequence)
	}
	for u := range av1.All(data) {
		switch av1.Type(u) {
		case av1.TypeDelimiter, obuTileList, obuPadding:
		default:
			v.element(u)
		}
	}
	n := len(v.b)/(b.mtu-fewBytes) + 1
	b.room(n, len(v.b)+3*n+3*len(v.ends))
	var head byte
	if key {
		head = obuSequence
	}
	for at, i := 0, 0; i < len(v.ends); {
		if i == 0 && at > 0 || i > 0 && at > v.ends[i-1] {
			head |= obuContinues
		}
		at, i = v.packet(b, head, at, i)
		head = 0
	}
}

// element adds an OBU without its size.
func (v *obuPacker) element(u []byte) {
	head := 1 + int(u[0]>>2&1)
	if len(u) < head {
		return
	}
	v.b = append(append(v.b, u[0]&^2), u[1:head]...)
	body := u[head:]
	if u[0]&2 != 0 {
		_, n := binary.Uvarint(body)
		body = body[max(n, 0):]
	}
	v.b = append(v.b, body...)
	v.ends = append(v.ends, len(v.b))
}

// packet adds one packet of the elements from at on, the i-th, and returns where it ends. The last of
// up to three elements has no size:
//
//	| Z u1, Y u1, elements or 0 u2, N u1, 0 u3 | (size leb128 | element) ... | element |
func (v *obuPacker) packet(b *builder, head byte, at, i int) (int, int) {
	from, left := at, b.mtu-1
	v.cuts = v.cuts[:0]
	for i < len(v.ends) {
		n := v.ends[i] - at
		if size := n + sizeBytes(n); size > left {
			n = left - sizeBytes(left)
			if n < fewBytes && len(v.cuts) > 0 {
				break
			}
		}
		v.cuts = append(v.cuts, n)
		left -= n + sizeBytes(n)
		at += n
		if at < v.ends[i] {
			head |= obuGoesOn
			break
		}
		i++
	}
	if len(v.cuts) <= 3 {
		head |= byte(len(v.cuts)) << 4
	}
	b.open(head)
	for k, n := range v.cuts {
		if len(v.cuts) > 3 || k < len(v.cuts)-1 {
			b.b = binary.AppendUvarint(b.b, uint64(n))
		}
		b.b = append(b.b, v.b[from:from+n]...)
		from += n
	}
	b.close()
	return at, i
}

// sizeBytes is how many bytes a size has as leb128.
func sizeBytes(n int) int {
	size := 1
	for n >= 0x80 {
		n >>= 7
		size++
	}
	return size
}
