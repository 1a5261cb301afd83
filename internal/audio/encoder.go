package audio

import (
	"fmt"

	"weir/internal/codec"
	"weir/internal/media"
)

// The bit rates an encoder takes, and those it has where none is asked for, in bits per second.
const (
	MinBitrate  = 8000
	MaxBitrate  = 320000
	OpusBitrate = 96000
	AACBitrate  = 128000
)

// unitEncoder encodes frames of one codec.
type unitEncoder interface {
	// encode appends the unit that a frame of PCM completes; at the start there may be none.
	encode(dst []byte, pcm []float32) ([]byte, error)
}

// encoding is how one codec is encoded here.
type encoding struct {
	frame   int // samples of each channel in a unit
	delay   int // samples by which what a call returns lies behind what it was given
	bitrate int // where none is asked for
	config  []byte
	start   func(bitrate int) (unitEncoder, error)
}

// Encoder makes Opus or AAC-LC of PCM, 48 kHz and stereo. It is for one goroutine.
type Encoder struct {
	encoding
	codec unitEncoder // nil before Encode and after Close
	track *media.Track
}

// NewEncoder returns an encoder at so many bits per second, 0 for the codec's own choice. The error
// is ErrUnsupported for any other codec. The encoder has no memory of note before it is used.
func NewEncoder(to media.Codec, bitrate int) (*Encoder, error) {
	if bitrate != 0 && (bitrate < MinBitrate || bitrate > MaxBitrate) {
		return nil, fmt.Errorf("audio: bit rate %d is not in %d to %d", bitrate, MinBitrate, MaxBitrate)
	}
	var e Encoder
	switch {
	case to == media.Opus:
		e.encoding = opusEncoding()
	case to == media.AAC && withAAC:
		e.encoding = aacEncoding()
	case to == media.AAC:
		return nil, lacksAAC()
	default:
		return nil, unsupported("encoding "+to.String(), "ask for Opus or AAC")
	}
	if bitrate != 0 {
		e.bitrate = bitrate
	}
	info, err := codec.Info(to, e.config)
	if err != nil {
		return nil, fmt.Errorf("audio: %v encoder: %w", to, err)
	}
	e.track = &media.Track{Kind: media.Audio, Codec: to, Config: e.config, Info: info}
	return &e, nil
}

// Encode appends the unit that one frame of PCM completes, which at the start may be none.
func (e *Encoder) Encode(dst []byte, pcm []float32) ([]byte, error) {
	if len(pcm) != e.frame*channels {
		return dst, fmt.Errorf("audio: %d values of PCM, not the %d of a frame", len(pcm), e.frame*channels)
	}
	var err error
	if e.codec == nil {
		if e.codec, err = e.start(e.bitrate); err != nil {
			return dst, err
		}
	}
	if dst, err = e.codec.encode(dst, pcm); err != nil {
		return dst, fmt.Errorf("audio: %v encoder: %w", e.track.Codec, err)
	}
	return dst, nil
}

// FrameSize returns how many samples of each channel Encode takes and a unit decodes to.
func (e *Encoder) FrameSize() int { return e.frame }

// Delay returns by how many samples the beginning of the unit that Encode returns, as it is decoded,
// lies before the beginning of the frame that Encode was given.
func (e *Encoder) Delay() int { return e.delay }

// Track returns the track that the units are of. It is shared.
func (e *Encoder) Track() *media.Track { return e.track }

// Close frees the memory. Encode would begin anew.
func (e *Encoder) Close() { e.codec = nil }
