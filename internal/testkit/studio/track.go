// Package studio is where tests of what is made of a stream publish one: pictures, sound, and the house in
// which a server takes them.
package studio

import (
	"bytes"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

// SPS returns the parameter set of a sequence of pictures of 1920x1080.
func SPS() []byte {
	return []byte("\x67\x42\xc0\x28\xd9\x00\x78\x02\x27\xe5\x84\x00\x00\x03\x00\x04\x00\x00\x03\x00\xf0\x3c\x60\xc9\x20")
}

// Pictures returns a track of H.264.
func Pictures() *media.Track {
	config, err := h264.AppendConfig(nil, [][]byte{SPS()}, [][]byte{[]byte("\x68\xee\x3c\x80")})
	if err != nil {
		panic(err)
	}
	info, _ := h264.Info(config) // it is good
	return &media.Track{Kind: media.Video, Codec: media.H264, Config: config, Info: info}
}

// Picture returns a frame of so many equal bytes.
func Picture(key bool, size int, fill byte) []byte {
	first := byte(0x41)
	if key {
		first = 0x65
	}
	return nal.Append(nil, append([]byte{first}, bytes.Repeat([]byte{fill}, size)...))
}

// Sound returns a track of AAC.
func Sound(rate int) *media.Track {
	config := aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: rate, Layout: 2})
	info, _ := aac.Info(config) // it is good
	return &media.Track{Kind: media.Audio, Codec: media.AAC, Config: config, Info: info}
}
