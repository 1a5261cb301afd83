// Package opus reads and writes the configuration of Opus.
package opus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"weir/internal/media"
)

// ErrConfig is a configuration that no decoder could be set up with.
var ErrConfig = errors.New("opus: bad configuration")

const (
	magic    = "OpusHead"
	headSize = 19 // bytes, without a channel mapping table
)

// Head is an OpusHead.
type Head struct {
	Channels int
	PreSkip  int // samples at 48 kHz to leave out at the start
	Rate     int // Hz, of what was encoded; Opus itself always plays at 48 kHz
	Gain     int16
	Family   byte   // of channel mapping
	Mapping  []byte // stream count, coupled count, one byte for each channel; empty for family 0
}

// ParseHead reads an OpusHead; numbers are little-endian:
//
//	| "OpusHead" | version u8 | channels u8 | pre-skip u16 | rate u32 | gain i16 | family u8 | mapping |
//
// Spec: RFC 7845, 5.1.
func ParseHead(b []byte) (Head, error) {
	if len(b) < headSize {
		return Head{}, fmt.Errorf("opus: configuration: %w", io.ErrUnexpectedEOF)
	}
	if string(b[:8]) != magic || b[8] > 15 || b[9] == 0 { // 16 and up: incompatible
		return Head{}, fmt.Errorf("%w: % x", ErrConfig, b[:10])
	}
	h := Head{
		Channels: int(b[9]),
		PreSkip:  int(binary.LittleEndian.Uint16(b[10:])),
		Rate:     int(binary.LittleEndian.Uint32(b[12:])),
		Gain:     int16(binary.LittleEndian.Uint16(b[16:])),
		Family:   b[18],
	}
	if h.Family == 0 {
		return h, nil
	}
	size := 2 + h.Channels
	if len(b) < headSize+size {
		return Head{}, fmt.Errorf("opus: channel mapping: %w", io.ErrUnexpectedEOF)
	}
	h.Mapping = b[headSize : headSize+size]
	return h, nil
}

// AppendHead writes an OpusHead.
func AppendHead(dst []byte, h Head) []byte {
	dst = append(append(dst, magic...), 1, byte(h.Channels))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.PreSkip))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.Rate))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.Gain))
	return append(append(dst, h.Family), h.Mapping...)
}

// Info tells what an OpusHead says.
func Info(config []byte) (media.Info, error) {
	h, err := ParseHead(config)
	if err != nil {
		return media.Info{}, err
	}
	return media.Info{SampleRate: 48000, Channels: h.Channels}, nil
}
