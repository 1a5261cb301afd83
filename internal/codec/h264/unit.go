package h264

import "weir/internal/codec/nal"

// Types of NAL units. Spec: H.264, table 7-1.
const (
	TypeSlice = 1
	TypeIDR   = 5
	TypeSEI   = 6
	TypeSPS   = 7
	TypePPS   = 8
	TypeAUD   = 9
)

// Type returns the type of a NAL unit, 0 for an empty one.
func Type(unit []byte) byte {
	if len(unit) == 0 {
		return 0
	}
	return unit[0] & 0x1f
}

// IsKey reports whether decoding can start at an access unit, which is NAL units behind
// 4-byte lengths: whether it has an IDR slice.
func IsKey(data []byte) bool {
	for u := range nal.All(data) {
		if Type(u) == TypeIDR {
			return true
		}
	}
	return false
}

// ParameterSets returns the parameter sets of an access unit, as subslices.
func ParameterSets(data []byte) (sps, pps [][]byte) {
	for u := range nal.All(data) {
		switch Type(u) {
		case TypeSPS:
			sps = append(sps, u)
		case TypePPS:
			pps = append(pps, u)
		}
	}
	return sps, pps
}

// Plausible reports whether a NAL unit begins as those of live streams do: of a type that they
// have, and marked as a reference if and only if its type must or may be. Spec: H.264, 7.4.1.
func Plausible(unit []byte) bool {
	if len(unit) == 0 || unit[0]&0x80 != 0 {
		return false
	}
	reference := unit[0]&0x60 != 0
	switch Type(unit) {
	case TypeSlice:
		return true
	case TypeIDR, TypeSPS, TypePPS:
		return reference
	case TypeSEI, TypeAUD, 10, 11, 12: // the ends of a sequence and of a stream, filler
		return !reference
	}
	return false
}
