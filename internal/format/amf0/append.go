package amf0

import (
	"encoding/binary"
	"math"

	"weir/internal/format/amf3"
)

const maxShort = math.MaxUint16 // bytes of a short string; longer names are cut

// Append writes values after dst. Beside the types that Parse returns it takes all integers
// and float32, as numbers, and []Property as an object. Anything else is written as undefined.
func Append(dst []byte, values ...any) []byte {
	for _, v := range values {
		dst = appendValue(dst, v)
	}
	return dst
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, markNull)
	case bool:
		if v {
			return append(dst, markBoolean, 1)
		}
		return append(dst, markBoolean, 0)
	case string:
		if len(v) <= maxShort {
			return appendShort(append(dst, markString), v)
		}
		return appendLong(append(dst, markLongString), v)
	case XML:
		return appendLong(append(dst, markXML), string(v))
	case Date:
		dst = appendFloat(append(dst, markDate), v.Millis)
		return binary.BigEndian.AppendUint16(dst, uint16(v.Zone))
	case []byte:
		return amf3.Append(append(dst, markAMF3), v)
	case Object:
		return appendProperties(append(dst, markObject), v)
	case []Property:
		return appendProperties(append(dst, markObject), v)
	case Typed:
		return appendProperties(appendShort(append(dst, markTyped), v.Class), v.Object)
	case ECMAArray:
		dst = binary.BigEndian.AppendUint32(append(dst, markECMAArray), uint32(len(v)))
		return appendProperties(dst, v)
	case []any:
		dst = binary.BigEndian.AppendUint32(append(dst, markStrictArray), uint32(len(v)))
		return Append(dst, v...)
	}
	if n, ok := toFloat(v); ok {
		return appendFloat(append(dst, markNumber), n)
	}
	return append(dst, markUndefined)
}

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	case int:
		return float64(v), true
	case int8:
		return float64(v), true
	case int16:
		return float64(v), true
	case int32:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint:
		return float64(v), true
	case uint8:
		return float64(v), true
	case uint16:
		return float64(v), true
	case uint32:
		return float64(v), true
	case uint64:
		return float64(v), true
	}
	return 0, false
}

func appendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

func appendShort(dst []byte, s string) []byte {
	s = s[:min(len(s), maxShort)]
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

func appendLong(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
}

func appendProperties(dst []byte, props []Property) []byte {
	for _, p := range props {
		dst = appendValue(appendShort(dst, p.Name), p.Value)
	}
	return append(dst, 0, 0, markObjectEnd)
}
