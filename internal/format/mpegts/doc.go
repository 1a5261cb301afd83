// Package mpegts writes and reads transport streams.
//
// Mux writes a video and a sound track, and data beside them, as packets of 188 bytes, appended to
// the caller's memory. The framing of codecs is mediacommon's, the numbers of stream types are
// go-astits'.
//
// Demux reads one program out of a stream that may have lost packets. A tap finds packets in the
// bytes, a program finds the streams in the tables, which go-astits reads. Each elementary stream
// has a line that sees what is missing, a parcel that puts PES packets together, and a decoder
// that makes access units of them, with mediacommon's readers of frames. Data has no decoder: what
// comes is what goes on. A foyer holds the first frames until there is a layout for all.
//
// Spec: ISO 13818-1; SCTE 35; the mapping of Opus is that of "ETSI TS Opus 0.1.3-draft" by its authors.
package mpegts
