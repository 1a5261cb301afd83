// Package av1 reads and writes what AV1 needs beside its pictures: the configuration record
// of MP4 and FLV, sequence headers and OBU headers.
package av1

import (
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// ErrConfig is a configuration that no decoder could be set up with.
var ErrConfig = errors.New("av1: bad configuration")

// Config is an AV1CodecConfigurationRecord.
type Config struct {
	Profile  byte   // seq_profile
	Level    byte   // seq_level_idx of the first operating point
	Sequence []byte // the sequence header OBU, with its header; empty if there is none
}

// ParseConfig reads a record:
//
//	| marker u1, version u7 (0x81) | profile u3, level u5 | tier u1, high bit depth u1,
//	  twelve bits u1, monochrome u1, subsampling x u1 y u1, position u2 |
//	| 0 u3, delay present u1, delay u4 | OBUs |
//
// Spec: AV1 Codec ISO Media File Format Binding, 2.3.
func ParseConfig(b []byte) (Config, error) {
	if len(b) < 4 {
		return Config{}, fmt.Errorf("av1: configuration: %w", io.ErrUnexpectedEOF)
	}
	if b[0] != 0x81 {
		return Config{}, fmt.Errorf("%w: version %#02x", ErrConfig, b[0])
	}
	c := Config{Profile: b[1] >> 5, Level: b[1] & 0x1f}
	for u := range All(b[4:]) {
		if Type(u) == TypeSequence {
			c.Sequence = u
			break
		}
	}
	return c, nil
}

// AppendConfig writes the record that goes with a sequence header OBU.
func AppendConfig(dst, sequence []byte) ([]byte, error) {
	var h av1.SequenceHeader
	sequence, err := sized(sequence)
	if err != nil {
		return dst, err
	}
	if err := h.Unmarshal(sequence); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	color := &h.ColorConfig
	var level, flags byte
	if len(h.SeqLevelIdx) > 0 {
		level = h.SeqLevelIdx[0] & 0x1f
	}
	if len(h.SeqTier) > 0 {
		flags |= bit(h.SeqTier[0], 7)
	}
	flags |= bit(color.HighBitDepth, 6) | bit(color.TwelveBit, 5) | bit(color.MonoChrome, 4) |
		bit(color.SubsamplingX, 3) | bit(color.SubsamplingY, 2) | byte(color.ChromaSamplePosition)&3
	dst = append(dst, 0x81, h.SeqProfile<<5|level, flags, 0)
	return append(dst, sequence...), nil
}

func bit(b bool, at int) byte {
	if b {
		return 1 << at
	}
	return 0
}
