package rtmp

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
)

// tape is a peer that has sent everything beforehand: in is read, writes are counted in out.
type tape struct {
	in     *bytes.Reader
	out    bytes.Buffer
	writes int
}

func newTape(in []byte) *tape { return &tape{in: bytes.NewReader(in)} }

func (t *tape) Read(p []byte) (int, error) { return t.in.Read(p) }

func (t *tape) Write(p []byte) (int, error) {
	t.writes++
	return t.out.Write(p)
}

// clientPackets returns the C0 C1 C2 of clients of every kind; the C2 is noise.
func clientPackets(t testing.TB) map[string][]byte {
	ffmpeg, err := os.ReadFile("testdata/ffmpeg-c0c1.bin")
	if err != nil {
		t.Fatal(err)
	}
	simple := append([]byte{3, 0, 0, 0, 77, 0, 0, 0, 0}, noise(1528, 1)...)
	all := map[string][]byte{
		"simple":        simple,
		"key first":     signedOpening(0, 11, playerText),
		"digest first":  signedOpening(1, 5, playerText),
		"offset wraps":  signedOpening(0, 255, playerText),
		"wraps, first":  signedOpening(1, 255, playerText),
		"ffmpeg":        ffmpeg,
		"proxied":       append([]byte{0xF3, 0, 4, 10, 1, 2, 3}, simple...),
		"proxied more":  append([]byte{0xF3, 0, 6, 10, 1, 2, 3, 0, 0}, simple...),
		"proxied empty": append([]byte{0xF3, 0, 0}, simple...),
	}
	for name := range all {
		all[name] = append(all[name], noise(packetSize, 9)...)
	}
	return all
}

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*197 + 91
		b[i] = seed ^ byte(i>>3)
	}
	return b
}

// signedOpening is a C0 C1 or S0 S1 with a digest, put together from the description alone.
func signedOpening(schema int, offsetByte byte, text string) []byte {
	c1 := noise(packetSize, 3)
	block := 8 + 764*(1-schema)
	for i := range 4 {
		c1[block+i] = offsetByte
	}
	at := block + 4 + 4*int(offsetByte)%728
	mac := hmac.New(sha256.New, []byte(text))
	mac.Write(append(bytes.Clone(c1[:at]), c1[at+32:]...))
	copy(c1[at:], mac.Sum(nil))
	return append([]byte{3}, c1...)
}

// checkSigned verifies a packet that answers the digest found at a place of another.
func checkSigned(packet, digest []byte, key string) error {
	outer := hmac.New(sha256.New, []byte(key))
	outer.Write(digest)
	inner := hmac.New(sha256.New, outer.Sum(nil))
	inner.Write(packet[:1504])
	if !bytes.Equal(inner.Sum(nil), packet[1504:1536]) {
		return errors.New("bad signature")
	}
	return nil
}

