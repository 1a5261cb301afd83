package udpts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	largest = 64 << 10 // bytes of a datagram
	room    = 4 << 20  // bytes that the system is asked to keep for us
)

var (
	errURL     = errors.New("udp: bad url")
	errNothing = errors.New("udp: datagrams come, but there is no transport stream in them")
)

// Relay brings transport streams in.
type Relay struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
	Log      *slog.Logger
}

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
	ip := netip.IPv6Unspecified()
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
// the socket knows is filled. The first who sends is the one: others are not listened to. It returns why it has ended,
// never nil.
func (v *Relay) Pull(ctx context.Context, url string, r *stream.Request) error {
	at, iface, err := parseURL(url)
	if err != nil {
		return err
	}
	vhost := v.Config().Exactly(r.Vhost)
	if vhost == nil {
		return fmt.Errorf("udp: there is no virtual host %q", r.Vhost)
	}
	conn, err := listen(at, iface)
	if err != nil {
		return err
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
	r.Traffic, r.Kick = &stream.Traffic{}, cancel
	in := transport.NewIn(r, config.Follow(v.Config, vhost)).Frames()
	r.Damage = in.Damage
	p, err := v.Registry.Publish(ctx, r)
	if err != nil {
		return err
	}
	defer p.Close()
	log := v.Log.With("cid", r.ID)
	log.Info("publishing", "kind", r.Kind, "ip", from.peer.Addr().Unmap(), "stream", r.URL())
	next := func() ([]byte, error) {
		if b := first; b != nil {
			first = nil
			return b, nil
		}
		return from.next()
	}
	err = transport.CauseOf(ctx, in.Run(p, next, cancel))
	notes := append(in.Notes(), "foreign", from.foreign, "malformed", from.malformed)
	log.Info(r.Kind+" ended", append([]any{"ip", from.peer.Addr().Unmap(), "stream", r.URL(), "received", r.Traffic.Received.Load(), "cause", err}, notes...)...)
	p.Lost(err)
	return err
}

// listen opens a socket, and joins the group if it is one.
func listen(at netip.AddrPort, iface string) (*net.UDPConn, error) {
	network := "udp"
	if at.Addr().Is4() {
		network = "udp4"
	}
	var conn *net.UDPConn
	var err error
	if at.Addr().IsMulticast() {
		var on *net.Interface
		if iface != "" {
			if on, err = net.InterfaceByName(iface); err != nil {
				return nil, fmt.Errorf("udp: %s: %w", iface, err)
			}
		}
		conn, err = net.ListenMulticastUDP(network, on, net.UDPAddrFromAddrPort(at))
	} else {
		conn, err = net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	}
	if err != nil {
		return nil, fmt.Errorf("udp: %w", err)
	}
	_ = conn.SetReadBuffer(room) // less room is no reason to stop
	return conn, nil
}

// source is what one sender sends. It is for one goroutine.
type source struct {
	conn               *net.UDPConn
	room               []byte
	peer               netip.AddrPort // the one; none before the first datagram
	foreign, malformed uint64         // datagrams
}

// patience is how many datagrams without a transport stream in them may come in a row.
const patience = 10_000

// next returns the packets of the next datagram, which are valid until the next call.
func (s *source) next() ([]byte, error) {
	for range patience {
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
	time.Sleep(time.Second) // whoever sends that much of it is not to keep us busy
	return nil, errNothing
}
