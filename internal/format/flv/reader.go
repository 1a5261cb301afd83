package flv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Reader reads a file tag by tag. It reads no more of its source than it needs.
type Reader struct {
	// Both may be set before the first tag. Alloc gives the memory of a body, n bytes; nil is make.
	// Strict has a tag of a type that there is not be ErrMalformed, before its body is read: who comes
	// to one has lost his place.
	Alloc  func(n int) []byte
	Strict bool

	src  io.Reader
	head [tagHead]byte // of the tag that is being read
}

// NewReader returns a reader of src.
func NewReader(src io.Reader) *Reader { return &Reader{src: src} }

// ReadHeader reads the file header, up to the first tag, and returns what tags the file claims
// to have; many writers claim both without having them. The error is ErrNotFLV for a source
// that is something else.
func (r *Reader) ReadHeader() (audio, video bool, err error) {
	var h [fileHead]byte
	if _, err := io.ReadFull(r.src, h[:]); err != nil {
		return false, false, err
	}
	if string(h[:3]) != "FLV" {
		return false, false, fmt.Errorf("%w: it begins with % x", ErrNotFLV, h[:3])
	}
	size := binary.BigEndian.Uint32(h[5:])
	if size < fileHead || size > maxHead {
		return false, false, fmt.Errorf("%w: header of %d bytes", ErrMalformed, size)
	}
	more := make([]byte, size-fileHead+tagTrailer) // the size of the tag before the first
	if _, err := io.ReadFull(r.src, more); err != nil {
		return false, false, cut(err)
	}
	return h[4]&4 != 0, h[4]&1 != 0, nil
}

// ReadTag reads one tag and the size that trails it, which is not looked at. The body is the
// caller's to keep. The error is io.EOF at a clean end, and io.ErrUnexpectedEOF inside a tag.
func (r *Reader) ReadTag() (Tag, error) {
	h := r.head[:]
	if _, err := io.ReadFull(r.src, h); err != nil {
		return Tag{}, err // io.EOF here is a clean end
	}
	kind, size := TagType(h[0]), int(u24(h[1:]))
	if r.Strict && !kind.known() {
		return Tag{}, fmt.Errorf("%w: a tag of type %d", ErrMalformed, kind)
	}
	body, err := r.read(size + tagTrailer)
	if err != nil {
		return Tag{}, err
	}
	ms := u24(h[4:]) | uint32(h[7])<<24
	return Tag{kind, millis(int64(ms)), body[:size:size]}, nil
}

const firstRead = 64 << 10 // bytes that are given to a size before it has proved true

// read returns the next n bytes. It asks for memory as they come, because sizes lie.
func (r *Reader) read(n int) ([]byte, error) {
	b := r.alloc(min(n, firstRead))
	have := 0
	for {
		if _, err := io.ReadFull(r.src, b[have:]); err != nil {
			return nil, cut(err)
		}
		if len(b) == n {
			return b, nil
		}
		have = len(b)
		grown := r.alloc(min(n, 4*have))
		copy(grown, b)
		b = grown
	}
}

func (r *Reader) alloc(n int) []byte {
	if r.Alloc != nil {
		return r.Alloc(n)
	}
	return make([]byte, n)
}

// cut says that the end came too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