func TestAcceptHandshake(t *testing.T) {
	for name, wire := range clientPackets(t) {
		peer := newTape(append(bytes.Clone(wire), "next"...))
		proxied, err := acceptHandshake(peer)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if rest, _ := io.ReadAll(peer.in); string(rest) != "next" {
			t.Errorf("%s: left %q unread", name, rest)
		}
		if peer.writes != 1 {
			t.Errorf("%s: answered in %d writes", name, peer.writes)
		}
		want := netip.Addr{}
		if name == "proxied" || name == "proxied more" {
			want = netip.MustParseAddr("10.1.2.3")
		}
		if proxied != want {
			t.Errorf("%s: client %v, want %v", name, proxied, want)
		}
		c1 := wire[len(wire)-2*packetSize : len(wire)-packetSize]
		if err := checkAnswer(name, c1, peer.out.Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range wire {
			if _, err := acceptHandshake(newTape(wire[:n])); !isCut(err, n) {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
		}
	}
}

// isCut says whether err is right for input that ends after n bytes.
func isCut(err error, n int) bool {
	if n == 0 {
		return errors.Is(err, io.EOF)
	}
	return errors.Is(err, io.ErrUnexpectedEOF)
}

func checkAnswer(name string, c1, answer []byte) error {
	if len(answer) != 3073 || answer[0] != 3 {
		return fmt.Errorf("answer of %d bytes, version %d", len(answer), answer[0])
	}
	s1, s2 := answer[1:1537], answer[1537:]
	schemas := map[string]int{"key first": 0, "offset wraps": 0, "digest first": 1, "wraps, first": 1, "ffmpeg": 1}
	schema, signed := schemas[name]
	if !signed {
		if !bytes.Equal(s2, c1) {
			return errors.New("S2 is not C1")
		}
		if !bytes.Equal(s1[4:8], c1[:4]) {
			return errors.New("S1 is without the time of C1")
		}
		return nil
	}
	if v := binary.BigEndian.Uint32(s1[4:]); v != 0x01000504 {
		return fmt.Errorf("S1 version %#x", v)
	}
	if _, got, ok := findDigest(s1, serverText); !ok || int(got) != schema {
		return fmt.Errorf("S1 has schema %d (%v), want %d", got, ok, schema)
	}
	block := 8 + 764*(1-schema)
	at := int(c1[block]) + int(c1[block+1]) + int(c1[block+2]) + int(c1[block+3])
	at = block + 4 + at%728
	return checkSigned(s2, c1[at:at+32], serverText+keySalt)
}

func TestAcceptHandshakeRefuses(t *testing.T) {
	wrong := clientPackets(t)["simple"]
	wrong[0] = 6
	if _, err := acceptHandshake(newTape(wrong)); !errors.Is(err, errVersion) {
		t.Errorf("version 6: %v", err)
	}
	signed := clientPackets(t)["digest first"]
	signed[0] = 6 // not looked at where there is a digest
	if _, err := acceptHandshake(newTape(signed)); err != nil {
		t.Errorf("version 6 with a digest: %v", err)
	}
	long := append([]byte{0xF3, 4, 1}, make([]byte, 8000)...)
	if _, err := acceptHandshake(newTape(long)); !errors.Is(err, errProxyPrefix) {
		t.Errorf("prefix of 1025 bytes: %v", err)
	}
	twice := append([]byte{0xF3, 0, 0}, clientPackets(t)["proxied"]...)
	if _, err := acceptHandshake(newTape(twice)); !errors.Is(err, errVersion) {
		t.Errorf("two prefixes: %v", err)
	}
}

func TestDialHandshake(t *testing.T) {
	simple := append([]byte{3, 0, 0, 0, 9, 0, 0, 0, 0}, noise(1528, 4)...)
	for name, opening := range map[string][]byte{
		"simple":       simple,
		"key first":    signedOpening(0, 200, serverText),
		"digest first": signedOpening(1, 200, serverText),
	} {
		wire := append(bytes.Clone(opening), noise(packetSize, 7)...)
		peer := newTape(append(bytes.Clone(wire), "next"...))
		if err := dialHandshake(peer); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if rest, _ := io.ReadAll(peer.in); string(rest) != "next" {
			t.Errorf("%s: left %q unread", name, rest)
		}
		sent := peer.out.Bytes()
		if len(sent) != 3073 || sent[0] != 3 {
			t.Fatalf("%s: sent %d bytes, version %d", name, len(sent), sent[0])
		}
		if _, s, ok := findDigest(sent[1:1537], playerText); !ok || s != digestFirst {
			t.Errorf("%s: C1 has schema %d, %v", name, s, ok)
		}
		c2 := sent[1537:]
		if digest, _, ok := findDigest(opening[1:], serverText); ok {
			if err := checkSigned(c2, digest[:], playerText+keySalt); err != nil {
				t.Errorf("%s: C2: %v", name, err)
			}
		} else if !bytes.Equal(c2, opening[1:]) {
			t.Errorf("%s: C2 is not S1", name)
		}
		for n := range wire {
			if err := dialHandshake(newTape(wire[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
		}
	}
	if err := dialHandshake(newTape([]byte{4, 0})); !errors.Is(err, errVersion) {
		t.Errorf("version 4: %v", err)
	}
}

func TestHandshakeEachOther(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	go func() {
		_, err := acceptHandshake(struct {
			io.Reader
			io.Writer
		}{bufio.NewReader(a), a})
		done <- err
	}()
	if err := dialHandshake(b); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzHandshake(f *testing.F) {
	for _, wire := range clientPackets(f) {
		f.Add(wire)
		f.Add(wire[:len(wire)/2])
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		peer := newTape(wire)
		if _, err := acceptHandshake(peer); err == nil && peer.out.Len() != 3073 {
			t.Errorf("accepted with an answer of %d bytes", peer.out.Len())
		}
		if err := dialHandshake(newTape(wire)); err == nil && len(wire) < 3073 {
			t.Errorf("dialled %d bytes", len(wire))
		}
	})
}

func BenchmarkAcceptHandshake(b *testing.B) {
	all := clientPackets(b)
	for _, name := range []string{"simple", "digest first"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			peer := newTape(nil)
			for b.Loop() {
				peer.in.Reset(all[name])
				peer.out.Reset()
				if _, err := acceptHandshake(peer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
