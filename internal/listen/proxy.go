package listen

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxyWait is how long a trusted proxy may take for its header.
const proxyWait = 10 * time.Second

// The errors of connections behind a proxy that callers may want to tell apart.
var (
	// ErrProxy is wrapped by the errors of a PROXY header that is wrong or not there.
	ErrProxy = errors.New("listen: PROXY header")
	// ErrLimit ends a connection whose client, named by its PROXY header, has too many already.
	ErrLimit = errors.New("listen: too many connections from this ip")
)

// readProxy reads a PROXY header of version 1 or 2 and gives the client, the address it has
// connected to, and the bytes read behind the header. The addresses are not valid when the
// proxy speaks for itself (LOCAL, UNKNOWN): a health check.
//
// Spec: HAProxy PROXY protocol, 2: a receiver must not guess whether there is a header, so one
// that is missing is an error.
func readProxy(c net.Conn) (from, to netip.AddrPort, rest []byte, err error) {
	if err := c.SetReadDeadline(time.Now().Add(proxyWait)); err != nil {
		return from, to, nil, err
	}
	r := bufio.NewReaderSize(c, 256) // a line of version 1 must come at once and has 107 bytes at most
	h, err := proxyproto.Read(r)
	if errors.Is(err, proxyproto.ErrNoProxyProtocol) {
		return from, to, nil, fmt.Errorf("%w: %s is trusted to send one and has not", ErrProxy, c.RemoteAddr())
	}
	if err != nil {
		return from, to, nil, fmt.Errorf("%w from %s: %w", ErrProxy, c.RemoteAddr(), err)
	}
	_ = c.SetReadDeadline(time.Time{}) // a connection that is gone tells so when it is read
	ahead, _ := r.Peek(r.Buffered())
	rest = slices.Clone(ahead)
	source, okFrom := h.SourceAddr.(*net.TCPAddr)
	target, okTo := h.DestinationAddr.(*net.TCPAddr)
	if h.Command.IsLocal() || !okFrom || !okTo {
		return from, to, rest, nil
	}
	return plain(source), plain(target), rest, nil
}

// plain gives an address without the IPv6 clothes of an IPv4 address.
func plain(a *net.TCPAddr) netip.AddrPort {
	p := a.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}
