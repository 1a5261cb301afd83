package remux

import (
	"bytes"
	"net"
	"slices"
	"strconv"

	"weir/internal/fanout"
	"weir/internal/media"
)

// lastChunk ends a body in chunks. Spec: RFC 9112, 7.1.
const lastChunk = "0\r\n\r\n"

// chunked makes a chunk of HTTP/1.1 of what another encoder makes of a frame: viewers whose sockets
// are written to out of a log share these bytes, too.
type chunked struct {
	fanout.Encoder
	heads []byte
}

// Append appends a frame's chunk; nothing for a frame without bytes.
func (e *chunked) Append(dst net.Buffers, f *media.Frame, follows bool) net.Buffers {
	if len(dst) == 0 {
		e.heads = e.heads[:0]
	}
	at := len(dst)
	dst, e.heads = chunk(e.Encoder.Append(dst, f, follows), at, e.heads)
	return dst
}

// chunk makes one chunk of the pieces from an index on, or takes them off if they have no bytes. The
// chunk's head is appended to heads.
func chunk(pieces net.Buffers, at int, heads []byte) (net.Buffers, []byte) {
	size := 0
	for _, p := range pieces[at:] {
		size += len(p)
	}
	if size == 0 { // would be the last
		return pieces[:at], heads
	}
	n := len(heads)
	heads = strconv.AppendInt(heads, int64(size), 16)
	heads = append(heads, "\r\n"...)
	end := len(heads)
	pieces = append(pieces, heads[end-2:end:end])
	return slices.Insert(pieces, at, heads[n:end:end]), heads
}

// unchunk returns what is in the chunk of one frame.
func unchunk(pieces net.Buffers) net.Buffers {
	_, body, found := bytes.Cut(bytes.Join(pieces, nil), []byte("\r\n"))
	if !found {
		return nil
	}
	return net.Buffers{body[:len(body)-2]}
}
