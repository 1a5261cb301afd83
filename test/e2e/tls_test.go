package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// identity is a certificate that signs itself, for 127.0.0.1, localhost and maybe others, and its key, in PEM.
type identity struct {
	cert, key []byte
	leaf      *x509.Certificate
}

func newIdentity(serial int64, others ...net.IP) *identity {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: append(others, net.IPv4(127, 0, 0, 1)),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return &identity{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		leaf: leaf,
	}
}

// ourIdentity is that of all servers under test, unless a test gives one another.
var ourIdentity = sync.OnceValue(func() *identity { return newIdentity(1) })

// trusts returns the settings of a client that trusts nobody else.
func (i *identity) trusts() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(i.leaf)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
}

// identify gives the server a certificate.
func (f *fixture) identify(i *identity) {
	f.t.Helper()
	for file, data := range map[string][]byte{f.certFile(): i.cert, f.keyFile(): i.key} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f *fixture) certFile() string { return filepath.Join(filepath.Dir(f.file), "server.crt") }
func (f *fixture) keyFile() string  { return filepath.Join(filepath.Dir(f.file), "server.key") }

// securePorts are the RTMPS ports of the servers, by their RTMP ports.
var securePorts sync.Map

func (f *fixture) listens() {
	_, plain, _ := net.SplitHostPort(f.rtmp)
	_, secure, _ := net.SplitHostPort(f.rtmps)
	securePorts.Store(plain, secure)
	fixtures.Store(plain, f)
}

// secured returns the RTMPS address of an RTMP address.
func secured(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	port, ok := securePorts.Load(u.Port())
	if !ok {
		t.Fatalf("no RTMPS beside %s", raw)
	}
	u.Scheme, u.Host = "rtmps", net.JoinHostPort(u.Hostname(), port.(string))
	return u.String()
}

// sendTLS makes a publisher one over RTMPS, watchTLS a player.
func sendTLS(start func(*testing.T, string, clip, time.Duration) publication) func(*testing.T, string, clip, time.Duration) publication {
	return func(t *testing.T, url string, c clip, at time.Duration) publication {
		t.Helper()
		return start(t, secured(t, url), c, at)
	}
}

func watchTLS(start func(*testing.T, string, string) viewing) func(*testing.T, string, string) viewing {
	return func(t *testing.T, url, codec string) viewing {
		t.Helper()
		return start(t, secured(t, url), codec)
	}
}

// TestTLSPrograms has those programs publish and play over RTMPS that the suite has without TLS,
// or with another version of them. Ffmpeg checks the certificate.
func TestTLSPrograms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ publisher, codec string }{
		{"ffmpeg", "h264"}, {"ffmpeg7", "hevc"}, {"gstreamer", "h264"},
	} {
		t.Run(c.publisher, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{})
			check := []string{"-tls_verify", "1", "-ca_file", f.certFile()}
			url, clip := f.url("s"), newClip(t, c.codec, "small")
			views := map[string]viewing{
				"ffprobe": watchTLS(ffprobePlayer)(t, url, c.codec),
				"ffmpeg":  watchTLS(ffmpegViewer(check...))(t, url, c.codec),
			}
			if c.codec == "h264" { // the others do not know the rest
				views["rtmpdump"] = watchTLS(rtmpdumpPlayer)(t, url, c.codec)
				views["gstreamer"] = watchTLS(gstViewer("tls-validation-flags=0"))(t, url, c.codec)
			}
			waitFor(t, "the players to be there", func() bool { return len(f.players()) == len(views) })
			start := ffmpegPublisher(c.publisher, check...)
			if c.publisher == "gstreamer" {
				start = gstSender("tls-validation-flags=0")
			}
			sendTLS(start)(t, url, clip, 0)
			published(t, f)
			watched(t, views, 50)
			finish(t, views, expectation{clip: clip, frames: 40})
		})
	}
}

// TestTLSStranger has ffmpeg refuse a certificate that it does not know.
func TestTLSStranger(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{})
	other := filepath.Join(t.TempDir(), "other.crt")
	if err := os.WriteFile(other, newIdentity(2).cert, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, codec := range []string{"h264", "hevc"} { // the old ffmpeg and the new one
		v := ffmpegViewer("-tls_verify", "1", "-ca_file", other)(t, secured(t, f.url("s")), codec)
		if err := v.wait(); err == nil || err.Error() == "it does not end" {
			t.Errorf("ffmpeg for %s: %v", codec, err)
		}
	}
}

// TestTLSVersions publishes and plays with our client, of either version of TLS, as OBS does.
func TestTLSVersions(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, conf{})
			only := ourIdentity().trusts()
			only.MinVersion, only.MaxVersion = version, version
			pub, err := dialPublish(t, secured(t, f.url("s")), rtmp.DialOptions{TLS: only})
			if err != nil {
				t.Fatal(err)
			}
			defer pub.Close()
			view := playTLS(t, secured(t, f.url("s")), only)
			want := []rtmp.Message{{Kind: 9, Chunk: 6, Stream: pub.Stream(), Body: unhex(t, avcHeader)}}
			for n := range uint32(100) {
				body := append(unhex(t, avcKey), make([]byte, 700*n)...)
				want = append(want, rtmp.Message{Kind: 9, Chunk: 6, Stream: pub.Stream(), Time: 40 * n, Body: body})
			}
			if err := pub.WriteMessages(want...); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "all pictures", func() bool { return view.frames() == len(want) })
			n := 0
			for _, m := range view.messages() {
				if m.Kind == 9 {
					if string(m.Body) != string(want[n].Body) {
						t.Errorf("message %d is not what was sent", n)
					}
					n++
				}
			}
		})
	}
}

// TestTLSRenewal exchanges the certificate under a player: the next client gets the new one, and
// the player goes on.
func TestTLSRenewal(t *testing.T) {
	t.Parallel()
	f := serve(t, conf{})
	pub := publishTags(t, secured(t, f.url("s")), readClip(t, newClip(t, "h264", "small")), 0)
	stay := map[string]viewing{"client": playClient(t, secured(t, f.url("s"))), "ffmpeg": ffmpegPlayer(t, secured(t, f.url("s")), "h264")}
	watched(t, stay, 30)
	next := newIdentity(2)
	f.identify(next)
	shown := func() int64 {
		d := &tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}}
		c, err := d.DialContext(t.Context(), "tcp", f.rtmps)
		if err != nil {
			return 0
		}
		defer c.Close()
		return c.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	waitFor(t, "the new certificate", func() bool { return shown() == 2 })
	late := map[string]viewing{"late": playTLS(t, secured(t, f.url("s")), next.trusts())}
	watched(t, late, 30)
	watched(t, stay, 30)
	if _, err := rtmp.Dial(t.Context(), secured(t, f.url("s")), rtmp.DialOptions{TLS: ourIdentity().trusts()}); err == nil {
		t.Error("the old certificate is still shown")
	}
	if pub.shown() != "" {
		t.Errorf("the publisher: %s", pub.shown())
	}
	if n := len(f.players()); n != 3 {
		t.Errorf("%d players, want 3", n)
	}
	c := newClip(t, "h264", "small")
	finish(t, stay, expectation{clip: c, frames: 55, gap: 0.2})
	finish(t, late, expectation{clip: c, frames: 25, gap: 0.2})
}
