package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"
)

// certify gives a server TLS, with HTTP/2 alone.
func certify(t *testing.T) *tls.Config {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
		NextProtos:   []string{"h2"}, MinVersion: tls.VersionTLS12,
	}
}

// TestSlowReader2 has a client of HTTP/2 that takes no more of one answer, but lives: that answer
// ends, and the connection goes on.
func TestSlowReader2(t *testing.T) {
	s := newSite(t)
	s.put("a.txt", "file a")
	var ended chan time.Duration
	s.o.Routes = []Route{func(r *http.Request) http.Handler {
		if r.URL.Path != "/live" {
			return nil
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			start := time.Now()
			for {
				if _, err := w.Write(make([]byte, 16<<10)); err != nil {
					ended <- time.Since(start)
					return
				}
			}
		})
	}}
	s.tls = certify(t)
	bubble(t, s, func(t *testing.T, dial func() net.Conn) {
		ended = make(chan time.Duration, 1) // one of the bubble's
		transport := &http.Transport{
			ForceAttemptHTTP2: true,
			DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				c := tls.Client(dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
				return c, c.HandshakeContext(ctx)
			},
		}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport}
		resp, err := client.Get("https://h/live")
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != 2 {
			t.Fatalf("it is %s", resp.Proto)
		}
		within(t, "a client that takes nothing", <-ended, writeTimeout)
		next, err := client.Get("https://h/a.txt")
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(next.Body); string(body) != "file a" {
			t.Errorf("%q, %v", body, err)
		}
		_ = next.Body.Close()
		_ = resp.Body.Close()
	})
}
