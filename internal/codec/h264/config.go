// Package h264 reads and writes what H.264 needs beside its pictures: parameter sets, the
// configuration record of MP4 and FLV, and the types of NAL units.
package h264

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// ErrConfig is a configuration that no decoder could be set up with.
var ErrConfig = errors.New("h264: bad configuration")

// Config is an AVCDecoderConfigurationRecord.
type Config struct {
	LengthSize int // bytes of the length before each NAL unit: 1, 2 or 4
	Profile    byte
	Compat     byte // the constraint flags, set 0 in the highest bit
	Level      byte // ten times the level
	SPS, PPS   [][]byte
}

// ParseConfig reads a record:
//
//	| version u8 | profile u8 | compat u8 | level u8 | 1 u6, length size - 1 u2 |
//	| 1 u3, SPS u5 | (length u16 | SPS) ... | PPS u8 | (length u16 | PPS) ... | more |
//
// What follows the PPS is not read. Parameter sets are subslices of b. Spec: ISO 14496-15,
// 5.3.3.1.
func ParseConfig(b []byte) (Config, error) {
	if len(b) < 6 {
		return Config{}, fmt.Errorf("h264: configuration: %w", io.ErrUnexpectedEOF)
	}
	c := Config{LengthSize: LengthSize(b), Profile: b[1], Compat: b[2], Level: b[3]}
	if c.LengthSize == 3 {
		return Config{}, fmt.Errorf("%w: lengths of 3 bytes", ErrConfig)
	}
	var err error
	if c.SPS, b, err = sets(b[6:], int(b[5]&0x1f)); err != nil {
		return Config{}, fmt.Errorf("h264: configuration: SPS: %w", err)
	}
	if len(b) == 0 {
		return Config{}, fmt.Errorf("h264: configuration: PPS: %w", io.ErrUnexpectedEOF)
	}
	if c.PPS, _, err = sets(b[1:], int(b[0])); err != nil {
		return Config{}, fmt.Errorf("h264: configuration: PPS: %w", err)
	}
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return Config{}, fmt.Errorf("%w: %d SPS, %d PPS", ErrConfig, len(c.SPS), len(c.PPS))
	}
	return c, nil
}

// sets reads n parameter sets and leaves out empty ones.
func sets(b []byte, n int) (list [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, io.ErrUnexpectedEOF
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size > len(b) {
			return nil, nil, io.ErrUnexpectedEOF
		}
		if size > 0 {
			list = append(list, b[:size:size])
		}
		b = b[size:]
	}
	return list, b, nil
}

// LengthSize returns how many bytes the lengths before NAL units have, which it says in the
// record's fifth byte. It is 4 if the record is too short to say.
func LengthSize(config []byte) int {
	if len(config) < 5 {
		return 4
	}
	return int(config[4]&3) + 1
}

// WithLengthSize4 returns a record that says that lengths have 4 bytes: the same one if it says
// so already or is too short to say, else a copy.
func WithLengthSize4(config []byte) []byte {
	if LengthSize(config) == 4 {
		return config
	}
	config = bytes.Clone(config)
	config[4] |= 3
	return config
}

// AppendConfig writes the record that goes with parameter sets, for lengths of 4 bytes. The
// error is ErrConfig if one is missing or longer than a record can hold.
func AppendConfig(dst []byte, sps, pps [][]byte) ([]byte, error) {
	if len(sps) == 0 || len(sps) > 31 || len(pps) == 0 || len(pps) > 255 || len(sps[0]) < 4 {
		return dst, fmt.Errorf("%w: %d SPS, %d PPS", ErrConfig, len(sps), len(pps))
	}
	for _, list := range [][][]byte{sps, pps} {
		for _, s := range list {
			if len(s) > 0xffff {
				return dst, fmt.Errorf("%w: a parameter set of %d bytes", ErrConfig, len(s))
			}
		}
	}
	dst = append(dst, 1, sps[0][1], sps[0][2], sps[0][3], 0xff)
	dst = appendSets(append(dst, 0xe0|byte(len(sps))), sps)
	dst = appendSets(append(dst, byte(len(pps))), pps)
	switch sps[0][1] {
	case 66, 77, 88:
		return dst, nil
	}
	return appendDepth(dst, sps[0]), nil
}

// appendDepth writes what records of the High profiles end with, if the SPS can be read:
//
//	| 1 u6, chroma format u2 | 1 u5, luma bits - 8 u3 | 1 u5, chroma bits - 8 u3 | SPS extensions u8 |
func appendDepth(dst, sps []byte) []byte {
	var s h264.SPS
	if s.Unmarshal(sps) != nil {
		return dst
	}
	return append(dst, 0xfc|byte(s.ChromaFormatIdc)&3, 0xf8|byte(s.BitDepthLumaMinus8)&7,
		0xf8|byte(s.BitDepthChromaMinus8)&7, 0)
}

func appendSets(dst []byte, list [][]byte) []byte {
	for _, s := range list {
		dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
	}
	return dst
}
