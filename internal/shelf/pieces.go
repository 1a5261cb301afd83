package shelf

import (
	"errors"
	"io"
)

// Pieces are the bytes of a file that is in memory, one behind the other. They are shared, and must not be
// changed.
type Pieces [][]byte

// Size returns how many bytes there are.
func (p Pieces) Size() (n int64) {
	for _, one := range p {
		n += int64(len(one))
	}
	return n
}

// Reader returns an io.ReadSeeker of them.
func (p Pieces) Reader() *Reader { return &Reader{pieces: p, size: p.Size()} }

// Reader reads pieces, for one goroutine.
type Reader struct {
	pieces Pieces
	size   int64
	at     int64
}

var errSeek = errors.New("shelf: before the start")

// Seek is for http.ServeContent.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errSeek
	}
	r.at = offset
	return offset, nil
}

func (r *Reader) Read(b []byte) (n int, err error) {
	skip := r.at
	for _, p := range r.pieces {
		if skip >= int64(len(p)) {
			skip -= int64(len(p))
			continue
		}
		n += copy(b[n:], p[skip:])
		skip = 0
		if n == len(b) {
			break
		}
	}
	if r.at += int64(n); n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
