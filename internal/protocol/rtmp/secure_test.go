package rtmp

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/fanout"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// issue makes a certificate of a.com that signs itself: the settings of a server and a client.
func issue(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.com"},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
}

// secure is a Dial function whose connections come to a port of RTMPS.
func (h *house) secure(c *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	handle := h.server.Secure(c)
	return func(context.Context, string, string) (net.Conn, error) {
		ours, theirs, err := pair()
		if err == nil {
			h.sessions.Go(func() { handle(h.ctx, ours) })
		}
		return theirs, err
	}
}

// TestSecure publishes and plays over TLS, with pictures larger than a record, and hears why it
// is refused.
func TestSecure(t *testing.T) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			ours, theirs := issue(t)
			theirs.MinVersion, theirs.MaxVersion = version, version
			enter := func() *Client {
				c, err := Dial(t.Context(), "rtmps://a.com/live/s", DialOptions{Dial: h.secure(ours), TLS: theirs, ReadTimeout: patience})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}
			from, to := enter(), enter()
			if err := from.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := to.Play(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := enter().Publish(t.Context()); err == nil || !strings.Contains(err.Error(), "being published already") {
				t.Errorf("a second publisher hears %v", err)
			}
			sent := []Message{{Kind: video, Chunk: 6, Stream: 1, Body: unhex(avcHeader)}}
			for n := range uint32(20) {
				head := unhex("2701000000")
				if n == 0 {
					head[0] = 0x17
				}
				sent = append(sent, Message{Kind: video, Chunk: 6, Stream: 1, Time: 40 * n, Body: append(head, noise(9000*int(n)+1, byte(n))...)})
			}
			if err := from.WriteMessages(sent...); err != nil {
				t.Fatal(err)
			}
			for n := 0; n < len(sent); {
				m, err := to.ReadMessage()
				if err != nil {
					t.Fatal(err)
				}
				if m.Kind != video {
					continue
				}
				if !bytes.Equal(m.Body, sent[n].Body) {
					t.Fatalf("message %d: %d bytes, not the %d that were sent", n, len(m.Body), len(sent[n].Body))
				}
				n++
			}
			for _, s := range h.registry.Sessions() {
				if s.Request.TCURL != "rtmps://a.com:443/live" || s.Request.URL() != "/live/s" {
					t.Errorf("session of %s at %s", s.Request.URL(), s.Request.TCURL)
				}
			}
		})
	}
}

// TestShutBroken closes a connection to a peer who reads nothing and whose writes have failed:
// TLS's goodbye would take seconds.
func TestShutBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := issue(t)
		theirs.ServerName = "a.com"
		a, b := net.Pipe()
		defer b.Close()
		done := make(chan error, 1)
		go func() { done <- tls.Client(b, theirs).Handshake() }()
		conn := tls.Server(a, ours)
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		o := &fanout.Outbox{Conn: conn, Traffic: &stream.Traffic{}, Write: recordWriter(&sync.Pool{})}
		start := time.Now()
		if err := o.Send(net.Buffers{noise(10, 1)}); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != fanout.WriteTimeout {
			t.Errorf("written for %v: %v", time.Since(start), err)
		}
		start = time.Now()
		if shut(conn, o.Broken()); time.Since(start) > 0 {
			t.Errorf("closed after %v", time.Since(start))
		}
		if _, err := a.Write(nil); err == nil {
			t.Error("the socket is open")
		}
	})
}

func TestSecureStrangers(t *testing.T) {
	ours, _ := issue(t)
	for name, c := range map[string]struct {
		says, hears, log string
	}{
		"RTMP":   {"\x03", "", "wrong port: the RTMPS port is not for plain RTMP: use rtmps:// here, and rtmp:// with port 1935"},
		"HTTP":   {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "wrong port: HTTP has come to the RTMPS port: use rtmps:// here"},
		"others": {"SSH-2.0", "", "not for plain RTMP"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(c *config.Config) { c.Listen = []string{"1935"} })
			conn, err := h.secure(ours)(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			h.turnedAway(conn, c.says, c.hears, c.log)
		})
	}
}

// recordCounter counts the records of TLS 1.3 that are written.
type recordCounter struct {
	net.Conn
	writes, short int
}

func (c *recordCounter) Write(b []byte) (int, error) {
	if c.writes++; len(b) < 1000 {
		c.short++
	}
	return len(b), nil
}

