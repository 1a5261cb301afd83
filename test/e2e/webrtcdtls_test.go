package e2e

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	weather "weir/internal/testkit/relay"
)

// The types of records in DTLS, RFC 6347, 4.1, and of the messages of a handshake, RFC 5246, 7.4. What is of the next epoch is
// encrypted.
const (
	recordCipher    = 20
	recordAlert     = 21
	recordHandshake = 22

	clientHello = 1
	serverHello = 2
	certificate = 11
)

// message is one of a handshake.
type message struct {
	name       string
	record     byte
	kind       byte // of a handshake record
	fromServer bool // in DTLS, which a client of ours may be
}

var messages = []message{
	{"ClientHello", recordHandshake, clientHello, false},
	{"ServerHello", recordHandshake, serverHello, true},
	{"certificate of the server", recordHandshake, certificate, true},
	{"certificate of the client", recordHandshake, certificate, false},
	{"ChangeCipherSpec of the client", recordCipher, 0, false},
	{"ChangeCipherSpec of the server", recordCipher, 0, true},
}

// in reports whether a packet has the message among its records.
func (m message) in(packet []byte) bool {
	for len(packet) > 13 && packet[0] >= recordCipher && packet[0] <= 23 {
		size := 13 + int(binary.BigEndian.Uint16(packet[11:]))
		if size > len(packet) {
			return false
		}
		if packet[0] == m.record && binary.BigEndian.Uint16(packet[3:]) == 0 && (m.record != recordHandshake || packet[13] == m.kind) {
			return true
		}
		packet = packet[size:]
	}
	return false
}

// mishaps are what happens to the first packet with a message.
var mishaps = map[string]func(way *weather.Relay, up bool, packet []byte){
	"lost":      func(*weather.Relay, bool, []byte) {},
	"twice":     func(way *weather.Relay, up bool, packet []byte) { way.Send(up, packet); way.Send(up, packet) },
	"late":      func(way *weather.Relay, up bool, packet []byte) { later(300*time.Millisecond, way, up, packet) },
	"overtaken": func(way *weather.Relay, up bool, packet []byte) { later(20*time.Millisecond, way, up, packet) },
	"broken": func(way *weather.Relay, up bool, packet []byte) { // a record that is longer than its packet
		packet[11] ^= 0x10
		way.Send(up, packet)
	},
	"cut": func(way *weather.Relay, up bool, packet []byte) { way.Send(up, packet[:len(packet)-3]) },
}

// later sends a packet when others have gone.
func later(d time.Duration, way *weather.Relay, up bool, packet []byte) {
	time.AfterFunc(d, func() { way.Send(up, packet) })
}

// accident is a rule of a relay's by which one message has one mishap, once.
type accident struct {
	way    *weather.Relay
	what   message
	up     bool
	mishap func(way *weather.Relay, up bool, packet []byte)

	mu   sync.Mutex
	done bool
}

func (a *accident) rule(up bool, packet []byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done || up != a.up || !a.what.in(packet) {
		return true
	}
	a.done = true
	a.mishap(a.way, up, bytes.Clone(packet))
	return false
}

func (a *accident) happened() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done
}

// dtlsStage is a server with a part in DTLS, and a publisher there.
type dtlsStage struct {
	*fixture
	role string
	from *netPublisher
}

func newDTLSStage(t *testing.T, role, rtc string) *dtlsStage {
	t.Helper()
	s := &dtlsStage{fixture: serve(t, conf{rtc: " " + rtc, vhost: "rtc { enabled on; dtls_role " + role + "; }"}), role: role}
	s.from = netPublish(t, netPeer(t, s.fixture, nil, nil), "stream=s")
	published(t, s.fixture)
	return s
}

// plays has a player come through a relay, and tells how long it took until it had pictures.
func (s *dtlsStage) plays(t *testing.T, way *weather.Relay, setup string, certificates ...webrtc.Certificate) (v *netPlayer, took time.Duration) {
	t.Helper()
	began := time.Now()
	p := netPeer(t, s.fixture, way, nil, certificates...)
	if setup != "" {
		p.says = func(offer string) string { return strings.ReplaceAll(offer, "a=setup:actpass", "a=setup:"+setup) }
	}
	v = netPlay(t, p, s.from, through("stream=s", way))
	took = time.Since(began)
	waitFor(t, "pictures", func() bool { return v.shown() > 3 })
	return v, took
}

