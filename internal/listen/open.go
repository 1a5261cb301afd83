// Package listen is where every socket of the server comes from: it opens or inherits them,
// counts their connections, learns who the peer is behind a proxy, and hands each connection
// to whoever understands its first bytes.
package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ErrAddress is wrapped by the error for an address that is not `[ip:]port`.
var ErrAddress = errors.New("not an address to listen on")

// Options says how a socket is opened. The zero value is a plain socket without limits.
type Options struct {
	Inherited *Inherited            // asked before a socket is opened; nil: nobody left us sockets
	Limit     *Limit                // counts the connections, and may be shared; nil: no limit
	Proxy     func() []netip.Prefix // peers that must open with a PROXY header; nil: nobody may
	Log       *slog.Logger          // nil: slog.Default()
	Shared    bool                  // several UDP sockets of this process have the address; see CanShare
	Divides   bool                  // what comes to the UDP socket may be divided with another process: see Divide
	Joins     bool                  // another process of this server has the address, and does so
}

// Listener is an open TCP socket. Accept gives a *Conn, Close may be called twice.
type Listener struct {
	*net.TCPListener
	limit *Limit
	proxy func() []netip.Prefix
	log   *slog.Logger
}

// Open opens the TCP socket of addr, which is `[ip:]port` with an IPv6 address in brackets.
// Without an ip it takes IPv4 and IPv6 alike, as far as the machine has both; `0.0.0.0` is
// IPv4 alone and `[::]` IPv6 alone. Port 0 is a free port.
func Open(addr string, o Options) (*Listener, error) {
	e, err := parse(addr)
	if err != nil {
		return nil, err
	}
	return open(e, o)
}

// Apart tells IPv4 from IPv6 where a bare port stands beside `[::]` with the same port, which
// would be part of it.
func Apart(addrs []string) []string {
	addrs = slices.Clone(addrs)
	for i, a := range addrs {
		if a != "0" && slices.Contains(addrs, "[::]:"+a) {
			addrs[i] = "0.0.0.0:" + a
		}
	}
	return addrs
}

// OpenAll opens the TCP sockets of all addrs, or none of them. Here a bare port is IPv4 alone
// when the list has `[::]` for that port too, so `1935 [::]:1935` do not get in each other's way.
func OpenAll(addrs []string, o Options) ([]*Listener, error) {
	addrs = Apart(addrs)
	ends := make([]endpoint, len(addrs))
	for i, addr := range addrs {
		e, err := parse(addr)
		if err != nil {
			return nil, err
		}
		ends[i] = e
	}
	var opened []*Listener
	for _, e := range ends {
		l, err := open(e, o)
		if err != nil {
			for _, l := range opened {
				_ = l.Close()
			}
			return nil, err
		}
		opened = append(opened, l)
	}
	return opened, nil
}

// OpenPacket opens the UDP socket of addr, by the rules of Open. Limit and Proxy are for TCP.
func OpenPacket(addr string, o Options) (*net.UDPConn, error) {
	e, err := parse(addr)
	if err != nil {
		return nil, err
	}
	if c, err := o.Inherited.packet(e); c != nil || err != nil {
		return c, err
	}
	var config net.ListenConfig
	divides := CanDivide && (o.Divides || o.Joins)
	if divides && !o.Shared && !o.Joins {
		if err := free(e); err != nil {
			return nil, err
		}
	}
	if o.Shared || divides {
		config.Control = ShareControl
	}
	c, err := config.ListenPacket(context.Background(), e.network("udp"), e.String())
	if err != nil {
		return nil, explain(err, e, "UDP")
	}
	return c.(*net.UDPConn), nil
}

// free tries whether nobody has the address of a UDP socket, as one that may be shared does not find out. Another program that
// opens it between the two is not noticed.
func free(e endpoint) error {
	c, err := new(net.ListenConfig).ListenPacket(context.Background(), e.network("udp"), e.String())
	if err != nil {
		return explain(err, e, "UDP")
	}
	return c.Close()
}

func open(e endpoint, o Options) (*Listener, error) {
	l := &Listener{limit: o.Limit, proxy: o.Proxy, log: o.Log}
	if l.log == nil {
		l.log = slog.Default()
	}
	var err error
	if l.TCPListener, err = o.Inherited.stream(e); l.TCPListener != nil || err != nil {
		return l, err
	}
	var config net.ListenConfig
	tcp, err := config.Listen(context.Background(), e.network("tcp"), e.String())
	if err != nil {
		return nil, explain(err, e, "TCP")
	}
	l.TCPListener = tcp.(*net.TCPListener)
	return l, nil
}

// Accept waits for the next connection that the limit lets in. The others it closes.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		c := &Conn{TCPConn: tcp, limit: l.limit, log: l.log}
		peer := addrOf(tcp.RemoteAddr())
		if l.proxy != nil {
			for _, p := range l.proxy() {
				c.proxied = c.proxied || p.Contains(peer)
			}
		}
		if c.proxied {
			peer = netip.Addr{} // the client's comes with the header
		}
		if !l.limit.enter(&c.ticket, peer) {
			_ = tcp.Close()
			continue
		}
		return c, nil
	}
}

// Close stops listening; connections live on.
func (l *Listener) Close() error {
	if err := l.TCPListener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// An endpoint is a parsed address. An ip that is not valid is any.
type endpoint struct {
	ip   netip.Addr
	port uint16
}

func parse(addr string) (endpoint, error) {
	var e endpoint
	host, port := "", addr
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		host, port = addr[:i], addr[i+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return e, fmt.Errorf("listen: %q: %w: the port is a number from 0 to 65535", addr, ErrAddress)
	}
	e.port = uint16(n)
	if host == "" {
		return e, nil
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		inner, bracketed = strings.CutSuffix(inner, "]")
	}
	if e.ip, err = netip.ParseAddr(inner); err != nil {
		return e, fmt.Errorf("listen: %q: %w: %q is no ip", addr, ErrAddress, host)
	}
	if bracketed != e.ip.Is6() {
		return e, fmt.Errorf("listen: %q: %w: brackets go around IPv6, as in [::1]:1935", addr, ErrAddress)
	}
	return e, nil
}

func (e endpoint) String() string {
	if !e.ip.IsValid() {
		return ":" + strconv.Itoa(int(e.port))
	}
	return netip.AddrPortFrom(e.ip, e.port).String()
}

// network is what the net package calls the family: a plain "tcp" is both, where there are both.
func (e endpoint) network(base string) string {
	switch {
	case !e.ip.IsValid():
		return base
	case e.ip.Is4():
		return base + "4"
	}
	return base + "6"
}

// explain adds to the error of a socket that did not open what to do about it.
func explain(err error, e endpoint, proto string) error {
	switch {
	case inUse(err):
		return fmt.Errorf("listen: %s port %d is in use by another program or another line of the configuration: "+
			"stop that program (`ss -lnp` or `lsof -i :%d` names it) or choose another port: %w", proto, e.port, e.port, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("listen: %s port %d: not allowed: ports below 1024 need root or CAP_NET_BIND_SERVICE: %w", proto, e.port, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen: %s: this machine has no address %s: %w", proto, e.ip, err)
	}
	return fmt.Errorf("listen: %w", err)
}

// addrOf gives the ip of an address of the net package, 4 bytes long if it can be.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
