package rtmp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/internal/config"
)

// turnedAway has a client say something and wait. It is closed at once, and the log says why, in
// one line.
func (h *house) turnedAway(conn net.Conn, says, hears, log string) {
	h.t.Helper()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, says); err != nil {
		h.t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		h.t.Fatalf("not closed at once: %v", err)
	}
	if (hears == "") != (len(answer) == 0) || !strings.Contains(string(answer), hears) {
		h.t.Errorf("the client hears %q, want %q", answer, hears)
	}
	conn.Close()
	h.logged(log)
	h.sessions.Wait()
	if lines := strings.Count(h.log.String(), "\n"); lines != 1 || !strings.Contains(h.log.String(), "level=INFO") {
		h.t.Errorf("%d lines:\n%s", lines, &h.log)
	}
}

func TestStrangers(t *testing.T) {
	hello := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
	secure := func(c *config.Config) { c.RTMPS = config.RTMPS{Enabled: true, Listen: []string{"1443", "1444"}} }
	for name, c := range map[string]struct {
		edit             func(*config.Config)
		says, hears, log string
	}{
		"GET":       {nil, "GET /live/s.flv HTTP/1.1\r\nHost: a\r\n\r\n", "This is the RTMP port", "wrong port: HTTP has come to the RTMP port"},
		"POST":      {nil, "POST /", "HTTP/1.1 400 Bad Request\r\n", "wrong port: HTTP"},
		"HTTP/2":    {nil, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "rtmp://HOST:PORT/APP/STREAM", "wrong port: HTTP"},
		"TLS":       {nil, hello, "", "wrong port: TLS has come to the RTMP port: use rtmp:// here; rtmps:// needs the block rtmps"},
		"RTMPS, on": {secure, hello, "", "use rtmp:// here, and rtmps:// with port 1443 or 1444"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, c.edit)
			conn, err := h.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			h.turnedAway(conn, c.says, c.hears, c.log)
		})
	}
}

// TestStrangerInTLS speaks HTTP inside TLS to the RTMPS port, as a browser does.
func TestStrangerInTLS(t *testing.T) {
	h := newHouse(t, nil)
	ours, theirs := issue(t)
	theirs.ServerName = "a.com"
	conn, err := h.secure(ours)(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	h.turnedAway(tls.Client(conn, theirs), "GET / HTTP/1.1\r\n\r\n", "This is the RTMPS port", "HTTP has come to the RTMPS port")
}

// TestOddVersions lets in whoever has a digest, whatever its first byte: 'G' and 'P' begin a word
// of HTTP, 0x16 a record of TLS.
func TestOddVersions(t *testing.T) {
	for _, version := range []byte{0, 3, 6, 'G', 'P', 0x16} {
		h := newHouse(t, nil)
		conn, err := h.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		opening := signedOpening(0, 11, playerText)
		opening[0] = version
		if _, err := conn.Write(append(opening, noise(packetSize, 9)...)); err != nil {
			t.Fatal(err)
		}
		if n, err := io.ReadFull(conn, make([]byte, 1+2*packetSize)); err != nil {
			t.Errorf("version %d: %d bytes, %v", version, n, err)
		}
	}
}
