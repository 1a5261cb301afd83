// Package codec finds the right reader of a configuration or of a frame's header. The packages
// below it hold one codec each.
package codec

import (
	"errors"

	"weir/internal/codec/aac"
	"weir/internal/codec/ac3"
	"weir/internal/codec/av1"
	"weir/internal/codec/flac"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/mp3"
	"weir/internal/codec/opus"
	"weir/internal/codec/vp8"
	"weir/internal/codec/vp9"
	"weir/internal/media"
)

// ErrNone says that a codec has no configuration, or that its frames tell nothing.
var ErrNone = errors.New("codec: nothing to read")

// Info tells what a track's configuration says. What could be read comes with the error.
func Info(c media.Codec, config []byte) (media.Info, error) {
	switch c {
	case media.H264:
		return h264.Info(config)
	case media.H265:
		return h265.Info(config)
	case media.AV1:
		return av1.Info(config)
	case media.VP9, media.VP8:
		return vp9.Info(config)
	case media.AAC:
		return aac.Info(config)
	case media.Opus:
		return opus.Info(config)
	case media.FLAC:
		return flac.Info(config)
	}
	return media.Info{}, ErrNone
}

// FrameInfo tells what a frame's Data says of its track, for codecs whose frames do.
func FrameInfo(c media.Codec, data []byte) (media.Info, error) {
	switch c {
	case media.VP9:
		return vp9.FrameInfo(data)
	case media.VP8:
		return vp8.FrameInfo(data)
	case media.MP3:
		return mp3.FrameInfo(data)
	case media.AC3:
		return ac3.FrameInfo(data)
	case media.EAC3:
		return ac3.EnhancedInfo(data)
	}
	return media.Info{}, ErrNone
}
