package listen

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// issue writes a certificate with a serial number, and its key, dated so that any two differ.
func issue(t *testing.T, dir string, serial int64) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	put(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), serial)
	put(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), serial)
	return cert, key
}

func put(t *testing.T, name string, data []byte, age int64) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	when := time.Unix(1_700_000_000+age, 0)
	if err := os.Chtimes(name, when, when); err != nil {
		t.Fatal(err)
	}
}

func TestCertificatesFollowTheirFiles(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		cert, key := issue(t, dir, 1)
		c, err := LoadCertificates(cert, key, j.log())
		if err != nil {
			t.Fatal(err)
		}
		serial := func(want int64) {
			t.Helper()
			pair, err := c.Get(nil)
			if err != nil || pair.Leaf.SerialNumber.Int64() != want {
				t.Errorf("Get = %v, %v; want %d", pair.Leaf.SerialNumber, err, want)
			}
		}
		serial(1)
		time.Sleep(checkEvery)
		serial(1)
		issue(t, dir, 2)
		serial(1) // looked at less than a second ago
		time.Sleep(checkEvery)
		serial(2)
		put(t, cert, []byte("nonsense"), 3)
		for range 3 {
			time.Sleep(checkEvery)
			serial(2)
		}
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(checkEvery)
			serial(2)
		}
		if got := strings.Count(j.String(), "not reloaded"); got != 2 {
			t.Errorf("%d lines for two bad states: %s", got, j)
		}
		issue(t, dir, 4)
		time.Sleep(checkEvery)
		serial(4)
	})
}

func TestLoadCertificatesErrors(t *testing.T) {
	dir := t.TempDir()
	cert, _ := issue(t, dir, 1)
	if _, err := LoadCertificates(cert, filepath.Join(dir, "none"), nil); !os.IsNotExist(err) && err == nil {
		t.Error(err)
	}
	if _, err := LoadCertificates(cert, dir, nil); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Error(err)
	}
	if _, err := LoadCertificates(cert, cert, nil); err == nil || !strings.Contains(err.Error(), cert) {
		t.Error(err)
	}
}

// TestTLSThroughMux: plain and TLS on one port, and versions below 1.2 turned away.
func TestTLSThroughMux(t *testing.T) {
	cert, key := issue(t, t.TempDir(), 1)
	c, err := LoadCertificates(cert, key, (&journal{}).log())
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	echo := func(_ context.Context, c net.Conn) {
		_, _ = io.Copy(c, c)
		_ = c.Close() // with TLS: says goodbye
	}
	m := &Mux{Matches: []Match{{IsTLS, TLS(c.TLSConfig(), j.log(), echo)}}, Default: echo}
	l := local(t, Options{})
	stop := start(t, l, m.Handle)
	word := bytes.Repeat([]byte("hello"), 10_000)
	if got := say(t, l.Addr(), "plain"); got != "plain" {
		t.Errorf("%q", got)
	}
	insecure := &tls.Config{InsecureSkipVerify: true}
	secure := tls.Client(dial(t, l.Addr()), insecure)
	go func() {
		_, _ = secure.Write(word)
		_ = secure.CloseWrite()
	}()
	if got, err := io.ReadAll(secure); !bytes.Equal(got, word) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	old := insecure.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if err := tls.Client(dial(t, l.Addr()), old).Handshake(); err == nil {
		t.Error("TLS 1.1 is let in")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(j.String(), "handshake failed") {
		t.Error(j)
	}
}
