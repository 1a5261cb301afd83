// Package mpegts writes and reads transport streams.
//
// Mux writes a video and a sound track as packets of 188 bytes, appended to the caller's memory.
// Packets, tables and codec framing are go-astits' and mediacommon's; what is here chooses
// tracks, follows layouts and keeps time.
//
// Demux reads one program out of a stream that may have lost packets. A tap finds packets in the
// bytes, a program finds the streams in the tables, which go-astits reads. Each elementary stream
// has a line that sees what is missing, a parcel that puts PES packets together, and a decoder
// that makes access units of them, with mediacommon's readers of frames. A foyer holds the first
// ones until there is a layout for all.
//
// Spec: ISO 13818-1; the mapping of Opus is that of "ETSI TS Opus 0.1.3-draft" by its authors.
package mpegts
