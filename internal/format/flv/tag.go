package flv

import (
	"encoding/binary"
	"errors"
	"time"
)

// TagType says what a tag carries. RTMP uses the same numbers for its messages.
type TagType uint8

// The types of tag.
const (
	TagAudio  TagType = 8
	TagVideo  TagType = 9
	TagScript TagType = 18
)

// known reports whether there are tags of that type. Some recorders of RTMP write its scripts as they are.
func (t TagType) known() bool {
	return t == TagAudio || t == TagVideo || t == TagScript || t == MessageScript3
}

// The types of RTMP's messages that hold what tags hold, and are no tags.
const (
	MessageScript3   TagType = 15 // a script with a byte of AMF3 before it
	MessageAggregate TagType = 22 // several tags
)

// Tag is one entry of a file.
type Tag struct {
	Type TagType
	Time time.Duration // whole milliseconds, 32 bits of them
	Body []byte
}

const (
	maxTag     = 16<<20 - 1 // bytes of a body: all that its length can say
	tagHead    = 11
	tagTrailer = 4
	fileHead   = 9
	maxHead    = 1 << 10 // bytes of a file header that claims to be longer than the usual 9
)

// What may be wrong with input, besides a cut, which is io.ErrUnexpectedEOF.
var (
	ErrNotFLV    = errors.New("flv: not a FLV file")
	ErrMalformed = errors.New("flv: malformed")
	ErrTooLong   = errors.New("flv: tag is too long to write")
)

// AppendFileHeader writes what a file begins with, up to the first tag:
//
//	| "FLV" | version u8 | 0 u5, audio u1, 0 u1, video u1 | header's size u32 | 0 u32 |
//
// Spec: E.2 and E.3.
func AppendFileHeader(dst []byte, audio, video bool) []byte {
	var flags byte
	if audio {
		flags |= 4
	}
	if video {
		flags |= 1
	}
	return append(dst, 'F', 'L', 'V', 1, flags, 0, 0, 0, fileHead, 0, 0, 0, 0)
}

// AppendTag writes a tag and the size that trails it:
//
//	| type u8 | size u24 | time u24, ms | time's high byte u8 | stream id u24 |
//	| body | size with header u32 |
//
// The error is ErrTooLong if the body is larger than its length can say. Spec: E.4.1.
func AppendTag(dst []byte, t Tag) ([]byte, error) {
	if len(t.Body) > maxTag {
		return dst, ErrTooLong
	}
	dst = AppendTagHead(dst, t.Type, t.Time, len(t.Body))
	dst = append(dst, t.Body...)
	return AppendTagEnd(dst, len(t.Body)), nil
}

// AppendTagHead writes what stands before a body of size bytes, at most 16 MiB less one.
func AppendTagHead(dst []byte, kind TagType, at time.Duration, size int) []byte {
	ms := uint32(at.Milliseconds())
	dst = append(dst, byte(kind), byte(size>>16), byte(size>>8), byte(size))
	return append(dst, byte(ms>>16), byte(ms>>8), byte(ms), byte(ms>>24), 0, 0, 0)
}

// AppendTagEnd writes what stands behind a body of size bytes.
func AppendTagEnd(dst []byte, size int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(size+tagHead))
}

func u24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// i24 is u24 with a sign.
func i24(b []byte) int32 { return int32(u24(b)<<8) >> 8 }

func millis(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
