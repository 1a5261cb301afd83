// Package relay stands between UDP clients and one server and makes the weather: loss,
// delay, disorder and a narrow link, from a seed, where the kernel has no netem.
package relay

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	maxClients = 256     // addresses, for the life of a relay
	maxPacket  = 1 << 16 // bytes; UDP has no longer ones

	// socketBuffer is some 0.6 s of 50 Mbps. The kernel may grant less.
	socketBuffer = 4 << 20
)

// Relay passes packets on between clients and a server. The server sees a different port for
// each address of a client, on its own host.
type Relay struct {
	// Set at construction.
	t        testing.TB
	server   netip.AddrPort
	front    *net.UDPConn
	up, down *way

	rule   atomic.Pointer[func(up bool, packet []byte) bool]
	newest atomic.Pointer[caller]
	asking sync.Mutex // one call of the rule at a time

	trouble sync.Once // one failure is told, not one per packet
	wg      sync.WaitGroup
}

// New starts a relay to a server on an address of this machine; an unspecified one is
// 127.0.0.1. Weather up is from clients to the server. The relay ends with the test, and what
// is still on its way then is dropped.
func New(t testing.TB, server string, up, down Weather) *Relay {
	t.Helper()
	to, err := resolve(server)
	if err != nil {
		t.Fatal("relay:", err)
	}
	r, err := begin(t, to, 0, up, down)
	if err != nil {
		t.Fatal("relay:", err)
	}
	return r
}

// begin starts a relay on a port; 0 is any.
func begin(t testing.TB, to netip.AddrPort, port uint16, up, down Weather) (*Relay, error) {
	r := &Relay{t: t, server: to}
	r.up, r.down = newWay(up, 0, r.fail), newWay(down, 1, r.fail)
	var err error
	if r.front, err = r.open(port); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		close(done)
		r.front.Close()
		r.wg.Wait()
	})
	r.wg.Go(func() { r.up.run(done) })
	r.wg.Go(func() { r.down.run(done) })
	r.wg.Go(r.serve)
	return r, nil
}

// Addr is where clients send to: the server's host, and a port of the relay.
func (r *Relay) Addr() string { return r.front.LocalAddr().String() }

// Set changes the weather for packets from now on. Those on their way keep their delay, and
// later ones stay behind them; those that wait for a Rate go on at the new one.
func (r *Relay) Set(up, down Weather) {
	r.up.set(up)
	r.down.set(down)
}

// Counts tells what became of the packets so far. One counts as Passed just before it is sent.
func (r *Relay) Counts() (up, down Count) { return r.up.count(), r.down.count() }

// Filter sets an extra rule, asked for each packet before the weather, and nil ends it: the
// rule returns false to drop the packet. Calls come from the relay's goroutines but one at a
// time. It may call Set and Counts; it must not block, and not change the packet or keep it.
func (r *Relay) Filter(rule func(up bool, packet []byte) bool) {
	if rule == nil {
		r.rule.Store(nil)
		return
	}
	r.rule.Store(&rule)
}

// Send puts a packet on its way as if the newest client, or the server to it, had sent it; the rule is not asked. Without any
// client there is nobody to send for, and it is dropped.
func (r *Relay) Send(up bool, packet []byte) {
	c := r.newest.Load()
	switch {
	case c == nil:
	case up:
		r.up.push(c.up, bytes.Clone(packet))
	default:
		r.down.push(c.down, bytes.Clone(packet))
	}
}

// caller is where the packets of a client go, and those for it.
type caller struct {
	up, down *flow
}

// pass puts a copy of a packet on its way if the rule lets it.
func (r *Relay) pass(w *way, f *flow, data []byte) {
	data = bytes.Clone(data)
	if !r.allowed(w == r.up, data) {
		w.filtered(len(data))
		return
	}
	w.push(f, data)
}

func (r *Relay) allowed(up bool, data []byte) bool {
	rule := r.rule.Load()
	if rule == nil {
		return true
	}
	r.asking.Lock()
	defer r.asking.Unlock()
	return (*rule)(up, data)
}

// serve reads what clients send until the front closes. It owns the clients' sockets.
func (r *Relay) serve() {
	clients := map[netip.AddrPort]*flow{} // to the server
	defer func() {
		for _, f := range clients {
			f.conn.Close()
		}
	}()
	r.read(r.front, func(from netip.AddrPort, data []byte) {
		f := clients[from]
		if f == nil {
			var err error
			if f, err = r.admit(from, len(clients)); err != nil {
				r.fail(err)
				return
			}
			clients[from] = f
		}
		r.pass(r.up, f, data)
	})
}

// admit opens a socket for a new client and reads the server's answers from it until it closes.
func (r *Relay) admit(client netip.AddrPort, others int) (*flow, error) {
	if others == maxClients {
		return nil, fmt.Errorf("more than %d clients", maxClients)
	}
	conn, err := r.open(0)
	if err != nil {
		return nil, err
	}
	back := &flow{conn: r.front, to: client}
	r.wg.Go(func() {
		r.read(conn, func(from netip.AddrPort, data []byte) {
			if from == r.server {
				r.pass(r.down, back, data)
			}
		})
	})
	there := &flow{conn: conn, to: r.server}
	r.newest.Store(&caller{up: there, down: back})
	return there, nil
}

// read hands over what comes to a socket until it closes. The data is the reader's again
// after the call. Other errors are about a packet sent before, to nobody: Windows tells.
func (r *Relay) read(conn *net.UDPConn, take func(from netip.AddrPort, data []byte)) {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil:
			take(plain(from), buf[:n])
		case errors.Is(err, net.ErrClosed):
			return
		}
	}
}

// open returns a socket on the server's host and a port, 0 is any. It is not connected: a connected one fails a
// send for each packet before that found no server, and so loses one that would have.
func (r *Relay) open(port uint16) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.server.Addr(), port)))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(conn.SetReadBuffer(socketBuffer), conn.SetWriteBuffer(socketBuffer)); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// fail fails the test: what the relay cannot pass on would look like weather.
func (r *Relay) fail(err error) {
	r.trouble.Do(func() { r.t.Error("relay:", err) })
}

func resolve(server string) (netip.AddrPort, error) {
	a, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		return netip.AddrPort{}, err
	}
	to := plain(a.AddrPort())
	if !to.IsValid() || to.Addr().IsUnspecified() {
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.Port())
	}
	return to, nil
}

// plain writes an IPv4 address always the same way, so that addresses can be compared.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
