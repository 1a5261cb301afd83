package rtmp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// The handshake is one byte and two packets each way. The second packet answers the first:
//
//	C0, S0 | version u8 = 3 |
//	C1, S1 | time u32 | version u32 | random 1528 |
//	C2, S2 | the other side's C1 or S1 |
//
// Spec: Adobe RTMP 1.0, 5.2. Flash Player 9 and later hide a digest among the random bytes of
// their first packet, in one of two blocks of 764, and sign their second; the spec is silent
// about it. The digest block, first in schema 1 and second in schema 0:
//
//	| offset 4 × u8, summed mod 728 | random, offset bytes | digest 32 | random |
//
// A digest is the HMAC-SHA256 of its packet without the digest's own bytes. A signed packet
// ends in 32 bytes: the HMAC of those before, with the HMAC of the peer's digest for a key.
const (
	rtmpVersion   = 3
	packetSize    = 1536
	blockSize     = 764
	digestSize    = sha256.Size
	digestChoices = 728

	serverRelease = 0x01000504
	clientRelease = 0x80000702
)

// A proxy in front of us may put the address of its client before C0:
//
//	| 0xF3 | length u16 | IPv4 address 4, more of it, or less |
const (
	proxyMark      = 0xF3
	maxProxyPrefix = 1024
)

var (
	errVersion     = errors.New("rtmp: handshake: not version 3")
	errProxyPrefix = errors.New("rtmp: handshake: proxy prefix too long")
)

// A digest's key is the text alone; a signature's is the text and the salt.
const (
	playerText = "Genuine Adobe Flash Player 001"
	serverText = "Genuine Adobe Flash Media Server 001"
	keySalt    = "\xF0\xEE\xC2\x4A\x80\x68\xBE\xE8\x2E\x00\xD0\xD1\x02\x9E\x7E\x57" +
		"\x6E\xEC\x5D\x2D\x29\x80\x6F\xAB\x93\xB8\xE6\x36\xCF\xEB\x31\xAE"
)

// schema says where in a packet the digest block is.
type schema int

const (
	keyFirst    schema = 0
	digestFirst schema = 1
)

// digestAt returns where in a packet its digest is or belongs.
func (s schema) digestAt(packet []byte) int {
	block := 8 + blockSize
	if s == digestFirst {
		block = 8
	}
	sum := 0
	for _, b := range packet[block : block+4] {
		sum += int(b)
	}
	return block + 4 + sum%digestChoices
}

// findDigest returns the digest of a peer's first packet and its schema. It is not ok for a
// peer of the simple handshake.
func findDigest(packet []byte, text string) (digest [digestSize]byte, s schema, ok bool) {
	for _, s := range []schema{keyFirst, digestFirst} {
		at := s.digestAt(packet)
		if digest = digestOf(packet, at, text); hmac.Equal(digest[:], packet[at:at+digestSize]) {
			return digest, s, true
		}
	}
	return digest, 0, false
}

// digestOf computes the digest of a packet that has it, or will have it, at the given place.
func digestOf(packet []byte, at int, text string) (digest [digestSize]byte) {
	h := hmac.New(sha256.New, []byte(text))
	h.Write(packet[:at])
	h.Write(packet[at+digestSize:])
	h.Sum(digest[:0])
	return digest
}

// putDigest writes the digest of a packet into it.
func putDigest(packet []byte, s schema, text string) {
	at := s.digestAt(packet)
	digest := digestOf(packet, at, text)
	copy(packet[at:], digest[:])
}

// signPacket ends packet in the signature that answers a peer's digest.
func signPacket(packet []byte, digest [digestSize]byte, text string) {
	h := hmac.New(sha256.New, []byte(text+keySalt))
	h.Write(digest[:])
	h = hmac.New(sha256.New, h.Sum(nil))
	h.Write(packet[:packetSize-digestSize])
	h.Sum(packet[:packetSize-digestSize])
}

// fillPacket makes a first packet: the time, a second number, noise.
func fillPacket(packet []byte, second uint32) {
	rand.Read(packet) // never fails
	binary.BigEndian.PutUint32(packet, uint32(time.Now().Unix()))
	binary.BigEndian.PutUint32(packet[4:], second)
}

