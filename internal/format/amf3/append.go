package amf3

import (
	"encoding/binary"
	"math"
)

// Append writes one value after dst, without references. Values of other types than those
// the package names are written as undefined.
func Append(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, markNull)
	case bool:
		if v {
			return append(dst, markTrue)
		}
		return append(dst, markFalse)
	case float64:
		return appendNumber(dst, v)
	case string:
		return appendText(append(dst, markString), v)
	case XML:
		return appendText(append(dst, markXML), string(v))
	case []byte:
		return appendText(append(dst, markByteArray), string(v))
	case Date:
		return appendDouble(append(dst, markDate, 1), v.Millis)
	case []any:
		dst = appendU29(append(dst, markArray), uint32(len(v))<<1|1)
		dst = append(dst, 1) // no named elements
		for _, e := range v {
			dst = Append(dst, e)
		}
		return dst
	case ECMAArray:
		return appendProperties(append(dst, markArray, 1), v)
	case Object:
		return appendObject(dst, "", v)
	case Typed:
		return appendObject(dst, v.Class, v.Object)
	}
	return append(dst, markUndefined)
}

// appendNumber takes the short form for integers of 29 bits.
func appendNumber(dst []byte, v float64) []byte {
	n := int32(v)
	if float64(n) == v && n >= -1<<28 && n < 1<<28 && !(n == 0 && math.Signbit(v)) {
		return appendU29(append(dst, markInteger), uint32(n))
	}
	return appendDouble(append(dst, markDouble), v)
}

func appendDouble(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

// appendU29 writes the low 29 bits of n.
func appendU29(dst []byte, n uint32) []byte {
	n &= 1<<29 - 1
	switch {
	case n < 1<<7:
		return append(dst, byte(n))
	case n < 1<<14:
		return append(dst, byte(n>>7)|0x80, byte(n)&0x7f)
	case n < 1<<21:
		return append(dst, byte(n>>14)|0x80, byte(n>>7)|0x80, byte(n)&0x7f)
	}
	return append(dst, byte(n>>22)|0x80, byte(n>>15)|0x80, byte(n>>8)|0x80, byte(n))
}

func appendText(dst []byte, s string) []byte {
	return append(appendU29(dst, uint32(len(s))<<1|1), s...)
}

// appendObject writes all properties as dynamic ones.
func appendObject(dst []byte, class string, props []Property) []byte {
	dst = appendText(append(dst, markObject, 0x0b), class) // no sealed names, dynamic, new traits
	return appendProperties(dst, props)
}

// appendProperties leaves out a property without a name: the empty name is the end.
func appendProperties(dst []byte, props []Property) []byte {
	for _, p := range props {
		if p.Name != "" {
			dst = Append(appendText(dst, p.Name), p.Value)
		}
	}
	return append(dst, 1)
}
