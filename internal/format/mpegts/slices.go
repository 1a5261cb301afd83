package mpegts

import (
	"bytes"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
)

// Types of NAL units that nobody but a transport stream needs. Spec: H.264, table 7-1; H.265,
// table 7-1.
const (
	endOfSequence  = 10 // H.264
	endOfStream    = 11
	filler         = 12
	partitionA     = 2 // the first of three types of slices in parts
	partitionC     = 4
	endOfSequence5 = 36 // H.265
	endOfStream5   = 37
	filler5        = 38
	firstOther5    = 32 // types below are slices
	radlN5         = 6  // shown before its key frame, but decodable with it
	radlR5         = 7
	firstSetBytes  = 16 // of a slice, in which its type is
	recoveryPoint  = 6  // payload type of an SEI
)

func avcRole(unit []byte) part {
	switch h264.Type(unit) {
	case h264.TypeSlice, h264.TypeIDR, partitionA, partitionA + 1, partitionC:
		return slicing
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

// avcPicture reads an access unit of H.264. Decoding can start at an IDR picture, and where a
// sender says so at one that is of nothing but I slices: many never send a second IDR picture.
func avcPicture(units [][]byte, entry bool) (p picture) {
	for _, u := range units {
		switch h264.Type(u) {
		case h264.TypeIDR:
			return picture{key: true, clean: true}
		case h264.TypeSEI:
			entry = entry || recovers(u)
		}
	}
	if !entry {
		return p
	}
	for _, u := range units {
		switch h264.Type(u) {
		case h264.TypeSlice:
			if !intra(u) {
				return p
			}
		case partitionA, partitionA + 1, partitionC:
			return p
		}
	}
	return picture{key: true}
}

// intra reports whether a slice is an I slice: | first macroblock ue | type ue | ... |.
func intra(unit []byte) bool {
	b := mch264.EmulationPreventionRemove(unit[:min(len(unit), firstSetBytes)])
	pos := 8
	if _, err := bits.ReadGolombUnsigned(b, &pos); err != nil {
		return false
	}
	kind, err := bits.ReadGolombUnsigned(b, &pos)
	return err == nil && (kind%5 == 2 || kind%5 == 4) // I and SI
}

// recovers reports whether an SEI has a recovery point at this very picture:
//
//	| ff ... | type u8 | ff ... | size u8 | frames until then ue, ... | next message
//
// Spec: H.264, 7.3.2.3.1 and D.1.8.
func recovers(unit []byte) bool {
	if bytes.IndexByte(unit, recoveryPoint) < 0 {
		return false
	}
	b := mch264.EmulationPreventionRemove(unit)[1:]
	for len(b) > 2 {
		var head [2]int // type, size
		for i := range head {
			for len(b) > 0 && b[0] == 0xff {
				head[i], b = head[i]+0xff, b[1:]
			}
			if len(b) == 0 {
				return false
			}
			head[i], b = head[i]+int(b[0]), b[1:]
		}
		if head[1] > len(b) {
			return false
		}
		if head[0] == recoveryPoint {
			return head[1] > 0 && b[0]&0x80 != 0 // ue of 0 is the bit 1
		}
		b = b[head[1]:]
	}
	return false
}

// hevcPicture reads an access unit of H.265.
func hevcPicture(units [][]byte, _ bool) (p picture) {
	for _, u := range units {
		switch t := h265.Type(u); {
		case t == h265.TypeIDRWRADL, t == h265.TypeIDRWRADL+1:
			p.key, p.clean = true, true
		case t >= h265.TypeBLAWLP && t <= h265.TypeCRA:
			p.key = true
		case t == radlN5, t == radlR5:
			p.own = true
		}
	}
	return p
}
