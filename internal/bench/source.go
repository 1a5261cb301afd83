package bench

import (
	"time"

	"weir/internal/format/flv"
)

// source is what a publisher sends: messages as FLV has them.
type source interface {
	// headers returns what comes before all else.
	headers() []flv.Tag
	// due returns when the next message is to be sent, counted from the first.
	due() time.Duration
	// next returns it, with its body appended to dst. Pictures say that they were sent at now.
	next(dst []byte, now time.Time) flv.Tag
}

// firsts of FLV bodies. Spec: E.4.2.1 and E.4.3.1.
const (
	keyH264   = 0x17
	deltaH264 = 0x27
	stereoAAC = 0xaf

	packetHeader = 0
	packetFrame  = 1
)

const videoHead = 5 // bytes before the NAL units: codec, packet type, composition time
