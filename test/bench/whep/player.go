package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/stun/v3"
)

const (
	dialTime  = 15 * time.Second
	keepalive = 5 * time.Second
	room      = 1600 // bytes of a datagram
)

// count is what has come.
type count struct{ packets, bytes, missing uint64 }

func (c count) plus(d count) count {
	return count{c.packets + d.packets, c.bytes + d.bytes, c.missing + d.missing}
}

func (c count) minus(d count) count {
	return count{c.packets - d.packets, c.bytes - d.bytes, c.missing - d.missing}
}

// player is one that plays.
type player struct {
	conn     net.Conn
	name     string // of connection checks: both sides' names
	password string // the server's

	checked chan struct{} // cap 1: the server has answered a check
	secret  chan []byte   // what comes of DTLS
	gone    chan struct{} // closed when nothing comes any more
	packets atomic.Uint64
	bytes   atomic.Uint64
	missing atomic.Uint64
	last    map[uint32]uint16 // sequence numbers by SSRC
}

func (p *player) count() count { return count{p.packets.Load(), p.bytes.Load(), p.missing.Load()} }

// offer is what a browser says that wants to play, as far as a server reads it.
const offer = `v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:%[1]s
a=ice-pwd:0123456789abcdef0123456789abcdef
a=fingerprint:sha-256 %[2]s
a=setup:active
a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
m=video 9 UDP/TLS/RTP/SAVPF 102
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:%[1]s
a=ice-pwd:0123456789abcdef0123456789abcdef
a=fingerprint:sha-256 %[2]s
a=setup:active
a=mid:1
a=recvonly
a=rtcp-mux
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
`

var (
	ufragLine     = regexp.MustCompile(`a=ice-ufrag:(\S+)`)
	pwdLine       = regexp.MustCompile(`a=ice-pwd:(\S+)`)
	candidateLine = regexp.MustCompile(`a=candidate:\S+ 1 (?i:udp) \d+ (\S+) (\d+) typ host`)
)

// dial comes to play.
func dial(ctx context.Context, url string) (*player, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	certificate, err := selfsign.GenerateSelfSigned()
	if err != nil {
		return nil, err
	}
	answer, ufrag, err := ask(ctx, url, &certificate)
	if err != nil {
		return nil, err
	}
	name, password, at := ufragLine.FindStringSubmatch(answer), pwdLine.FindStringSubmatch(answer), candidateLine.FindStringSubmatch(answer)
	if name == nil || password == nil || at == nil {
		return nil, fmt.Errorf("the answer names no way:\n%s", answer)
	}
	p := &player{
		name: name[1] + ":" + ufrag, password: password[1],
		checked: make(chan struct{}, 1), secret: make(chan []byte, 64), gone: make(chan struct{}), last: map[uint32]uint16{},
	}
	if p.conn, err = net.Dial("udp", net.JoinHostPort(at[1], at[2])); err != nil {
		return nil, err
	}
	go p.read()
	if err := p.connect(ctx, &certificate); err != nil {
		p.conn.Close()
		return nil, err
	}
	return p, nil
}

// ask sends the offer.
func ask(ctx context.Context, url string, certificate *tls.Certificate) (answer, ufrag string, err error) {
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return "", "", err
	}
	proof, err := fingerprint.Fingerprint(leaf, crypto.SHA256)
	if err != nil {
		return "", "", err
	}
	ufrag = rand.Text()[:8]
	body := strings.ReplaceAll(fmt.Sprintf(offer, ufrag, proof), "\n", "\r\n")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", "", err
	}
	r.Header.Set("Content-Type", "application/sdp")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", "", err
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(a.Body, 1<<20))
	if err == nil && a.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s: %s", a.Status, raw)
	}
	return string(raw), ufrag, err
}

// connect makes the connection: checks until one is answered, then DTLS.
func (p *player) connect(ctx context.Context, certificate *tls.Certificate) error {
	for {
		if err := p.check(); err != nil {
			return err
		}
		select {
		case <-p.checked:
		case <-time.After(200 * time.Millisecond):
			continue
		case <-ctx.Done():
			return errors.New("no check has been answered")
		}
		break
	}
	d, err := dtls.ClientWithOptions(dtlsEnd{p}, p.conn.RemoteAddr(), dtls.WithCertificates(*certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80))
	if err != nil {
		return err
	}
	return d.HandshakeContext(ctx)
}

// check sends a connection check that nominates. Spec: RFC 8445, 7.2.
func (p *player) check() error {
	m, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(p.name),
		stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{110, 0, 30, 255}},
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		stun.NewShortTermIntegrity(p.password), stun.Fingerprint)
	if err != nil {
		return err
	}
	_, err = p.conn.Write(m.Raw)
	return err
}

// read sorts what comes until there is no more. Spec: RFC 9443.
func (p *player) read() {
	defer close(p.gone)
	b := make([]byte, room)
	for {
		n, err := p.conn.Read(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil || n < 12:
		case b[0] < 4:
			select {
			case p.checked <- struct{}{}:
			default:
			}
		case b[0] >= 20 && b[0] < 64:
			select {
			case p.secret <- append([]byte(nil), b[:n]...):
			default:
			}
		case b[1]&0x7f < 64 || b[1]&0x7f >= 96:
			p.take(b[:n])
		}
	}
}

// take counts a packet of RTP, whose header can be read by anybody.
func (p *player) take(b []byte) {
	sequence, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[8:])
	if last, ok := p.last[ssrc]; ok {
		if d := int16(sequence - last); d > 1 {
			p.missing.Add(uint64(d - 1))
		}
	}
	p.last[ssrc] = sequence
	p.packets.Add(1)
	p.bytes.Add(uint64(len(b)))
}

// run keeps the connection until ctx ends.
func (p *player) run(ctx context.Context) {
	tick := time.NewTicker(keepalive)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = p.check() // the next one follows
		case <-ctx.Done():
			p.conn.Close()
			<-p.gone
			return
		}
	}
}

// dtlsEnd is the player's socket as far as DTLS sees it.
type dtlsEnd struct{ p *player }

func (e dtlsEnd) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-e.p.secret:
		return copy(b, d), e.p.conn.RemoteAddr(), nil
	case <-e.p.gone:
		return 0, nil, net.ErrClosed
	}
}

func (e dtlsEnd) WriteTo(b []byte, _ net.Addr) (int, error) { return e.p.conn.Write(b) }
func (e dtlsEnd) Close() error                              { return nil }
func (e dtlsEnd) LocalAddr() net.Addr                       { return e.p.conn.LocalAddr() }
func (e dtlsEnd) SetDeadline(time.Time) error               { return nil }
func (e dtlsEnd) SetReadDeadline(time.Time) error           { return nil }
func (e dtlsEnd) SetWriteDeadline(time.Time) error          { return nil }
