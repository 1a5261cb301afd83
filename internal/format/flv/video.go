package flv

import (
	"fmt"
	"io"

	"weir/internal/media"
)

// Numbers of the original video header. Spec: E.4.3.1; 12 and 13 are what encoders made up
// before there was an enhanced header.
const (
	videoAVC  = 7
	videoHEVC = 12
	videoAV1  = 13

	frameKey     = 1
	frameInter   = 2
	frameCommand = 5

	enhanced = 0x80 // the bit that tells an enhanced video header from an original one
)

// Packet types of the original headers, with AVC and AAC.
const (
	oldSequence = 0
	oldFrames   = 1
	oldEnd      = 2
)

// ParseVideo appends to dst the packets of a video message: one, unless it has several tracks.
// Without an enhanced header it is
//
//	| 0 u1, frame type u3, codec u4 | data |                                        any codec
//	| 0 u1, frame type u3, 7 u4 | packet type u8 | composition time i24, ms | data |  AVC, HEVC, AV1
//
// With an error come the packets before it.
func ParseVideo(dst []Packet, body []byte) ([]Packet, error) {
	if len(body) == 0 {
		return dst, fmt.Errorf("flv: video: %w", io.ErrUnexpectedEOF)
	}
	frame := body[0] >> 4 & 7
	p := Packet{Kind: media.Video, Type: CodedFrames, Key: frame == frameKey, Data: body[1:]}
	if body[0]&enhanced != 0 {
		x := extended{packet: p, raw: body[0] & 0xf, b: body[1:], command: frame == frameCommand}
		dst, err := x.parse(dst)
		if err != nil {
			return dst, fmt.Errorf("flv: video: %w", err)
		}
		return dst, nil
	}
	switch body[0] & 0xf {
	case videoAVC:
		p.Codec = media.H264
	case videoHEVC:
		p.Codec = media.H265
	case videoAV1:
		p.Codec = media.AV1
	}
	if frame == frameCommand {
		p.Type = Command
		return append(dst, p), nil
	}
	if p.Codec == media.Unknown {
		return append(dst, p), nil
	}
	if len(body) < 5 {
		return dst, fmt.Errorf("flv: video: %w", io.ErrUnexpectedEOF)
	}
	p.Type = oldType(body[1])
	p.CompositionTime = millis(int64(i24(body[2:])))
	p.Data = body[5:]
	return append(dst, p), nil
}

func oldType(t byte) PacketType {
	switch t {
	case oldSequence:
		return SequenceStart
	case oldFrames:
		return CodedFrames
	case oldEnd:
		return SequenceEnd
	}
	return Other
}
