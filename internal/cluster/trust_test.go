package cluster

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTrust has files of certificates, and some that are none: New says what is wrong.
func TestTrust(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certify(t, dir)
	cert, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(cert), "\nMII", "\nMIJ", 1)
	for name, text := range map[string]string{
		"one": string(cert), "two and more": "words\n" + string(cert) + string(key) + string(cert),
		"empty": "", "key": string(key), "words": "-----BEGIN", "broken": string(cert) + broken, "long": string(cert) + strings.Repeat("\n", maxTrust),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, says := range map[string]string{
		"one": "", "two and more": "",
		"empty": "it has no certificate", "key": "it has no certificate", "words": "it has no certificate",
		"broken": "its certificate 2 cannot be read", "long": "it has more than 1048576 bytes",
		"nothing": "no such file", ".": "is a directory",
	} {
		file := filepath.Join(dir, name)
		_, err := New(Options{
			Registry: "rediss://localhost", CA: file, Lease: time.Second, Self: func() Node { return Node{ID: "a"} }, Log: slog.New(slog.DiscardHandler),
		})
		switch {
		case says == "" && err != nil, says != "" && err == nil:
			t.Errorf("%s: %v", name, err)
		case err != nil && (!strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "registry_ca "+file+": ") || !strings.Contains(err.Error(), "in PEM")):
			t.Errorf("%s: %v; want %s", name, err, says)
		}
	}
}
