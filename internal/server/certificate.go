package server

import (
	"crypto/tls"
	"errors"
	"sync/atomic"

	"weir/internal/listen"
)

// certificate is that of the configuration in force; a reload may bring another.
type certificate struct {
	atomic.Pointer[listen.Certificates]
}

// config returns the settings of TLS, good for as long as the server runs. There are no tickets
// to resume a session by: publishers and players stay long, and rtmpdump takes a ticket of TLS 1.3
// for the end of the connection.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, SessionTicketsDisabled: true}
}

func (c *certificate) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := c.Load()
	if now == nil { // a reload has failed in the middle
		return nil, errors.New("server: no certificate")
	}
	return now.Get(hello)
}
