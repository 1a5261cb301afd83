package flvpost

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"weir/internal/stream"
)

// fed is a connection that gives what it is made of, a few bytes at a time.
type fed struct {
	net.Conn
	from io.Reader
}

func (f fed) Read(p []byte) (int, error) { return f.from.Read(p[:min(len(p), 3)]) }

// receive reads a request up to its body, as the HTTP server does, and then that.
func receive(t *testing.T, wire string) (string, *body, error) {
	t.Helper()
	conn := fed{from: strings.NewReader(wire)}
	early := bufio.NewReaderSize(conn, 16)
	r, err := http.ReadRequest(early)
	if err != nil {
		t.Fatal(err)
	}
	b := newBody(r, conn, early, &stream.Traffic{})
	all, err := io.ReadAll(b)
	return string(all), b, err
}

// TestBody has bodies of both kinds, and each cut short at every byte.
func TestBody(t *testing.T) {
	const text = "a stream of frames"
	for name, c := range map[string]struct{ head, body string }{
		"sized":   {"PUT /live/s.flv HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\n", text},
		"chunked": {"POST /live/s.flv HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\na stream\r\na;x=y\r\n of frames\r\n0\r\n"},
	} {
		got, b, err := receive(t, c.head+c.body)
		if got != text || err != nil || !b.over || b.wire.traffic.Received.Load() != uint64(len(c.body)) {
			t.Errorf("%s: %q, %v, over %t, %d bytes", name, got, err, b.over, b.wire.traffic.Received.Load())
		}
		if got, _, err := receive(t, c.head+c.body+"\r\nmore"); got != text || err != nil {
			t.Errorf("%s with something behind: %q, %v", name, got, err)
		}
		for n := range len(c.body) - 1 {
			got, b, err := receive(t, c.head+c.body[:n])
			if !errors.Is(err, io.ErrUnexpectedEOF) || b.over || !strings.HasPrefix(text, got) {
				t.Errorf("%s cut at %d: %q, %v, over %t", name, n, got, err, b.over)
			}
		}
	}
	if _, _, err := receive(t, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a chunk of no length: %v", err)
	}
	if _, _, err := receive(t, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;"+strings.Repeat("x", 1<<20)); err == nil {
		t.Error("the head of a chunk has no end")
	}
	var none bytes.Buffer
	if n, err := (&sized{&none, 0}).Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("an empty body: %d, %v", n, err)
	}
}
