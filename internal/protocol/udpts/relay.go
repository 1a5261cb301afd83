package udpts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"

	"weir/internal/listen"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	largest = 64 << 10 // bytes of a datagram
	room    = 4 << 20  // bytes that the system is asked to keep for us
)

var errURL = errors.New("udp: bad url")

// Relay brings transport streams in.
type Relay struct{ transport.Hub }

// CheckURL says what is wrong with an address.
func CheckURL(raw string) error {
	_, _, err := parseURL(raw)
	return err
}

// parseURL reads udp://@host:port, where we receive: the host is an address of this machine, a multicast group, or
// missing for all. The parameter iface names the interface on which a group is joined.
func parseURL(raw string) (at netip.AddrPort, iface string, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "udp" {
		return at, "", fmt.Errorf("%w: it is not of the form udp://@host:port", errURL)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		return at, "", fmt.Errorf("%w: %q has no port", errURL, u.Host)
	}
	var ip netip.Addr // none: all of ours
	if name := u.Hostname(); name != "" {
		if ip, err = netip.ParseAddr(name); err != nil {
			return at, "", fmt.Errorf("%w: %q is no address of IPv4 or IPv6", errURL, name)
		}
	}
	for key := range u.Query() {
		if key != "iface" {
			return at, "", fmt.Errorf("%w: there is no parameter %q; there is iface", errURL, key)
		}
	}
	return netip.AddrPortFrom(ip, uint16(port)), u.Query().Get("iface"), nil
}

// Pull waits for a transport stream at an address of ours, and publishes it as r says until it ends. Of r all but what
// the socket knows is filled. The first who sends is the one: others are not listened to. Begun is called when the
// publication begins. It returns why it has ended, never nil.
func (v *Relay) Pull(ctx context.Context, url string, r *stream.Request, begun func()) error {
	at, iface, err := parseURL(url)
	if err != nil {
		return err
	}
	conn, err := open(at, iface)
	if err != nil {
		return fmt.Errorf("udp: %w", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	from := &source{conn: conn, room: make([]byte, largest)}
	first, err := from.next()
	if err != nil {
		return transport.CauseOf(ctx, err)
	}
	return v.Receive(ctx, cancel, r, transport.Sender{
		From: from.peer.Addr(), First: first, Next: from.next,
		Notes: func() []any { return []any{"foreign", from.foreign, "malformed", from.malformed} },
	}, begun)
}

// open opens a socket.
func open(at netip.AddrPort, iface string) (conn *net.UDPConn, err error) {
	switch ip := at.Addr(); {
	case ip.IsMulticast():
		conn, err = listen.OpenGroup(at, iface)
	case ip.IsValid():
		conn, err = listen.OpenPacket(at.String(), listen.Options{})
	default: // of IPv4 and IPv6, as far as there are both
		conn, err = listen.OpenPacket(strconv.Itoa(int(at.Port())), listen.Options{})
	}
	if err == nil {
		_ = conn.SetReadBuffer(room) // less room is no reason to stop
	}
	return conn, err
}

// source is what one sender sends. It is for one goroutine.
type source struct {
	conn               *net.UDPConn
	room               []byte
	peer               netip.AddrPort // the one; none before the first datagram
	foreign, malformed uint64         // datagrams
}

// next returns the packets of the next datagram, which are valid until the next call.
func (s *source) next() ([]byte, error) {
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(s.room)
		if err != nil {
			return nil, fmt.Errorf("udp: %w", err)
		}
		b := payload(s.room[:n])
		switch {
		case b == nil:
			s.malformed++
		case s.peer.IsValid() && from != s.peer:
			s.foreign++
		default:
			s.peer = from
			return b, nil
		}
	}
}
