package flv

import (
	"encoding/binary"

	"weir/internal/codec"
	"weir/internal/media"
)

const (
	maxBodyHead   = 10        // bytes: 2 of types, 4 of codec, 1 of track, 3 of time
	maxTimeOffset = 1<<23 - 1 // ms: what fits 24 bits with a sign
)

// head is the header of a body to be made.
type head struct {
	track  *media.Track
	kind   PacketType // SequenceStart or CodedFrames
	key    bool
	offset int64 // ms from decoding to presentation
	data   []byte
}

// append writes the original header where there is one and the track is the first of its kind,
// and else the enhanced one. It writes nothing for a codec that has neither.
func (h *head) append(dst []byte) []byte {
	if h.track.ID == 0 {
		switch h.track.Codec {
		case media.H264:
			dst = append(dst, h.frameType()<<4|videoAVC, h.oldKind())
			return h.time(dst)
		case media.AAC:
			return append(dst, soundAAC<<4|0xf, h.oldKind())
		}
	}
	if sound, ok := h.sound(); ok {
		return append(dst, sound)
	}
	return h.enhanced(dst)
}

func (h *head) enhanced(dst []byte) []byte {
	code := FourCC(h.track.Codec)
	if code == 0 {
		return dst
	}
	first, tracks := byte(soundEnhanced<<4), byte(rawAudioTracks)
	if h.track.Kind == media.Video {
		first, tracks = enhanced|h.frameType()<<4, rawVideoTracks
	}
	raw := byte(rawCodedFrames)
	timed := h.track.Codec == media.H264 || h.track.Codec == media.H265
	switch {
	case h.kind == SequenceStart:
		raw, timed = rawSequenceStart, false
	case timed && h.millis() == 0:
		raw, timed = rawFramesX, false
	}
	if h.track.ID == 0 {
		dst = binary.BigEndian.AppendUint32(append(dst, first|raw), code)
	} else {
		dst = append(dst, first|tracks, oneTrack<<4|raw)
		dst = append(binary.BigEndian.AppendUint32(dst, code), byte(h.track.ID))
	}
	if timed {
		return h.time(dst)
	}
	return dst
}

// sound returns the original header's byte for codecs that have no packet type there.
func (h *head) sound() (byte, bool) {
	const bits16, stereo = 2, 1
	t := h.track
	if t.ID != 0 {
		return 0, false
	}
	switch t.Codec {
	case media.MP3:
		info := t.Info
		if info.SampleRate == 0 {
			info, _ = codec.FrameInfo(t.Codec, h.data)
		}
		flags := byte(bits16)
		if info.Channels != 1 {
			flags |= stereo
		}
		if info.SampleRate == 8000 {
			return soundMP3Slow<<4 | flags, true
		}
		return soundMP3<<4 | rateBits(info.SampleRate)<<2 | flags, true
	case media.G711A:
		return soundG711A<<4 | bits16, true
	case media.G711U:
		return soundG711U<<4 | bits16, true
	case media.Speex:
		return soundSpeex<<4 | bits16, true
	}
	return 0, false
}

// rateBits returns the two bits that stand for a rate, or for the nearest below.
func rateBits(hz int) byte {
	switch {
	case hz >= 44100 || hz == 0:
		return 3
	case hz >= 22050:
		return 2
	case hz >= 11025:
		return 1
	}
	return 0
}

func (h *head) frameType() byte {
	if h.key {
		return frameKey
	}
	return frameInter
}

func (h *head) oldKind() byte {
	if h.kind == SequenceStart {
		return oldSequence
	}
	return oldFrames
}

func (h *head) millis() int64 {
	return min(max(h.offset, -maxTimeOffset), maxTimeOffset)
}

func (h *head) time(dst []byte) []byte {
	ms := h.millis()
	return append(dst, byte(ms>>16), byte(ms>>8), byte(ms))
}
