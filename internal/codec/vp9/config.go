// Package vp9 reads and writes what VP9 needs beside its pictures: the configuration record of
// MP4 and FLV, which VP8 shares, and frame headers.
package vp9

import (
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"weir/internal/media"
)

// ErrConfig is a configuration that is none.
var ErrConfig = errors.New("vp9: bad configuration")

const recordSize = 8 // bytes, without data for initialization, which VP8 and VP9 do not have

// Config is a VPCodecConfigurationRecord.
type Config struct {
	Profile  byte
	Level    byte // ten times the level, 0 if not known
	BitDepth byte
	Chroma   byte // 0 and 1: 4:2:0, 2: 4:2:2, 3: 4:4:4
}

// TrimBox returns a record without the version and flags that stand before it in an MP4 box,
// and that some encoders send: 01 00 00 00. A record cannot begin so.
func TrimBox(b []byte) []byte {
	if len(b) >= 4+recordSize && string(b[:4]) == "\x01\x00\x00\x00" {
		return b[4:]
	}
	return b
}

// ParseConfig reads a record, with or without its box's version and flags:
//
//	| profile u8 | level u8 | bits u4, chroma u3, full range u1 |
//	| primaries u8 | transfer u8 | matrix u8 | 0 u16 |
//
// Spec: VP Codec ISO Media File Format Binding, 1.0.
func ParseConfig(b []byte) (Config, error) {
	b = TrimBox(b)
	if len(b) < recordSize {
		return Config{}, fmt.Errorf("vp9: configuration: %w", io.ErrUnexpectedEOF)
	}
	if b[0] > 3 {
		return Config{}, fmt.Errorf("%w: profile %d", ErrConfig, b[0])
	}
	return Config{Profile: b[0], Level: b[1], BitDepth: b[2] >> 4, Chroma: b[2] >> 1 & 7}, nil
}

// AppendConfig writes a record, with colours of which nothing is known.
func AppendConfig(dst []byte, c Config) []byte {
	const unknown = 2
	return append(dst, c.Profile, c.Level, c.BitDepth<<4|c.Chroma&7<<1, unknown, unknown, unknown, 0, 0)
}

// FrameConfig returns the record's values as a key frame tells them.
func FrameConfig(data []byte) (Config, error) {
	h, err := header(data)
	if err != nil {
		return Config{}, err
	}
	c := Config{Profile: h.Profile, BitDepth: h.ColorConfig.BitDepth, Chroma: h.ChromaSubsampling()}
	return c, nil
}

// Info tells what a record says: a profile and a level, no size.
func Info(config []byte) (media.Info, error) {
	c, err := ParseConfig(config)
	if err != nil {
		return media.Info{}, err
	}
	info := media.Info{Profile: fmt.Sprint(c.Profile)}
	if c.Level > 0 {
		info.Level = fmt.Sprintf("%d.%d", c.Level/10, c.Level%10)
	}
	return info, nil
}

// FrameInfo tells what a key frame says: a profile and a size.
func FrameInfo(data []byte) (media.Info, error) {
	h, err := header(data)
	if err != nil {
		return media.Info{}, err
	}
	return media.Info{Profile: fmt.Sprint(h.Profile), Width: h.Width(), Height: h.Height()}, nil
}

// IsKey reports whether decoding can start at a frame.
func IsKey(data []byte) bool {
	_, err := header(data)
	return err == nil
}

func header(data []byte) (*vp9.Header, error) {
	var h vp9.Header
	if err := h.Unmarshal(data); err != nil {
		return nil, fmt.Errorf("vp9: frame: %w", err)
	}
	if h.ColorConfig == nil || h.FrameSize == nil {
		return nil, errors.New("vp9: not a key frame")
	}
	return &h, nil
}
