package h265

import "weir/internal/codec/nal"

// Types of NAL units. Spec: H.265, table 7-1.
const (
	TypeBLAWLP   = 16 // the first of the types that decoding can start at
	TypeIDRWRADL = 19
	TypeCRA      = 21 // the last of them
	TypeVPS      = 32
	TypeSPS      = 33
	TypePPS      = 34
	TypeAUD      = 35
)

const typeNone = 63 // unspecified, so no type that this package asks for

// Type returns the type of a NAL unit, 63 for an empty one.
func Type(unit []byte) byte {
	if len(unit) == 0 {
		return typeNone
	}
	return unit[0] >> 1 & 0x3f
}

// IsKey reports whether decoding can start at an access unit, which is NAL units behind
// 4-byte lengths: whether it has a slice of an IDR, BLA or CRA picture.
func IsKey(data []byte) bool {
	for u := range nal.All(data) {
		if t := Type(u); t >= TypeBLAWLP && t <= TypeCRA {
			return true
		}
	}
	return false
}

// ParameterSets returns the parameter sets of an access unit, as subslices.
func ParameterSets(data []byte) (vps, sps, pps [][]byte) {
	for u := range nal.All(data) {
		switch Type(u) {
		case TypeVPS:
			vps = append(vps, u)
		case TypeSPS:
			sps = append(sps, u)
		case TypePPS:
			pps = append(pps, u)
		}
	}
	return vps, sps, pps
}
