// Package amf3 reads and writes the Action Message Format 3, and holds the values that it
// shares with AMF0. A value is one of: Undefined, nil (null), bool, float64 (integers too),
// string, XML, Date, []any, ECMAArray, Object, Typed, []byte.
//
// Spec: Adobe, Action Message Format - AMF 3, January 2013.
package amf3
