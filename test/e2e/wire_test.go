package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/protocol/rtmp"
)

func be32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// command is a command message.
func command(chunk, stream uint32, values ...any) rtmp.Message {
	return rtmp.Message{Kind: 20, Chunk: chunk, Stream: stream, Body: amf0.Append(nil, values...)}
}

// appendChunks writes a message by the book, apart from the server's own code: a header of
// type 0, then chunks of type 3.
func appendChunks(dst []byte, m rtmp.Message, size int) []byte {
	dst = append(dst, byte(m.Chunk))
	at := min(m.Time, 0xFFFFFF)
	dst = append(dst, byte(at>>16), byte(at>>8), byte(at), byte(len(m.Body)>>16), byte(len(m.Body)>>8), byte(len(m.Body)), m.Kind)
	dst = binary.LittleEndian.AppendUint32(dst, m.Stream)
	extend := func() {
		if at == 0xFFFFFF {
			dst = binary.BigEndian.AppendUint32(dst, m.Time)
		}
	}
	extend()
	for body := m.Body; ; {
		n := min(size, len(body))
		dst = append(dst, body[:n]...)
		if body = body[n:]; len(body) == 0 {
			return dst
		}
		dst = append(dst, 0xC0|byte(m.Chunk))
		extend()
	}
}

// opening is a client's side of the simple handshake.
func opening() []byte {
	c1 := make([]byte, 1536)
	for i := 8; i < len(c1); i++ {
		c1[i] = byte(i * 7)
	}
	c2 := make([]byte, 1536)
	return append(append([]byte{3}, c1...), c2...)
}

// wireReader reads what the server sends, which is simple: type 0 headers and type 3 chunks.
// Anything else is an error, for players have come to rely on it.
type wireReader struct {
	src  io.Reader
	size int
}

func (r *wireReader) read(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(r.src, b)
	return b, err
}

func (r *wireReader) message() (rtmp.Message, error) {
	head, err := r.read(12)
	if err != nil {
		return rtmp.Message{}, err
	}
	if head[0]>>6 != 0 || head[0] < 2 {
		return rtmp.Message{}, fmt.Errorf("a message begins with the byte %#x", head[0])
	}
	m := rtmp.Message{Chunk: uint32(head[0]), Kind: head[7], Stream: binary.LittleEndian.Uint32(head[8:])}
	m.Time = be32(head) & 0xFFFFFF
	length := int(be32(head[4:]) >> 8)
	extended := m.Time == 0xFFFFFF
	for {
		if extended {
			b, err := r.read(4)
			if err != nil {
				return m, err
			}
			m.Time = be32(b)
		}
		piece, err := r.read(min(r.size, length-len(m.Body)))
		m.Body = append(m.Body, piece...)
		if err != nil {
			return m, err
		}
		if len(m.Body) == length {
			break
		}
		if next, err := r.read(1); err != nil || next[0] != 0xC0|byte(m.Chunk) {
			return m, fmt.Errorf("a chunk continues with the byte % x, %w", next, err)
		}
	}
	if m.Kind == 1 {
		r.size = int(be32(m.Body))
	}
	return m, nil
}

// conversation is a connection that speaks RTMP by hand.
type conversation struct {
	t    *testing.T
	conn net.Conn
	in   wireReader
	got  []rtmp.Message
}

// shakeHands connects.
func shakeHands(t *testing.T, f *fixture) *conversation {
	t.Helper()
	conn, err := net.Dial("tcp", f.rtmp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	s := &conversation{t: t, conn: conn, in: wireReader{conn, 128}}
	if _, err := conn.Write(opening()); err != nil {
		t.Fatal(err)
	}
	answer, err := s.in.read(1 + 2*1536)
	if err != nil {
		t.Fatal(err)
	}
	if answer[0] != 3 || !bytes.Equal(answer[1+1536:][8:], opening()[1:1537][8:]) {
		t.Error("the answer to the handshake is not the client's packet")
	}
	return s
}

// converse connects and publishes or plays a stream of live.
func converse(t *testing.T, f *fixture, what, name string) *conversation {
	t.Helper()
	s := shakeHands(t, f)
	s.send(command(3, 0, "connect", 1, amf0.Object{{Name: "app", Value: "live"}, {Name: "tcUrl", Value: "rtmp://" + f.rtmp + "/live"}}))
	s.send(command(3, 0, "createStream", 2, nil))
	s.send(command(8, 1, what, 3, nil, name))
	s.command("onStatus", "NetStream.P")
	return s
}

func (s *conversation) send(m rtmp.Message) {
	s.t.Helper()
	if _, err := s.conn.Write(appendChunks(nil, m, 128)); err != nil {
		s.t.Fatal(err)
	}
}

// until reads up to a message of that kind.
func (s *conversation) until(kind uint8) rtmp.Message {
	s.t.Helper()
	for {
		m, err := s.in.message()
		if err != nil {
			s.t.Fatalf("waiting for a message of type %d: %v", kind, err)
		}
		s.got = append(s.got, m)
		if m.Kind == kind {
			return m
		}
	}
}

// command reads up to a command that has some text.
func (s *conversation) command(name, text string) {
	s.t.Helper()
	for {
		if m := s.until(20); bytes.Contains(m.Body, []byte(name)) && bytes.Contains(m.Body, []byte(text)) {
			return
		}
	}
}

// drain reads what has arrived.
func (s *conversation) drain() {
	_ = s.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	for {
		m, err := s.in.message()
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, io.EOF) {
				s.t.Error(err)
			}
			return
		}
		s.got = append(s.got, m)
	}
}
