// Package mpegts writes transport streams: a video and a sound track as packets of 188 bytes,
// appended to the caller's memory. Packets, tables and codec framing are go-astits' and
// mediacommon's; what is here chooses tracks, follows layouts and keeps time.
//
// Spec: ISO 13818-1; the mapping of Opus is that of "ETSI TS Opus 0.1.3-draft" by its authors.
package mpegts
