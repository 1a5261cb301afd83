// Package h265 reads and writes what H.265 needs beside its pictures: parameter sets, the
// configuration record of MP4 and FLV, and the types of NAL units.
package h265

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// ErrConfig is a configuration that no decoder could be set up with.
var ErrConfig = errors.New("h265: bad configuration")

const (
	headSize = 23 // bytes of a record before its arrays
	maxUnits = 64 // parameter sets of one kind
)

// Config is an HEVCDecoderConfigurationRecord.
type Config struct {
	LengthSize    int  // bytes of the length before each NAL unit: 1, 2 or 4
	Profile       byte // general_profile_idc
	Compat        uint32
	Level         byte // thirty times the level
	VPS, SPS, PPS [][]byte
}

// ParseConfig reads a record:
//
//	| version u8 | space u2, tier u1, profile u5 | compat u32 | constraints u48 | level u8 |
//	| 1 u4, segmentation u12 | 1 u6, parallelism u2 | 1 u6, chroma u2 | 1 u5, luma bits - 8 u3 |
//	| 1 u5, chroma bits - 8 u3 | frame rate u16 | constant u2, layers u3, nested u1, length size - 1 u2 |
//	| arrays u8 | (complete u1, 0 u1, type u6 | units u16 | (length u16 | unit) ...) ... |
//
// Other units than parameter sets are left out, and so is what follows the arrays. Parameter
// sets are subslices of b. Spec: ISO 14496-15, 8.3.3.1.
func ParseConfig(b []byte) (Config, error) {
	if len(b) < headSize {
		return Config{}, fmt.Errorf("h265: configuration: %w", io.ErrUnexpectedEOF)
	}
	c := Config{
		LengthSize: LengthSize(b),
		Profile:    b[1] & 0x1f,
		Compat:     binary.BigEndian.Uint32(b[2:]),
		Level:      b[12],
	}
	if c.LengthSize == 3 {
		return Config{}, fmt.Errorf("%w: lengths of 3 bytes", ErrConfig)
	}
	arrays := int(b[22])
	b = b[headSize:]
	for range arrays {
		var err error
		if b, err = c.array(b); err != nil {
			return Config{}, fmt.Errorf("h265: configuration: %w", err)
		}
	}
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return Config{}, fmt.Errorf("%w: %d SPS, %d PPS", ErrConfig, len(c.SPS), len(c.PPS))
	}
	return c, nil
}

func (c *Config) array(b []byte) (rest []byte, err error) {
	if len(b) < 3 {
		return nil, io.ErrUnexpectedEOF
	}
	var list *[][]byte
	switch b[0] & 0x3f {
	case TypeVPS:
		list = &c.VPS
	case TypeSPS:
		list = &c.SPS
	case TypePPS:
		list = &c.PPS
	}
	units := int(binary.BigEndian.Uint16(b[1:]))
	b = b[3:]
	for range units {
		if len(b) < 2 {
			return nil, io.ErrUnexpectedEOF
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size > len(b) {
			return nil, io.ErrUnexpectedEOF
		}
		if list != nil && size > 0 && len(*list) < maxUnits {
			*list = append(*list, b[:size:size])
		}
		b = b[size:]
	}
	return b, nil
}

// LengthSize returns how many bytes the lengths before NAL units have. It is 4 if the record
// is too short to say.
func LengthSize(config []byte) int {
	if len(config) < headSize {
		return 4
	}
	return int(config[21]&3) + 1
}

// WithLengthSize4 returns a record that says that lengths have 4 bytes: the same one if it says
// so already or is too short to say, else a copy.
func WithLengthSize4(config []byte) []byte {
	if LengthSize(config) == 4 {
		return config
	}
	config = bytes.Clone(config)
	config[21] |= 3
	return config
}

// AppendConfig writes the record that goes with parameter sets, for lengths of 4 bytes. The
// error is ErrConfig if one is missing or longer than a record can hold.
func AppendConfig(dst []byte, vps, sps, pps [][]byte) ([]byte, error) {
	arrays := [...]struct {
		kind byte
		list [][]byte
	}{{TypeVPS, vps}, {TypeSPS, sps}, {TypePPS, pps}}
	for _, a := range arrays {
		if len(a.list) == 0 || len(a.list) > maxUnits {
			return dst, fmt.Errorf("%w: %d units of type %d", ErrConfig, len(a.list), a.kind)
		}
		for _, u := range a.list {
			if len(u) > 0xffff {
				return dst, fmt.Errorf("%w: a unit of %d bytes", ErrConfig, len(u))
			}
		}
	}
	head, err := head(sps[0])
	if err != nil {
		return dst, err
	}
	dst = append(append(dst, head[:]...), byte(len(arrays)))
	for _, a := range arrays {
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|a.kind), uint16(len(a.list)))
		for _, u := range a.list {
			dst = append(binary.BigEndian.AppendUint16(dst, uint16(len(u))), u...)
		}
	}
	return dst, nil
}

// head makes the record's first 22 bytes. Twelve of them stand in the SPS as they are, after
// its NAL header and | VPS id u4 | sublayers - 1 u3 | nested u1 |. Spec: H.265, 7.3.2.2.
func head(sps []byte) (h [headSize - 1]byte, err error) {
	raw := h264.EmulationPreventionRemove(sps)
	if len(raw) < 15 {
		return h, fmt.Errorf("%w: SPS of %d bytes", ErrConfig, len(sps))
	}
	h[0] = 1
	copy(h[1:13], raw[3:15])
	var s h265.SPS
	if s.Unmarshal(sps) != nil || s.BitDepthLumaMinus8 > 7 || s.BitDepthChromaMinus8 > 7 {
		s = h265.SPS{ChromaFormatIdc: 1} // all but certain: 4:2:0
	}
	layers, nested := raw[2]>>1&7+1, raw[2]&1
	copy(h[13:], []byte{
		0xf0, 0, // segmentation: not known
		0xfc, // parallelism: not known
		0xfc | byte(s.ChromaFormatIdc), 0xf8 | byte(s.BitDepthLumaMinus8), 0xf8 | byte(s.BitDepthChromaMinus8),
		0, 0, // frame rate: not known
		layers&7<<3 | nested<<2 | 3,
	})
	return h, nil
}
