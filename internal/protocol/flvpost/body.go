package flvpost

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"

	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// readBytes is how much is read of a connection at once.
const readBytes = 32 << 10

// body is the body of a request on a connection that was taken from the HTTP server. It reads nothing behind it but
// what comes with it, and is for one goroutine.
type body struct {
	from io.Reader
	wire *wire
	over bool // all of it has come
}

// newBody returns the body of r. What the HTTP server has read of it already is in early.
func newBody(r *http.Request, conn net.Conn, early *bufio.Reader, t *stream.Traffic) *body {
	head, _ := early.Peek(early.Buffered()) // which it has
	b := &body{wire: &wire{head: head, conn: conn, traffic: t}}
	in := bufio.NewReaderSize(b.wire, readBytes)
	if r.ContentLength < 0 {
		b.from = httputil.NewChunkedReader(in)
	} else {
		b.from = &sized{in, r.ContentLength}
	}
	return b
}

// Read reads of what has come, and waits until there is something. The error is io.EOF at the body's end, and
// io.ErrUnexpectedEOF where the connection ended before it.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.over = b.over || errors.Is(err, io.EOF)
	return n, err
}

// sized is a body whose length is known.
type sized struct {
	from io.Reader
	left int64
}

func (s *sized) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	n, err := s.from.Read(p[:min(int64(len(p)), s.left)])
	if s.left -= int64(n); s.left > 0 && errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// wire is what comes over the connection, counted.
type wire struct {
	head    []byte // comes before the rest
	conn    net.Conn
	traffic *stream.Traffic
	silence *transport.Silence // is told when something comes; nil: nobody
}

func (w *wire) Read(p []byte) (n int, err error) {
	if len(w.head) > 0 {
		n = copy(p, w.head)
		if w.head = w.head[n:]; len(w.head) == 0 {
			w.head = nil // and with it the HTTP server's memory
		}
	} else {
		n, err = w.conn.Read(p)
	}
	w.traffic.Received.Add(uint64(n))
	if w.silence != nil && n > 0 {
		w.silence.Heard(media.Now())
	}
	return n, err
}
