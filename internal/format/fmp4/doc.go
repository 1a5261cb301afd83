// Package fmp4 writes the two kinds of bytes that fragmented MP4 is made of: headers, which set up
// decoders, and fragments, each of which has frames of one track.
//
// Spec: ISO 14496-12 (boxes), ISO 23000-19 (CMAF).
package fmp4
