package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
)

// socketsEnv names the descriptors that Pass leaves to a child: "3,4,5".
const socketsEnv = "WEIR_SOCKETS"

// maxInherited bounds the sockets taken from whoever started us.
const maxInherited = 1024

// ErrInherited is wrapped by the errors of inherited descriptors.
var ErrInherited = errors.New("listen: inherited sockets")

// Inherited holds the sockets that whoever started us left open: systemd (LISTEN_FDS) or a
// parent of our own kind (Pass). Open asks it by address. A nil *Inherited has none.
type Inherited struct {
	mu      sync.Mutex
	sockets []*inherited // Guarded by mu.
}

type inherited struct {
	file *os.File
	udp  bool
	at   netip.AddrPort
	keep bool // somebody else keeps the socket open, so our copy stays good for opening again
	used bool
}

// Unused gives the addresses of the sockets that no Open has asked for yet.
func (in *Inherited) Unused() []string {
	if in == nil {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	var list []string
	for _, s := range in.sockets {
		if !s.used {
			list = append(list, s.at.String())
		}
	}
	return list
}

// Close closes the sockets still held. Those that Open has given away live on.
func (in *Inherited) Close() error {
	if in == nil {
		return nil
	}
	in.mu.Lock()
	held := in.sockets
	in.sockets = nil
	in.mu.Unlock()
	var err error
	for _, s := range held {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

// stream gives the inherited TCP socket of e, or nil.
func (in *Inherited) stream(e endpoint) (*net.TCPListener, error) {
	s := in.take(e, false)
	if s == nil {
		return nil, nil
	}
	defer s.release()
	l, err := net.FileListener(s.file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInherited, s.at, err)
	}
	return l.(*net.TCPListener), nil
}

// packet gives the inherited UDP socket of e, or nil.
func (in *Inherited) packet(e endpoint) (*net.UDPConn, error) {
	s := in.take(e, true)
	if s == nil {
		return nil, nil
	}
	defer s.release()
	c, err := net.FilePacketConn(s.file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInherited, s.at, err)
	}
	return c.(*net.UDPConn), nil
}

// take finds the socket of e. A bare port and 0.0.0.0 are content with [::], because that is
// what systemd opens for a bare port.
func (in *Inherited) take(e endpoint, udp bool) *inherited {
	if in == nil || e.port == 0 {
		return nil
	}
	ips := []netip.Addr{e.ip}
	if !e.ip.IsValid() || e.ip == netip.IPv4Unspecified() {
		ips = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, ip := range ips {
		for i, s := range in.sockets {
			if s.udp != udp || s.at != netip.AddrPortFrom(ip, e.port) {
				continue
			}
			s.used = true
			if !s.keep {
				in.sockets = append(in.sockets[:i], in.sockets[i+1:]...)
			}
			return s
		}
	}
	return nil
}

// release ends our hold on a socket that has been duplicated.
func (s *inherited) release() {
	if !s.keep {
		_ = s.file.Close()
	}
}
