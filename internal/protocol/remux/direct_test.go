package remux

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
)

// rawly sends a request over a connection of its own, and returns the connection.
func (h *house) rawly(path, version string) *net.TCPConn {
	h.t.Helper()
	address := strings.TrimPrefix(h.url(""), "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/%s\r\nHost: %s\r\n\r\n", path, version, address); err != nil {
		h.t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// TestDirect holds that a viewer gets the same stream from all writers and by both versions of
// HTTP, and that the end is one: of the connection, or said.
func TestDirect(t *testing.T) {
	for _, path := range []string{"/live/s.flv", "/live/s.ts"} {
		var want []byte
		for _, c := range []struct{ writer, version string }{
			{"own", "1.1"}, {"own", "1.0"}, {"memory", "1.1"}, {"memory", "1.0"}, {"file", "1.1"}, {"auto", "1.0"}, {"auto", "1.1"},
		} {
			t.Run(path+", "+c.writer+", "+c.version, func(t *testing.T) {
				got := watched(t, path, c.writer, c.version)
				if want == nil {
					want = got
				}
				if len(got) < 1000 || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, not the same %d", len(got), len(want))
				}
			})
		}
	}
}

// watched returns the body of a stream that begins before the viewer comes, and goes on.
func watched(t *testing.T, path, writer, version string) []byte {
	h := newHouse(t, func(v *config.Vhost) {
		v.Play.Writer = writer
		v.HTTPRemux.Mount = "[vhost]/[app]/[stream]" + path[strings.IndexByte(path, '.'):]
	})
	p := h.publish(layout(picture(), sound()))
	p.size = 3000
	p.write("KaPaPa")
	conn := h.rawly(path, version)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	chunks := len(answer.TransferEncoding) > 0
	if answer.StatusCode != http.StatusOK || chunks != (version == "1.1") || !answer.Close || answer.Header.Get("Date") == "" {
		t.Errorf("%+v", answer)
	}
	first := hears(t, answer.Body, 100)
	p.write("PaKaPaPaPa")
	p.layout = layout(picture(), sound())
	p.write("KaPaPaKaPa")
	p.Close()
	rest, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	h.await("the end in the log", func() bool { return strings.Contains(h.log.String(), "cause=EOF") })
	return append(first, rest...)
}

// TestDirectFirstWrite waits for a publisher without a byte, and then has status, headers and
// media at one go.
func TestDirectFirstWrite(t *testing.T) {
	h := newHouse(t, nil)
	conn := h.rawly("/live/s.flv", "1.1")
	h.await("the viewer", func() bool { return len(h.registry.Sessions()) == 1 })
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Fatal("a byte before the publisher")
	}
	p := h.publish(layout(picture(), sound()))
	p.write("Ka")
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 64<<10)
	n, err := conn.Read(b)
	if err != nil || !bytes.HasPrefix(b[:n], []byte("HTTP/1.1 200 OK\r\n")) || !bytes.Contains(b[:n], []byte("\r\n\r\n")) ||
		!bytes.Contains(b[:n], []byte("FLV\x01\x05")) || !bytes.Contains(b[:n], []byte("onMetaData")) {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// TestDirectLetsGo has viewers who leave in all ways, and holds that nothing of them is left.
func TestDirectLetsGo(t *testing.T) {
	if !fanout.Available {
		t.Skip("no shards here")
	}
	h := newHouse(t, nil)
	p := h.publish(layout(picture(), sound()))
	p.write("KaPa")
	h.rawly("/live/s.flv", "1.0").Close()
	h.await("nobody", func() bool { return len(h.registry.Sessions()) == 1 })
	before := runtime.NumGoroutine()
	for name, leave := range map[string]func(*net.TCPConn){
		"closes":      func(c *net.TCPConn) { c.Close() },
		"half closes": func(c *net.TCPConn) { _ = c.CloseWrite() },
		"resets":      func(c *net.TCPConn) { _ = c.SetLinger(0); c.Close() },
		"talks":       func(c *net.TCPConn) { _, _ = c.Write(make([]byte, 2*maxHeard)) },
	} {
		conn := h.rawly("/live/s.flv", "1.1")
		_ = hears(t, conn, 200)
		leave(conn)
		h.await(name, func() bool { return len(h.registry.Sessions()) == 1 })
		if name != "half closes" && name != "talks" {
			continue
		}
		for b := make([]byte, 4096); ; {
			if _, err := conn.Read(b); err != nil {
				break
			}
		}
		conn.Close()
	}
	h.await("goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	if h.serving.Load() != 0 {
		t.Error("handlers have not returned")
	}
}

// TestChunk has frames without bytes, which would end the body.
func TestChunk(t *testing.T) {
	pieces, heads := chunk(net.Buffers{[]byte("before"), []byte("0123456789"), []byte("abcdefgh")}, 1, []byte("x"))
	if got := string(bytes.Join(pieces, []byte("|"))); got != "before|12\r\n|0123456789|abcdefgh|\r\n" || string(heads) != "x12\r\n" {
		t.Errorf("%q, %q", got, heads)
	}
	if got := string(bytes.Join(unchunk(pieces[1:]), nil)); got != "0123456789abcdefgh" {
		t.Errorf("back: %q", got)
	}
	if pieces, _ = chunk(net.Buffers{[]byte("before"), nil}, 1, nil); len(pieces) != 1 {
		t.Errorf("a chunk of nothing: %q", pieces)
	}
	if got := unchunk(nil); got != nil {
		t.Errorf("out of nothing: %q", got)
	}
}
