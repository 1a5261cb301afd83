// Package flac reads and writes the configuration of FLAC, which here is a STREAMINFO block
// without its header.
package flac

import (
	"fmt"
	"io"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/flac"

	"weir/internal/media"
)

const (
	magic      = "fLaC"
	blockHead  = "\x80\x00\x00\x22" // the last block, STREAMINFO, 34 bytes
	streamInfo = 34                 // bytes of a STREAMINFO
)

// TrimMagic returns the STREAMINFO of what senders put before the first frame: "fLaC", a block
// header and the block; or less of it.
func TrimMagic(b []byte) []byte {
	if len(b) >= len(magic) && string(b[:len(magic)]) == magic {
		b = b[len(magic):]
	}
	if len(b) >= 4+streamInfo && b[0]&0x7f == 0 && string(b[1:4]) == blockHead[1:] {
		b = b[4:]
	}
	return b[:min(len(b), streamInfo)]
}

// AppendMagic writes a STREAMINFO as a file begins with it.
func AppendMagic(dst, config []byte) []byte {
	return append(append(append(dst, magic...), blockHead...), config...)
}

// Info tells what a STREAMINFO says. Spec: RFC 9639, 8.2.
func Info(config []byte) (media.Info, error) {
	if len(config) < streamInfo {
		return media.Info{}, fmt.Errorf("flac: configuration: %w", io.ErrUnexpectedEOF)
	}
	var s flac.StreamInfo
	if err := s.Unmarshal(config); err != nil {
		return media.Info{}, fmt.Errorf("flac: configuration: %w", err)
	}
	return media.Info{SampleRate: int(s.SampleRate), Channels: int(s.ChannelCount)}, nil
}
