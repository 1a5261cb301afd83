package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLogin has a Redis that asks for a password.
func TestLogin(t *testing.T) {
	t.Parallel()
	r := startRedis(t)
	if err := r.Do(t.Context(), "ACL", "SETUSER", "default", "resetpass", ">TOP/SECRET").Err(); err != nil {
		t.Fatal(err)
	}
	if err := r.Do(t.Context(), "ACL", "SETUSER", "weir", "on", ">p@ss", "~weir:*", "~{weir:nodes}:*", "&weir:events", "-@all", "+@connection", "+client|setname",
		"+eval", "+evalsha", "+get", "+set", "+del", "+pexpire", "+time", "+publish", "+subscribe", "+zadd", "+zrem", "+zrange", "+zrangebyscore", "+hset", "+hget", "+hmget", "+hdel").Err(); err != nil {
		t.Fatal(err)
	}
	a := startMember(t, "redis://:TOP%2FSECRET@"+r.addr(), time.Second, "a")
	b := startMember(t, "redis://weir:p@ss@"+r.addr()+"/0", time.Second, "b") // and no right that it does not need
	a.claim(stream)
	b.mustFind(stream, "a")
	b.claim("of b").Release()
	a.awaitFind(time.Second, "of b", ErrUnknown.Error())
	wrong := makeMember(t, "redis://:WRONG@"+r.addr(), time.Second, Node{ID: "c"})
	wrong.run()
	wrong.mustFind(stream, ErrUnreachable.Error())
	if wrong.log.Count("level=WARN", "WRONGPASS") != 1 || strings.Contains(wrong.log.String(), "WRONG@") {
		t.Error(wrong.log.String())
	}
	if a.log.String()+b.log.String() != "" {
		t.Error(a.log.String(), b.log.String())
	}
}

// TestTLS has a Redis whose certificate is of localhost alone, and signed by an authority that the system does not know: who
// names it is connected.
func TestTLS(t *testing.T) {
	t.Parallel()
	port, dir := freePort(t), t.TempDir()
	certify(t, dir)
	cert := filepath.Join(dir, "cert.pem")
	startRedis(t, "--tls-port", strconv.Itoa(port), "--tls-auth-clients", "no",
		"--tls-cert-file", cert, "--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", cert)
	join := func(host, id, ca string) *member {
		m := makeMember(t, fmt.Sprintf("rediss://%s:%d/0", host, port), time.Second, Node{ID: id}, func(o *Options) { o.CA = ca })
		m.run()
		return m
	}
	a, b, c, d := join("localhost", "a", cert), join("localhost", "b", cert), join("127.0.0.1", "c", cert), join("localhost", "d", "")
	await(t, 5*time.Second, "a is in the list", func() bool { return a.knows("a") })
	if !a.claim(stream).Registered() {
		t.Error("the claim is not registered")
	}
	b.awaitFind(5*time.Second, stream, "a")
	c.mustFind(stream, ErrUnreachable.Error())
	d.mustFind(stream, ErrUnreachable.Error())
	if c.log.Count("level=WARN", "certificate for 127.0.0.1") != 1 {
		t.Error(c.log.String())
	}
	if d.log.Count("level=WARN", "unknown authority: let registry_ca be") != 1 || a.log.String() != "" {
		t.Error(d.log.String(), a.log.String())
	}
	if since, cause := d.Away(); since.IsZero() || cause == nil || !strings.Contains(cause.Error(), "registry_ca") {
		t.Errorf("away since %s: %v", since, cause)
	}
	if since, cause := a.Away(); !since.IsZero() || cause != nil {
		t.Errorf("away since %s: %v", since, cause)
	}
}

// certify writes a certificate of localhost and its key into a directory: cert.pem and key.pem.
func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
