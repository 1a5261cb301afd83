package flv

import (
	"fmt"
	"io"

	"weir/internal/media"
)

// Numbers of the original audio header. Spec: E.4.2.1.
const (
	soundPCM      = 0 // in the byte order of the sender
	soundMP3      = 2
	soundPCMLE    = 3
	soundG711A    = 7
	soundG711U    = 8
	soundEnhanced = 9
	soundAAC      = 10
	soundSpeex    = 11
	soundMP3Slow  = 14 // at 8 kHz, which the rate's two bits cannot say
)

// ParseAudio appends to dst the packets of an audio message: one, unless it has several tracks.
// Without an enhanced header it is
//
//	| codec u4, rate u2, 16 bits u1, stereo u1 | data |                     any codec
//	| 10 u4, 3 u2, 1 u1, 1 u1 | packet type u8 | data |                      AAC
//
// With an error come the packets before it.
func ParseAudio(dst []Packet, body []byte) ([]Packet, error) {
	if len(body) == 0 {
		return dst, fmt.Errorf("flv: audio: %w", io.ErrUnexpectedEOF)
	}
	p := Packet{Kind: media.Audio, Type: CodedFrames, Key: true, Data: body[1:]}
	sound := body[0] >> 4
	switch sound {
	case soundEnhanced:
		x := extended{packet: p, raw: body[0] & 0xf, b: body[1:]}
		dst, err := x.parse(dst)
		if err != nil {
			return dst, fmt.Errorf("flv: audio: %w", err)
		}
		return dst, nil
	case soundAAC:
		if len(body) < 2 {
			return dst, fmt.Errorf("flv: audio: %w", io.ErrUnexpectedEOF)
		}
		p.Codec, p.Type, p.Data = media.AAC, oldType(body[1]), body[2:]
	default:
		p.Codec = soundCodec(sound)
	}
	return append(dst, p), nil
}

func soundCodec(sound byte) media.Codec {
	switch sound {
	case soundMP3, soundMP3Slow:
		return media.MP3
	case soundPCM, soundPCMLE:
		return media.PCM
	case soundG711A:
		return media.G711A
	case soundG711U:
		return media.G711U
	case soundSpeex:
		return media.Speex
	}
	return media.Unknown
}
