package flv

import (
	"time"

	"weir/internal/media"
)

// PacketType says what a packet is to its decoder, in one numbering for all headers.
type PacketType uint8

// The types of packet.
const (
	Other              PacketType = iota // none that is known; it can be passed on
	SequenceStart                        // Data is the configuration
	CodedFrames                          // Data is an access unit
	SequenceEnd                          // nothing more comes
	Metadata                             // Data is AMF0: a name and values, about colours
	TSSequenceStart                      // Data is the configuration as an MPEG-TS descriptor
	MultichannelConfig                   // Data says which audio channel is which
	Command                              // Data is one byte: a seek begins or ends
)

// Packet is what one audio or video message says of one track.
type Packet struct {
	Kind   media.Kind
	Codec  media.Codec // Unknown for codecs that nobody here reads
	FourCC uint32      // the codec as the enhanced header names it, 0 with the original header
	Type   PacketType
	Key    bool // the header says so; always true of audio
	Track  int  // 0 where the header names none

	CompositionTime time.Duration // presentation minus decoding time, in milliseconds
	Nano            time.Duration // what presentation time is later than that says: under 1 ms

	Data []byte // what follows the header; a subslice of the body
}

// maxPackets bounds the tracks of one message.
const maxPackets = 64

// The codes by which the enhanced headers name codecs.
const (
	fourAVC  = 'a'<<24 | 'v'<<16 | 'c'<<8 | '1'
	fourHEVC = 'h'<<24 | 'v'<<16 | 'c'<<8 | '1'
	fourAV1  = 'a'<<24 | 'v'<<16 | '0'<<8 | '1'
	fourVP9  = 'v'<<24 | 'p'<<16 | '0'<<8 | '9'
	fourVP8  = 'v'<<24 | 'p'<<16 | '0'<<8 | '8'
	fourAAC  = 'm'<<24 | 'p'<<16 | '4'<<8 | 'a'
	fourMP3  = '.'<<24 | 'm'<<16 | 'p'<<8 | '3'
	fourOpus = 'O'<<24 | 'p'<<16 | 'u'<<8 | 's'
	fourAC3  = 'a'<<24 | 'c'<<16 | '-'<<8 | '3'
	fourEAC3 = 'e'<<24 | 'c'<<16 | '-'<<8 | '3'
	fourFLAC = 'f'<<24 | 'L'<<16 | 'a'<<8 | 'C'
)

// codecOf returns the codec of that kind that a code names, or Unknown.
func codecOf(kind media.Kind, code uint32) media.Codec {
	if kind == media.Video {
		switch code {
		case fourAVC:
			return media.H264
		case fourHEVC:
			return media.H265
		case fourAV1:
			return media.AV1
		case fourVP9:
			return media.VP9
		case fourVP8:
			return media.VP8
		}
		return media.Unknown
	}
	switch code {
	case fourAAC:
		return media.AAC
	case fourMP3:
		return media.MP3
	case fourOpus:
		return media.Opus
	case fourAC3:
		return media.AC3
	case fourEAC3:
		return media.EAC3
	case fourFLAC:
		return media.FLAC
	}
	return media.Unknown
}

// FourCC returns the code by which the enhanced headers name a codec, or 0.
func FourCC(c media.Codec) uint32 {
	codes := [...]uint32{
		media.H264: fourAVC, media.H265: fourHEVC, media.AV1: fourAV1, media.VP9: fourVP9, media.VP8: fourVP8,
		media.AAC: fourAAC, media.MP3: fourMP3, media.Opus: fourOpus, media.AC3: fourAC3, media.EAC3: fourEAC3,
		media.FLAC: fourFLAC,
	}
	if int(c) < len(codes) {
		return codes[c]
	}
	return 0
}
