package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
)

// issue writes a certificate of 127.0.0.1 with a serial number, and its key, into a directory.
func issue(t *testing.T, dir string, serial int64) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"server.crt": {Type: "CERTIFICATE", Bytes: der},
		"server.key": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serial returns the number of the certificate that an address shows; 0 is none.
func serial(addr string) int64 {
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return 0
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestReloadRTMPS switches rtmps on, moves its ports, changes the certificate, and switches it
// off; who is connected stays.
func TestReloadRTMPS(t *testing.T) {
	plain, first, second, third := free(t), free(t), free(t), free(t)
	dirs := map[int64]string{}
	for n := range int64(2) {
		dirs[n+1] = t.TempDir()
		issue(t, dirs[n+1], n+1)
	}
	conf := func(switched string, cert int64, listen ...string) string {
		return "listen " + plain + ";\nrtmps { enabled " + switched + "; listen " + strings.Join(listen, " ") +
			"; key " + dirs[cert] + "/server.key; cert " + dirs[cert] + "/server.crt; }\nvhost __defaultVhost__ { }\n"
	}
	r := launch(t, conf("off", 1, first))
	defer r.stop()
	var old net.Conn
	for step, c := range []struct {
		text string
		want [3]int64 // the certificate at each address
	}{
		{conf("off", 1, first), [3]int64{}},
		{conf("on", 1, first, second), [3]int64{1, 1, 0}},
		{conf("on", 1, second, third), [3]int64{0, 1, 1}},
		{conf("on", 2, second), [3]int64{0, 2, 0}},
		{conf("off", 2, second), [3]int64{}},
		{conf("on", 1, second), [3]int64{0, 1, 0}},
	} {
		r.write(t, c.text)
		if _, err := r.Reload(); err != nil {
			t.Fatal(err)
		}
		if got := [3]int64{serial(first), serial(second), serial(third)}; got != c.want {
			t.Errorf("step %d: certificates %v, want %v", step, got, c.want)
		}
		if step == 1 {
			var err error
			if old, err = tls.Dial("tcp", first, &tls.Config{InsecureSkipVerify: true}); err != nil {
				t.Fatal(err)
			}
			defer old.Close()
		}
	}
	_ = old.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := old.Read(make([]byte, 1)); !os.IsTimeout(err) {
		t.Errorf("a client of the first port: %v", err)
	}
	if r.limit.Count() == 0 {
		t.Error("the client over TLS does not count")
	}
}

// TestReloadRTMPSBroken leaves all as it was: sockets, certificate, configuration.
func TestReloadRTMPSBroken(t *testing.T) {
	plain, other, secure := free(t), free(t), free(t)
	good, bad := t.TempDir(), t.TempDir()
	issue(t, good, 1)
	issue(t, bad, 2)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	conf := func(plain, secure, cert, key, more string) string {
		return "listen " + plain + ";\nrtmps { enabled on; listen " + secure + "; cert " + cert + "; key " + key + "; }\n" +
			more + "\nvhost __defaultVhost__ { }\n"
	}
	cert, key := good+"/server.crt", good+"/server.key"
	r := launch(t, conf(plain, secure, cert, key, ""))
	defer r.stop()
	before := r.config()
	for name, c := range map[string]struct{ text, says string }{
		"no file":    {conf(other, secure, bad+"/none.crt", key, ""), "none.crt"},
		"key of 2":   {conf(other, secure, cert, bad+"/server.key", ""), bad + "/server.key"},
		"busy":       {conf(other, secure+" "+busy.Addr().String(), bad+"/server.crt", bad+"/server.key", ""), "in use"},
		"API's busy": {conf(other, other, bad+"/server.crt", bad+"/server.key", "http_api { enabled on; listen "+busy.Addr().String()+"; }"), "in use"},
	} {
		r.write(t, c.text)
		if _, err := r.Reload(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Reload = %v", name, err)
		}
		if r.config() != before || !answers(plain) || answers(other) || serial(secure) != 1 {
			t.Errorf("%s: %v %v, certificate %d", name, answers(plain), answers(other), serial(secure))
		}
	}
}

func TestNoCertificate(t *testing.T) {
	c := config.Default()
	c.Listen = []string{free(t)}
	c.RTMPS = config.RTMPS{Enabled: true, Listen: []string{free(t)}, Cert: "./none.crt", Key: "./none.key"}
	_, err := New(Options{Config: c, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "rtmps") || !strings.Contains(err.Error(), "./none.crt") || !strings.Contains(err.Error(), "./none.key") {
		t.Errorf("New = %v, want an error that names rtmps and both files", err)
	}
	if answers(c.Listen[0]) {
		t.Error("the RTMP port is open")
	}
}
