// Package amf0 reads and writes the Action Message Format 0, the values of RTMP commands and
// of FLV script tags. A value is one of: float64, bool, string, nil (null), Undefined, Object,
// ECMAArray, []any (a strict array), Date, XML, Typed; and []byte, which only AMF3 has.
//
// Spec: Adobe, Action Message Format - AMF 0.
package amf0

// Type markers. Spec: AMF 0, 2.1.
const (
	markNumber = iota
	markBoolean
	markString
	markObject
	markMovieClip // reserved
	markNull
	markUndefined
	markReference
	markECMAArray
	markObjectEnd
	markStrictArray
	markDate
	markLongString
	markUnsupported
	markRecordSet // reserved
	markXML
	markTyped
	markAMF3 // one AMF3 value follows
)
