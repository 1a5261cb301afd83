// Package vp8 reads frame headers of VP8.
package vp8

import (
	"encoding/binary"
	"errors"

	"weir/internal/media"
)

// ErrNotKey is a frame that tells nothing, not being a key frame.
var ErrNotKey = errors.New("vp8: not a key frame")

// IsKey reports whether decoding can start at a frame.
func IsKey(data []byte) bool { return len(data) > 0 && data[0]&1 == 0 }

// FrameInfo tells what a key frame says:
//
//	| size u19, show u1, version u3, inter u1 (LE) | 9d 01 2a | width u14, scale u2 (LE) | height ... |
//
// Spec: RFC 6386, 9.1.
func FrameInfo(data []byte) (media.Info, error) {
	if !IsKey(data) || len(data) < 10 || string(data[3:6]) != "\x9d\x01\x2a" {
		return media.Info{}, ErrNotKey
	}
	return media.Info{
		Width:  int(binary.LittleEndian.Uint16(data[6:]) & 0x3fff),
		Height: int(binary.LittleEndian.Uint16(data[8:]) & 0x3fff),
	}, nil
}
