package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"
)

const (
	// handshakeWait is how long a TLS handshake may take.
	handshakeWait = 10 * time.Second
	// checkEvery is the least time between two looks at the certificate's files.
	checkEvery = time.Second
)

// Certificates is a certificate that follows its files: a handshake looks at them, at most once
// a second, and loads them when they have changed. Files that do not load leave the certificate
// before in force and go to the log once.
type Certificates struct {
	// Set at construction.
	cert, key string
	log       *slog.Logger
	start     time.Time

	checked atomic.Int64 // time since start
	current atomic.Pointer[loaded]
}

// loaded is a certificate and the state of its files, which may be newer when those were bad.
type loaded struct {
	pair  *tls.Certificate
	files [2]stamp
}

type stamp struct {
	modified time.Time
	size     int64
}

// LoadCertificates reads a chain and its key in PEM. Nil log: slog.Default().
func LoadCertificates(cert, key string, log *slog.Logger) (*Certificates, error) {
	if log == nil {
		log = slog.Default()
	}
	c := &Certificates{cert: cert, key: key, log: log, start: time.Now()}
	files, err := c.stat()
	if err != nil {
		return nil, fmt.Errorf("listen: certificate: %w", err)
	}
	pair, err := c.load()
	if err != nil {
		return nil, err
	}
	c.current.Store(&loaded{pair, files})
	return c, nil
}

// TLSConfig is TLS 1.2 and up with this certificate. For HTTP/2 add its NextProtos.
func (c *Certificates) TLSConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.Get}
}

// Get gives the certificate in force; it fits tls.Config.GetCertificate.
func (c *Certificates) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	last, now := c.checked.Load(), int64(time.Since(c.start))
	if now-last >= int64(checkEvery) && c.checked.CompareAndSwap(last, now) {
		c.refresh()
	}
	return c.current.Load().pair, nil
}

// refresh is called by one handshake at a time; the others go on with what is there.
func (c *Certificates) refresh() {
	was := c.current.Load()
	files, err := c.stat()
	if files == was.files {
		return // a file that stays away was told of when it went
	}
	now := &loaded{was.pair, files}
	if err == nil {
		if pair, e := c.load(); e == nil {
			now.pair = pair
		} else {
			err = e
		}
	}
	c.current.Store(now)
	if err != nil {
		c.log.Error("certificate not reloaded, the one before stays in force", "err", err)
		return
	}
	c.log.Info("certificate reloaded", "file", c.cert, "valid_until", now.pair.Leaf.NotAfter)
}

func (c *Certificates) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, fmt.Errorf("listen: certificate %s, key %s: %w", c.cert, c.key, err)
	}
	return &pair, nil
}

// stat gives the state of both files; that of a file which cannot be seen is empty.
func (c *Certificates) stat() ([2]stamp, error) {
	var files [2]stamp
	var errs error
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			errs = errors.Join(errs, err)
		case info.IsDir():
			errs = errors.Join(errs, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")})
		default:
			files[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return files, errs
}

// TLS gives a Handler that does the handshake and hands the *tls.Conn to next. A handshake that
// fails is told to log at debug level, because scanners do little else; nil: slog.Default().
func TLS(config *tls.Config, log *slog.Logger, next Handler) Handler {
	if log == nil {
		log = slog.Default()
	}
	return func(ctx context.Context, c net.Conn) {
		secure := tls.Server(c, config)
		within, cancel := context.WithTimeout(ctx, handshakeWait)
		err := secure.HandshakeContext(within)
		cancel()
		if err != nil {
			log.Debug("TLS handshake failed", "remote", c.RemoteAddr(), "err", err)
			_ = c.Close()
			return
		}
		next(ctx, secure)
	}
}
