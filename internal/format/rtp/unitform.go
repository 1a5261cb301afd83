package rtp

import (
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/media"
)

// part says what a NAL unit is of an access unit.
type part uint8

const (
	beside  part = iota // goes with the picture
	slicing             // of the picture
	extra               // supplemental information
	partVPS
	partSPS
	partPPS
	filling // delimiters, ends and filler, which RTP needs not
)

func (p part) set() bool { return p >= partVPS && p <= partPPS }

// unitForm is how H.264 and H.265 differ in RTP: in the headers of units, and in the types that stand
// for several units in a payload, and for a piece of one.
type unitForm struct {
	codec     media.Codec
	head      int // bytes of a unit's header
	aggregate byte
	fragment  byte
	delimiter byte
	role      func(unit []byte) part
	// key reports whether decoding can start at the picture of a slice.
	key func(unit []byte) bool
	// first reports whether a slice is the first of its picture.
	first func(unit []byte) bool
}

// Types of NAL units, of RTP's own and of others that this package alone asks for. Spec: RFC 6184, 5.2;
// RFC 7798, 4.4; H.264, table 7-1; H.265, table 7-1.
const (
	typeSTAPA = 24
	typeFUA   = 28

	typeAP = 48
	typeFU = 49

	partitionA     = 2 // the first of three types of slices in parts
	partitionC     = 4
	endOfSequence  = 10
	endOfStream    = 11
	filler         = 12
	raslN5         = 8 // leans on what was before its key frame
	raslR5         = 9
	firstOther5    = 32 // types below are slices
	endOfSequence5 = 36
	endOfStream5   = 37
	filler5        = 38
	prefixSEI5     = 39
	suffixSEI5     = 40
)

var avc = &unitForm{
	codec: media.H264, head: 1, aggregate: typeSTAPA, fragment: typeFUA, delimiter: h264.TypeAUD, role: avcRole,
	key:   func(u []byte) bool { return h264.Type(u) == h264.TypeIDR },
	first: func(u []byte) bool { return len(u) > 1 && u[1]&0x80 != 0 }, // first macroblock: ue of 0 is the bit 1
}

var hevc = &unitForm{
	codec: media.H265, head: 2, aggregate: typeAP, fragment: typeFU, delimiter: h265.TypeAUD, role: hevcRole,
	key:   func(u []byte) bool { t := h265.Type(u); return t >= h265.TypeBLAWLP && t <= h265.TypeCRA },
	first: func(u []byte) bool { return len(u) > 2 && u[2]&0x80 != 0 }, // first slice segment in picture
}

func avcRole(unit []byte) part {
	switch h264.Type(unit) {
	case h264.TypeSlice, h264.TypeIDR, partitionA, partitionA + 1, partitionC:
		return slicing
	case h264.TypeSEI:
		return extra
	case h264.TypeSPS:
		return partSPS
	case h264.TypePPS:
		return partPPS
	case h264.TypeAUD, filler, endOfSequence, endOfStream:
		return filling
	}
	return beside
}

func hevcRole(unit []byte) part {
	switch t := h265.Type(unit); {
	case len(unit) < 2:
		return filling
	case t < firstOther5:
		return slicing
	case t == prefixSEI5, t == suffixSEI5:
		return extra
	case t == h265.TypeVPS:
		return partVPS
	case t == h265.TypeSPS:
		return partSPS
	case t == h265.TypePPS:
		return partPPS
	case t == h265.TypeAUD, t == filler5, t == endOfSequence5, t == endOfStream5:
		return filling
	}
	return beside
}

// kind returns the type of a unit.
func (f *unitForm) kind(unit []byte) byte {
	if f.head == 1 {
		return unit[0] & 0x1f
	}
	return unit[0] >> 1 & 0x3f
}

// retype returns the header of a unit, with another type.
func (f *unitForm) retype(unit []byte, kind byte) [2]byte {
	if f.head == 1 {
		return [2]byte{unit[0]&0xe0 | kind}
	}
	return [2]byte{unit[0]&0x81 | kind<<1, unit[1]}
}
