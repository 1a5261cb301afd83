package fanout

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// dialed returns both ends of a connection over TCP.
func dialed(t *testing.T) (ours, theirs *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return server.(*net.TCPConn), client.(*net.TCPConn)
}

// TestLinkOf fills the socket of a client that does not read, which then does.
func TestLinkOf(t *testing.T) {
	ours, theirs := dialed(t)
	look := LinkOf(tls.Server(ours, &tls.Config{})) // its socket is inside
	if l, ok := look(); !ok || l.Window == 0 || l.Queued != 0 || l.Unsent != 0 {
		t.Errorf("at first: %+v, %v", l, ok)
	}
	var writing sync.WaitGroup
	writing.Go(func() { _, _ = ours.Write(bytes.Repeat([]byte("x"), 64<<20)) })
	full := false
	for end := time.Now().Add(30 * time.Second); !full && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		l, ok := look()
		full = ok && l.Unsent > 0 && l.Queued >= l.Unsent && l.Window < 64<<10 && l.RoundTrip > 0 && l.Segments > 0
	}
	if l, ok := look(); !full {
		t.Errorf("while the client does not read: %+v, %v", l, ok)
	}
	writing.Go(func() { _, _ = io.Copy(io.Discard, theirs) })
	_ = ours.SetWriteDeadline(time.Now().Add(30 * time.Second)) // if it fails, so does the test
	read := false
	for end := time.Now().Add(30 * time.Second); !read && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		l, ok := look()
		read = ok && l.Unsent == 0 && l.Queued == 0 && l.Window > 0
	}
	if l, ok := look(); !read {
		t.Errorf("when all has been read: %+v, %v", l, ok)
	}
	ours.Close()
	writing.Wait()
	if l, ok := look(); ok {
		t.Errorf("after its end: %+v", l)
	}
	pipe, other := net.Pipe()
	defer pipe.Close()
	defer other.Close()
	if _, ok := LinkOf(pipe)(); ok {
		t.Error("a pipe has a link")
	}
}
