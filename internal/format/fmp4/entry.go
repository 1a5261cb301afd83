package fmp4

import (
	"github.com/Eyevinn/mp4ff/mp4"

	"weir/internal/codec/av1"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/vp9"
	"weir/internal/media"
)

const boxHead = 8 // bytes: size u32, type u32

// raw is a box whose content is known as bytes: a configuration record passes as it came.
func raw(name string, content []byte) mp4.Box {
	return mp4.CreateUnknownBox(name, uint64(boxHead+len(content)), content)
}

// videoEntry returns the maker of a picture's sample entry: the configuration record that the track
// has is what the box of its codec holds.
func videoEntry(t *media.Track) (func() mp4.Box, error) {
	var name, box string
	var record []byte
	switch t.Codec {
	case media.H264:
		if c, err := h264.ParseConfig(t.Config); err != nil || len(c.SPS) == 0 || len(c.PPS) == 0 {
			return nil, ErrCodec
		}
		name, box, record = "avc1", "avcC", h264.WithLengthSize4(t.Config)
	case media.H265:
		if c, err := h265.ParseConfig(t.Config); err != nil || len(c.VPS) == 0 || len(c.SPS) == 0 || len(c.PPS) == 0 {
			return nil, ErrCodec
		}
		name, box, record = "hvc1", "hvcC", h265.WithLengthSize4(t.Config)
	case media.AV1:
		if c, err := av1.ParseConfig(t.Config); err != nil || len(c.Sequence) == 0 {
			return nil, ErrCodec
		}
		name, box, record = "av01", "av1C", t.Config
	case media.VP9:
		if _, err := vp9.ParseConfig(t.Config); err != nil {
			return nil, ErrCodec
		}
		const version = "\x01\x00\x00\x00" // and flags
		name, box, record = "vp09", "vpcC", append([]byte(version), vp9.TrimBox(t.Config)...)
	default:
		return nil, ErrCodec
	}
	width, height := uint16(t.Info.Width), uint16(t.Info.Height)
	return func() mp4.Box { return mp4.CreateVisualSampleEntryBox(name, width, height, raw(box, record)) }, nil
}
