package rtp

import "weir/internal/media"

const second = 1_000_000_000 // ns

// Rate returns the rate of a codec's RTP clock in Hz, 0 for a codec that is not carried here.
func Rate(c media.Codec) int64 {
	switch c {
	case media.H264, media.H265, media.AV1, media.VP9, media.VP8:
		return 90_000
	case media.Opus:
		return 48_000
	case media.G711A, media.G711U:
		return 8_000
	}
	return 0
}

// Ticks returns ns in ticks of a clock, rounded to the nearest. Each time is computed from zero, so
// that there is no drift; it wraps at 32 bits.
func Ticks(ns, rate int64) uint32 {
	whole, part := ns/second, ns%second
	if part < 0 {
		whole, part = whole-1, part+second
	}
	return uint32(whole*rate + (part*rate+second/2)/second)
}

// nanos returns unwrapped ticks in ns.
func nanos(ticks, rate int64) int64 {
	return ticks/rate*second + ticks%rate*second/rate
}
