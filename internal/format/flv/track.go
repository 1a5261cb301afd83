package flv

import (
	"errors"
	"fmt"

	"weir/internal/codec"
	"weir/internal/codec/flac"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/vp9"
	"weir/internal/media"
)

// NewTrack returns the track that a packet of a body announces: with its Config and Header if
// it is a sequence start, without them if it is the first packet of a codec that has none. If
// the configuration cannot be understood the track comes with the error, its Config as it was
// sent and as much Info as there is: it may still be passed on. The track keeps the body.
func NewTrack(p Packet, body []byte) (*media.Track, error) {
	t := bare(p, body)
	var err error
	switch p.Type {
	case SequenceStart:
		t.Info, err = codec.Info(t.Codec, t.Config)
	case TSSequenceStart:
		err = fmt.Errorf("%w: configuration as a descriptor", ErrMalformed)
	default:
		t.Info, err = codec.FrameInfo(t.Codec, p.Data)
	}
	if errors.Is(err, codec.ErrNone) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("flv: %s track %d: %w", t.Codec, t.ID, err)
	}
	return t, err
}

// bare returns the track without what its configuration says.
func bare(p Packet, body []byte) *media.Track {
	t := &media.Track{ID: p.Track, Kind: p.Kind, Codec: p.Codec, Form: Form}
	switch p.Type {
	case SequenceStart:
		t.Header, t.Config = body, config(p)
	case TSSequenceStart:
		t.Header, t.Config = body, p.Data
	}
	return t
}

// config returns a configuration in the form of MP4, and for NAL units as Data has them: with
// lengths of 4 bytes.
func config(p Packet) []byte {
	switch p.Codec {
	case media.VP9, media.VP8:
		return vp9.TrimBox(p.Data)
	case media.FLAC:
		return flac.TrimMagic(p.Data)
	case media.H264:
		return h264.WithLengthSize4(p.Data)
	case media.H265:
		return h265.WithLengthSize4(p.Data)
	}
	return p.Data
}
