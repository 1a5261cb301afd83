// Package rtp cuts frames into payloads of RTP and puts them together again, and has what stands
// between a socket and that: packets in order, packets to send again, and one timeline of the clocks of
// several tracks. It has no socket and no clock of its own.
//
// Spec: RFC 3550; the payloads: RFC 6184 (H.264), RFC 7798 (H.265), "RTP Payload Format For AV1" 1.0,
// RFC 9628 (VP9), RFC 7741 (VP8), RFC 7587 (Opus), RFC 3551 (G.711).
package rtp