// suffers has a message suffer a mishap while a player comes.
func (s *dtlsStage) suffers(t *testing.T, m message, mishap string) {
	t.Helper()
	way := weather.New(t, s.http, weather.Weather{}, weather.Weather{})
	// The peer is the client in DTLS where the server is passive.
	a := &accident{way: way, what: m, up: m.fromServer == (s.role == "active"), mishap: mishaps[mishap]}
	way.Filter(a.rule)
	_, took := s.plays(t, way, "")
	t.Logf("connected after %s", took.Round(time.Millisecond))
	if !a.happened() {
		t.Error("there was no such message")
	}
	if took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestRTCHandshake has messages of DTLS suffer mishaps: pictures come all the same, soon.
func TestRTCHandshake(t *testing.T) {
	t.Parallel()
	for role, cases := range map[string]map[string]message{
		"passive": {"lost": messages[5], "broken": messages[1], "overtaken": messages[3], "twice": messages[0]},
		"active":  {"lost": messages[2], "late": messages[4], "cut": messages[3], "twice": messages[5]},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			s := newDTLSStage(t, role, "")
			for mishap, m := range cases { // one after the other: a publisher is not to wait for all other tests
				t.Run(m.name+" "+mishap, func(t *testing.T) { s.suffers(t, m, mishap) })
			}
			for _, setup := range []string{"actpass", "active", "passive"} {
				t.Run("the client is "+setup, func(t *testing.T) {
					v, _ := s.plays(t, nil, setup)
					want := map[string]string{"actpass": role, "active": "passive", "passive": "active"}[setup]
					if answer := v.pc.RemoteDescription().SDP; !strings.Contains(answer, "a=setup:"+want) {
						t.Errorf("the server answers\n%s", answer)
					}
				})
			}
		})
	}
}

// certificateOf makes a client's certificate, as large as long lists of names make it.
func certificateOf(t *testing.T, key crypto.PrivateKey, names int) webrtc.Certificate {
	t.Helper()
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	for i := range names {
		template.DNSNames = append(template.DNSNames, fmt.Sprintf("name-%03d.of.a.client.test", i))
	}
	c, err := webrtc.NewCertificate(key, template)
	if err != nil {
		t.Fatal(err)
	}
	return *c
}

// TestRTCCertificates has clients show certificates of other kinds, some of which need several packets, to servers with either.
func TestRTCCertificates(t *testing.T) {
	t.Parallel()
	keys := map[string]func() (crypto.PrivateKey, error){
		"RSA":   func() (crypto.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) },
		"P-384": func() (crypto.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
		"P-521": func() (crypto.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) },
	}
	for rtc, names := range map[string]int{"ecdsa on;": 0, "ecdsa off;": 150} {
		for _, role := range []string{"passive", "active"} {
			t.Run(rtc+role, func(t *testing.T) {
				t.Parallel()
				s := newDTLSStage(t, role, rtc)
				for name, generate := range keys {
					key, err := generate()
					if err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					v, took := s.plays(t, nil, "", certificateOf(t, key, names))
					t.Logf("%s: connected after %s, pictures after %s", name, took, time.Since(began))
					shown := v.pc.SCTP().Transport().GetRemoteCertificate()
					c, err := x509.ParseCertificate(shown)
					if err != nil {
						t.Fatal(err)
					}
					if _, ec := c.PublicKey.(*ecdsa.PublicKey); ec != (rtc == "ecdsa on;") {
						t.Errorf("the server shows a key of %T", c.PublicKey)
					}
				}
			})
		}
	}
}

// TestRTCAlerts sends ends of DTLS that nobody has signed, which change nothing, and a true one twice, which ends the session once.
func TestRTCAlerts(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"passive", "active"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			s := newDTLSStage(t, role, "")
			way := weather.New(t, s.http, weather.Weather{}, weather.Weather{})
			v, _ := s.plays(t, way, "")
			for i, content := range [][]byte{{1, 0}, {2, 0}, {2, 40}, {2, 80}} { // close_notify as a warning and fatal, handshake_failure, internal_error
				alert := []byte{recordAlert, 254, 253, 0, 0, 0, 0, 0, 0, 1, byte(i), 0, 2}
				way.Send(true, append(alert, content...))
			}
			way.Send(true, []byte{23, 254, 253, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0}) // data in the clear
			from := v.shown()
			waitFor(t, "more pictures", func() bool { return v.shown() > from+50 })
			if n := len(s.players()); n != 1 {
				t.Fatalf("%d players", n)
			}
			way.Filter(func(up bool, packet []byte) bool {
				if up && packet[0] == recordAlert {
					way.Send(up, packet)
					way.Send(up, packet)
				}
				return true
			})
			v.pc.Close()
			waitFor(t, "the player to be gone", func() bool { return len(s.players()) == 0 })
			waitFor(t, "the end in the log", func() bool { return strings.Contains(s.log.String(), "rtc-play ended") })
			if n := strings.Count(s.log.String(), "rtc-play ended"); n != 1 {
				t.Errorf("%d players have ended", n)
			}
		})
	}
}

// TestRTCStranger has somebody else come than the one who has made the offer: the session ends at once, and says why.
func TestRTCStranger(t *testing.T) {
	t.Parallel()
	s := newDTLSStage(t, "passive", "")
	p := netPeer(t, s.fixture, nil, nil)
	if _, err := p.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	p.says = func(offer string) string {
		i := strings.Index(offer, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
		return strings.ReplaceAll(offer, offer[i:i+5], "00:00")
	}
	p.offer("/rtc/v1/whep/?stream=s")
	waitFor(t, "the session to end", func() bool { return strings.Contains(s.log.String(), "the handshake of DTLS has failed") })
	if n := len(s.players()); n != 0 {
		t.Errorf("%d players", n)
	}
}
