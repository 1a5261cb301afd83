package flv

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"weir/internal/media"
)

// Packet types of the enhanced headers. Those of audio and video share the first three.
const (
	rawSequenceStart = 0
	rawCodedFrames   = 1
	rawSequenceEnd   = 2
	rawFramesX       = 3 // video: coded frames without a composition time
	rawMetadata      = 4 // video
	rawChannels      = 4 // audio
	rawTSStart       = 5 // video
	rawAudioTracks   = 5
	rawVideoTracks   = 6
	rawModEx         = 7
)

// Kinds of multitrack message.
const (
	oneTrack   = 0
	manyTracks = 1
	manyCodecs = 2
)

const modNano = 0 // the only modifier there is: nanoseconds to add to the time

// extended reads an enhanced header and what follows it:
//
//	| 1 u1, frame type u3, packet type u4 |                                      video
//	| 9 u4, packet type u4 |                                                     audio
//	| size - 1 u8 (255: size - 1 u16 follows) | data | modifier u4, packet type u4 | ...   ModEx
//	| tracks u4, packet type u4 | four CC u32 | track u8 | data |                one track
//	| tracks u4, packet type u4 | four CC u32 | (track u8 | size u24 | data) ...  many tracks
//	| tracks u4, packet type u4 | (four CC u32 | track u8 | size u24 | data) ...  many codecs
//	| four CC u32 | data |                                                       anything else
//
// Spec: Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video".
type extended struct {
	packet  Packet // what the first byte says
	raw     byte   // the packet type
	command bool   // the frame type is a command
	b       []byte // what has not been read
}

func (x *extended) parse(dst []Packet) ([]Packet, error) {
	for x.raw == rawModEx {
		if err := x.modifier(); err != nil {
			return dst, err
		}
	}
	video := x.packet.Kind == media.Video
	if video && x.command && x.raw != rawMetadata {
		p := x.packet
		p.Type, p.Data = Command, x.b
		return append(dst, p), nil
	}
	if video && x.raw == rawVideoTracks || !video && x.raw == rawAudioTracks {
		return x.tracks(dst)
	}
	if err := x.fourCC(); err != nil {
		return dst, err
	}
	return x.add(dst, 0, x.b)
}

func (x *extended) modifier() error {
	head, err := x.take(1)
	if err != nil {
		return err
	}
	size := int(head[0]) + 1
	if size == 256 {
		if head, err = x.take(2); err != nil {
			return err
		}
		size = int(binary.BigEndian.Uint16(head)) + 1
	}
	data, err := x.take(size)
	if err != nil {
		return err
	}
	next, err := x.take(1)
	if err != nil {
		return err
	}
	x.raw = next[0] & 0xf
	if next[0]>>4 == modNano && size >= 3 {
		x.packet.Nano = min(time.Duration(u24(data)), time.Millisecond-1)
	}
	return nil
}

func (x *extended) tracks(dst []Packet) ([]Packet, error) {
	head, err := x.take(1)
	if err != nil {
		return dst, err
	}
	kind := head[0] >> 4
	x.raw = head[0] & 0xf
	if kind > manyCodecs {
		return dst, fmt.Errorf("%w: multitrack type %d", ErrMalformed, kind)
	}
	if kind != manyCodecs {
		if err := x.fourCC(); err != nil {
			return dst, err
		}
	}
	for n := 0; n == 0 || len(x.b) > 0; n++ {
		if n == maxPackets {
			return dst, fmt.Errorf("%w: more than %d tracks", ErrMalformed, maxPackets)
		}
		if dst, err = x.track(dst, kind); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func (x *extended) track(dst []Packet, kind byte) ([]Packet, error) {
	if kind == manyCodecs {
		if err := x.fourCC(); err != nil {
			return dst, err
		}
	}
	id, err := x.take(1)
	if err != nil {
		return dst, err
	}
	size := len(x.b)
	if kind != oneTrack {
		b, err := x.take(3)
		if err != nil {
			return dst, err
		}
		size = int(u24(b))
	}
	data, err := x.take(size)
	if err != nil {
		return dst, err
	}
	return x.add(dst, int(id[0]), data)
}

// add makes the packet of one track.
func (x *extended) add(dst []Packet, track int, data []byte) ([]Packet, error) {
	p := x.packet
	p.Track, p.Type, p.Data = track, x.kind(), data
	timed := x.raw == rawCodedFrames && (p.Codec == media.H264 || p.Codec == media.H265)
	if timed {
		if len(data) < 3 {
			return dst, io.ErrUnexpectedEOF
		}
		p.CompositionTime = millis(int64(i24(data)))
		p.Data = data[3:]
	}
	return append(dst, p), nil
}

func (x *extended) kind() PacketType {
	switch x.raw {
	case rawSequenceStart:
		return SequenceStart
	case rawCodedFrames:
		return CodedFrames
	case rawSequenceEnd:
		return SequenceEnd
	}
	if x.packet.Kind == media.Audio {
		if x.raw == rawChannels {
			return MultichannelConfig
		}
		return Other
	}
	switch x.raw {
	case rawFramesX:
		return CodedFrames
	case rawMetadata:
		return Metadata
	case rawTSStart:
		return TSSequenceStart
	}
	return Other
}

func (x *extended) fourCC() error {
	b, err := x.take(4)
	if err != nil {
		return err
	}
	x.packet.FourCC = binary.BigEndian.Uint32(b)
	x.packet.Codec = codecOf(x.packet.Kind, x.packet.FourCC)
	return nil
}

func (x *extended) take(n int) ([]byte, error) {
	if n > len(x.b) {
		return nil, io.ErrUnexpectedEOF
	}
	b := x.b[:n:n]
	x.b = x.b[n:]
	return b, nil
}