// acceptHandshake is the server's side. It answers in one write as soon as C1 is there, reads
// up to the last byte of C2 and no further, and does not look at C2. Proxied is the client's
// address where a proxy has told it, otherwise invalid. A peer that leaves before its first
// byte is io.EOF.
func acceptHandshake(rw io.ReadWriter) (proxied netip.Addr, err error) {
	// The answer S0 S1 S2, where C1 is read into the place of S2: the simple S2 is a copy.
	buf := make([]byte, 1+2*packetSize)
	s1, s2 := buf[1:1+packetSize:1+packetSize], buf[1+packetSize:]
	if _, err := io.ReadFull(rw, buf[:1]); err != nil {
		return proxied, handshakeError(err)
	}
	if buf[0] == proxyMark {
		if proxied, err = readProxyPrefix(rw, buf); err != nil {
			return proxied, err
		}
		if _, err := io.ReadFull(rw, buf[:1]); err != nil {
			return proxied, handshakeCut(err)
		}
	}
	if _, err := io.ReadFull(rw, s2); err != nil {
		return proxied, handshakeCut(err)
	}
	if digest, schema, ok := findDigest(s2, playerText); ok {
		fillPacket(s1, serverRelease)
		putDigest(s1, schema, serverText)
		rand.Read(s2)
		signPacket(s2, digest, serverText)
	} else {
		if buf[0] != rtmpVersion {
			return proxied, fmt.Errorf("%w: %d", errVersion, buf[0])
		}
		fillPacket(s1, binary.BigEndian.Uint32(s2))
	}
	buf[0] = rtmpVersion
	if _, err := rw.Write(buf); err != nil {
		return proxied, handshakeError(err)
	}
	if _, err := io.ReadFull(rw, s2); err != nil {
		return proxied, handshakeCut(err)
	}
	return proxied, nil
}

// readProxyPrefix reads the prefix behind its mark, into buf.
func readProxyPrefix(r io.Reader, buf []byte) (client netip.Addr, err error) {
	if _, err := io.ReadFull(r, buf[:2]); err != nil {
		return client, handshakeCut(err)
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > maxProxyPrefix {
		return client, fmt.Errorf("%w: %d bytes", errProxyPrefix, n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return client, handshakeCut(err)
	}
	if n >= 4 {
		client = netip.AddrFrom4([4]byte(buf))
	}
	return client, nil
}

// dialHandshake is the client's side. It sends a digest as Flash Player does and signs its
// answer to a server that has one too; it does not verify what the server answers.
func dialHandshake(rw io.ReadWriter) error {
	buf := make([]byte, 1+2*packetSize)
	first, second := buf[1:1+packetSize:1+packetSize], buf[1+packetSize:]
	fillPacket(first, clientRelease)
	putDigest(first, digestFirst, playerText)
	buf[0] = rtmpVersion
	if _, err := rw.Write(buf[:1+packetSize]); err != nil {
		return handshakeError(err)
	}
	if _, err := io.ReadFull(rw, buf[:1]); err != nil {
		return handshakeCut(err)
	}
	if buf[0] != rtmpVersion {
		return fmt.Errorf("%w: %d", errVersion, buf[0])
	}
	if _, err := io.ReadFull(rw, buf[1:]); err != nil { // S1 and S2
		return handshakeCut(err)
	}
	c2 := first // a simple C2 is a copy of S1
	if digest, _, ok := findDigest(first, serverText); ok {
		c2 = second
		rand.Read(c2)
		signPacket(c2, digest, playerText)
	}
	if _, err := rw.Write(c2); err != nil {
		return handshakeError(err)
	}
	return nil
}

// handshakeCut is handshakeError for a read that may not end cleanly.
func handshakeCut(err error) error {
	return handshakeError(cut(err))
}

func handshakeError(err error) error {
	return fmt.Errorf("rtmp: handshake: %w", err)
}

// cut makes an end inside of something an unexpected one.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
