package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"weir/internal/config"
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

// secured is what a part of the server needs for TLS.
type secured struct {
	part      string // as in the configuration
	use       *certificate
	enabled   bool
	cert, key string // files
}

// secured lists the parts that may use TLS.
func (s *Server) secured(c *config.Config) []secured {
	list := wantsTLS(c)
	list[0].use, list[1].use, list[2].use = &s.rtmpsCert, s.apiFront.cert, s.webFront.cert
	return list
}

// wantsTLS lists them with what c says.
func wantsTLS(c *config.Config) []secured {
	calls, web := &c.HTTPAPI, &c.HTTPServer
	return []secured{
		{part: "rtmps", enabled: c.RTMPS.Enabled, cert: c.RTMPS.Cert, key: c.RTMPS.Key},
		{part: "http_api.https", enabled: calls.Enabled && calls.HTTPS.Enabled && !c.SharesSecureAPI(), cert: calls.HTTPS.Cert, key: calls.HTTPS.Key},
		{part: "http_server.https", enabled: web.Enabled && web.HTTPS.Enabled, cert: web.HTTPS.Cert, key: web.HTTPS.Key},
	}
}

// load reads the part's certificate.
func (p *secured) load(log *slog.Logger) (*listen.Certificates, error) {
	c, err := listen.LoadCertificates(p.cert, p.key, log)
	if err != nil {
		return nil, fmt.Errorf("%s is enabled and needs a certificate and its key: %w", p.part, err)
	}
	return c, nil
}

// certify loads the certificates that c needs, all or none, and returns how to go back to those
// before. A part that is off keeps its last, for who is in the middle of a handshake.
func (s *Server) certify(c *config.Config) (restore func(), err error) {
	parts := s.secured(c)
	was, now := make([]*listen.Certificates, len(parts)), make([]*listen.Certificates, len(parts))
	for i, p := range parts {
		was[i] = p.use.Load()
		now[i] = was[i]
		if !p.enabled {
			continue
		}
		if now[i], err = p.load(s.log); err != nil {
			return nil, err
		}
	}
	put := func(list []*listen.Certificates) {
		for i, p := range parts {
			p.use.Store(list[i])
		}
	}
	put(now)
	return func() { put(was) }, nil
}
