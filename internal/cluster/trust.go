package cluster

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxTrust is how many bytes a file of certificates may have.
const maxTrust = 1 << 20

// errTrust says what a file of certificates is to have.
var errTrust = errors.New("it is to have, in PEM, the certificates of who has signed that of the registry")

// Trust reads a file of certificates, by which a Redis that is reached over TLS is believed to be the right one.
func Trust(file string) (*x509.CertPool, error) {
	bad := func(err error) (*x509.CertPool, error) {
		return nil, fmt.Errorf("cluster: registry_ca %s: %w; %w", file, err, errTrust)
	}
	f, err := os.Open(file)
	if err != nil {
		return bad(errors.Unwrap(err)) // which names the file too
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTrust+1))
	switch {
	case err != nil:
		return bad(errors.Unwrap(err))
	case len(text) > maxTrust:
		return bad(fmt.Errorf("it has more than %d bytes", maxTrust))
	}
	pool, count := x509.NewCertPool(), 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		count++
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return bad(fmt.Errorf("its certificate %d cannot be read: %w", count, err))
		}
		pool.AddCert(c)
	}
	if count == 0 {
		return bad(errors.New("it has no certificate"))
	}
	return pool, nil
}

// advised adds to why Redis cannot be reached what is to be done about it, where the reason does not tell.
func advised(err error) error {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("%w: let registry_ca be a file with the certificate of that authority", err)
	}
	return err
}
