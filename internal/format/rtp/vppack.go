package rtp

import (
	"encoding/binary"

	"weir/internal/codec/vp9"
	"weir/internal/media"
)

const pictureBits = 0x7fff // of the number of a picture

// vp8Packer cuts frames of VP8.
type vp8Packer struct {
	picture uint16
}

func (*vp8Packer) setup(*media.Track) {}

// pack puts a descriptor before each piece:
//
//	| more u1, 0 u2, start u1, 0 u1, partition 0 u3 | picture u1, 0 u7 | long u1, picture u15 | piece |
//
// Spec: RFC 7741, 4.2.
func (v *vp8Packer) pack(b *builder, data []byte, _ bool) {
	const head, more, start, long = 4, 0x80, 0x10, 0x80
	n := (len(data)-1)/(b.mtu-head) + 1
	b.room(n, len(data)+head*n)
	first := byte(start)
	for len(data) > 0 {
		n := min(len(data), b.mtu-head)
		b.open(more|first, 0x80, long|byte(v.picture>>8), byte(v.picture))
		b.b = append(b.b, data[:n]...)
		b.close()
		data, first = data[n:], 0
	}
	v.picture = (v.picture + 1) & pictureBits
}

// The bits of the first byte of a descriptor of VP9.
const (
	vp9Picture   = 0x80 // I: the picture has a number
	vp9Inter     = 0x40 // P: it leans on others
	vp9Layers    = 0x20 // L: the layer is said
	vp9Flexible  = 0x10 // F: those it leans on are said
	vp9Begin     = 0x08 // B: of a frame
	vp9End       = 0x04 // E
	vp9Structure = 0x02 // V: sizes and layers are said
)

// vp9Packer cuts frames of VP9.
type vp9Packer struct {
	picture uint16
}

func (*vp9Packer) setup(*media.Track) {}

// pack puts a descriptor before each piece, without layers and without saying what pictures lean on. The
// first of a key frame tells its size:
//
//	| I P L F B E V Z | long u1, picture u15 | piece |
//	| I P L F B E V Z | long u1, picture u15 | layers - 1 u3, sizes u1, groups u1, 0 u3 | width u16 | height u16 | piece |
//
// Spec: RFC 9628, 4.2.
func (v *vp9Packer) pack(b *builder, data []byte, key bool) {
	const head, long, sizes = 3, 0x80, 0x10
	mark := byte(vp9Picture | vp9Begin)
	var more [5]byte
	extra := more[:0]
	if key {
		if info, err := vp9.FrameInfo(data); err == nil {
			mark |= vp9Structure
			extra = append(extra, sizes)
			extra = binary.BigEndian.AppendUint16(extra, uint16(info.Width))
			extra = binary.BigEndian.AppendUint16(extra, uint16(info.Height))
		}
	} else {
		mark |= vp9Inter
	}
	n := len(data)/(b.mtu-head-len(more)) + 1
	b.room(n, len(data)+n*(head+len(more)))
	for len(data) > 0 {
		n := min(len(data), b.mtu-head-len(extra))
		if n == len(data) {
			mark |= vp9End
		}
		b.open(mark, long|byte(v.picture>>8), byte(v.picture))
		b.b = append(append(b.b, extra...), data[:n]...)
		b.close()
		data = data[n:]
		mark &^= vp9Begin | vp9Structure
		extra = nil
	}
	v.picture = (v.picture + 1) & pictureBits
}