// muted is the server's side of a TLS connection whose writes go nowhere from now on.
func muted(t testing.TB) (*tls.Conn, *recordCounter) {
	t.Helper()
	ours, theirs := issue(t)
	theirs.ServerName = "a.com"
	a, b, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	done := make(chan error, 1)
	go func() { done <- tls.Client(b, theirs).Handshake() }()
	under := &switched{Conn: a}
	secure := tls.Server(under, ours)
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	under.counter = &recordCounter{}
	return secure, under.counter
}

// switched writes into its counter once it has one.
type switched struct {
	net.Conn
	counter *recordCounter
}

func (s *switched) Write(b []byte) (int, error) {
	if s.counter != nil {
		return s.counter.Write(b)
	}
	return s.Conn.Write(b)
}

// TestRecords has a batch of many pieces leave in few records.
func TestRecords(t *testing.T) {
	conn, counter := muted(t)
	o := &fanout.Outbox{Conn: conn, Traffic: &stream.Traffic{}, Write: recordWriter(&sync.Pool{})}
	_, _ = conn.Write(make([]byte, 256<<10)) // the first records of a connection are short ones
	counter.writes, counter.short = 0, 0
	var all []message
	for n := range byte(100) {
		all = append(all, message{kind: video, chunk: videoChunk, stream: streamID, body: noise(5000, n)})
	}
	bufs := vectors(4096, all...)
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	if err := o.Send(bufs); err != nil {
		t.Fatal(err)
	}
	if want := (size + len(record{}) - 1) / len(record{}); counter.writes != want || counter.short > 1 {
		t.Errorf("%d pieces, %d bytes: %d records, %d of them short; want %d", len(bufs), size, counter.writes, counter.short, want)
	}
	if got := o.Traffic.Sent.Load(); got != uint64(size) {
		t.Errorf("%d bytes counted of %d", got, size)
	}
}

// TestWriteRecords checks the bytes around the bounds of a record, and the count where a write
// fails.
func TestWriteRecords(t *testing.T) {
	for _, size := range []int{0, 1, len(record{}) - 1, len(record{}), len(record{}) + 1, 3*len(record{}) + 5} {
		want := noise(size, 7)
		for _, cut := range []int{1, 7, 5000, 20000} {
			var bufs net.Buffers
			for rest := want; len(rest) > 0; {
				n := min(cut, len(rest))
				bufs, rest = append(bufs, rest[:n]), rest[n:]
			}
			a, b := net.Pipe()
			go func() {
				defer a.Close()
				if n, err := writeRecords(a, bufs, &sync.Pool{}); n != int64(size) || err != nil {
					t.Errorf("%d bytes: %d, %v", size, n, err)
				}
			}()
			if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes in pieces of %d: %d arrive, %v", size, cut, len(got), err)
			}
		}
	}
	a, b := net.Pipe()
	go func() {
		_, _ = io.ReadFull(b, make([]byte, len(record{})+100))
		b.Close()
	}()
	n, err := writeRecords(a, net.Buffers{noise(2*len(record{}), 1)}, &sync.Pool{})
	if n != int64(len(record{})+100) || err == nil {
		t.Errorf("cut: %d, %v", n, err)
	}
}

// delayed notes what is set on it.
type delayed struct {
	net.Conn
	off bool
}

func (d *delayed) SetNoDelay(on bool) error { d.off = !on; return nil }

func TestImmediateBelowTLS(t *testing.T) {
	d := &delayed{}
	conn := tls.Server(d, nil)
	if immediate(conn, false); !d.off {
		t.Error("TCP_NODELAY stays on")
	}
	if immediate(conn, true); d.off {
		t.Error("TCP_NODELAY stays off")
	}
}

// BenchmarkPlayerWriteTLS is BenchmarkPlayerWrite over TLS.
func BenchmarkPlayerWriteTLS(b *testing.B) {
	for _, size := range []int{128, 4096, 60000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := newDemux(&logbook.Book{})
			header := wired(video, 0, avcHeader)
			frames := d.frames(nil, &header)
			for n := range uint32(media.MaxBatch) {
				m := message{kind: video, time: 40 * n, body: append(unhex("2701000028"), noise(5000, 1)...)}
				frames = d.frames(frames, &m)
			}
			c := config.Default()
			conn, _ := muted(b)
			server := &Server{}
			s := &session{server: server, conn: conn, chunk: size, rules: rules{get: func() *config.Config { return c }}}
			s.rules.find("")
			s.out.Conn, s.out.Traffic, s.out.Write = s.conn, &stream.Traffic{}, recordWriter(&server.records)
			p := newPlayer(s, nil, wish{})
			b.SetBytes(128 * 5005)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.WriteBatch(frames); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
