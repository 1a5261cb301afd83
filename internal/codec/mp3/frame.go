// Package mp3 reads frame headers of MP3 and the other layers of MPEG audio.
package mp3

import (
	"errors"

	"weir/internal/media"
)

// ErrFrame is data that does not begin with a frame header.
var ErrFrame = errors.New("mp3: no frame header")

// FrameInfo tells what a frame's header says:
//
//	| sync u11 | version u2 | layer u2 | no CRC u1 | bit rate u4 | rate u2 | padding u1, private u1 |
//	| mode u2, ... u6 |
//
// Spec: ISO 11172-3, 2.4.1.3, and ISO 13818-3; version 0 is the 2.5 of Fraunhofer.
func FrameInfo(data []byte) (media.Info, error) {
	if len(data) < 4 || data[0] != 0xff || data[1]&0xe0 != 0xe0 {
		return media.Info{}, ErrFrame
	}
	version, layer, rate := data[1]>>3&3, data[1]>>1&3, data[2]>>2&3
	if version == 1 || layer == 0 || rate == 3 || data[2]>>4 == 15 {
		return media.Info{}, ErrFrame
	}
	hz := [...]int{44100, 48000, 32000}[rate]
	switch version {
	case 2: // MPEG-2
		hz /= 2
	case 0: // MPEG-2.5
		hz /= 4
	}
	channels := 2
	if data[3]>>6 == 3 {
		channels = 1
	}
	return media.Info{SampleRate: hz, Channels: channels}, nil
}
