package webrtc

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxInbox = 512 // packets of a client that wait to be looked at
	maxPeers = 64  // addresses of a client's; it may come from others only where ICE begins anew
)

// datagram is a packet with its sender.
type datagram struct {
	from netip.AddrPort
	n    int
	b    [receiveMTU + 1]byte // one more shows that there was more
}

// outward is what sends packets: a socket, or a connection.
type outward interface {
	send(b []byte, to netip.AddrPort) error
}

// peer is an address of a client's.
type peer struct {
	at     netip.AddrPort
	via    outward
	proven bool // a check from there was in order, and has been answered
}

// cable is a net.PacketConn of one client's packets over one network. The library reads and writes it as if it were a
// socket of its own.
type cable struct {
	// Set at construction.
	lobby   *lobby
	ufrag   string
	network network
	local   net.Addr
	free    *sync.Pool // of *datagram
	known   func(at netip.AddrPort, w *cable)
	leave   func(*cable)

	inbox chan *datagram
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	peers []peer // Guarded by mu; maxPeers at most.
}

func (l *lobby) newCable(ufrag string, n network, local net.Addr, free *sync.Pool) *cable {
	return &cable{
		lobby: l, ufrag: ufrag, network: n, local: local, free: free,
		known: func(netip.AddrPort, *cable) {}, leave: func(*cable) {},
		inbox: make(chan *datagram, maxInbox), done: make(chan struct{}),
	}
}

// meet remembers where a check has come from, so that it can be answered. It is false if there is no room: what is not
// proven makes no room for itself at the expense of what is.
func (w *cable) meet(at netip.AddrPort, via outward) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	spare := -1
	for i := range w.peers {
		switch p := &w.peers[i]; {
		case p.at == at:
			p.via = via
			return true
		case !p.proven && spare < 0:
			spare = i
		}
	}
	switch {
	case len(w.peers) < maxPeers:
		w.peers = append(w.peers, peer{at: at, via: via})
	case spare >= 0:
		if way, ok := w.peers[spare].via.(*tcpWay); ok {
			_ = way.conn.Close()
		}
		w.peers = append(append(w.peers[:spare:spare], w.peers[spare+1:]...), peer{at: at, via: via})
	default:
		return false
	}
	return true
}

// part forgets an address. It reports whether that was a proven one, and the last of these.
func (w *cable) part(at netip.AddrPort, via outward) (last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, p := range w.peers {
		if p.at == at && p.via == via {
			w.peers = append(w.peers[:i:i], w.peers[i+1:]...)
			last = p.proven
			break
		}
	}
	for _, p := range w.peers {
		last = last && !p.proven
	}
	return last
}

// proven reports whether a check from an address has been answered.
func (w *cable) proven(at netip.AddrPort) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.peers {
		if w.peers[i].at == at {
			return w.peers[i].proven
		}
	}
	return false
}

// offer hands a packet over, unless there is no room; it is false then.
func (w *cable) offer(d *datagram) bool {
	select {
	case <-w.done:
		return false
	default:
	}
	select {
	case w.inbox <- d:
		return true
	default:
		return false
	}
}

// push hands a packet over, and waits for room. It is false if the cable is closed.
func (w *cable) push(d *datagram) bool {
	select {
	case w.inbox <- d:
		return true
	case <-w.done:
		return false
	}
}

// ReadFromAddrPort waits for a packet. It is what the library calls; ReadFrom is for form's sake.
func (w *cable) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-w.inbox:
		n, from := copy(b, d.b[:d.n]), d.from
		w.free.Put(d)
		return n, from, nil
	case <-w.done:
		return 0, netip.AddrPort{}, io.EOF
	}
}

// WriteToAddrPort sends a packet to an address from which a check has come; to all others nothing is sent. It does not
// block on a slow client.
func (w *cable) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-w.done:
		return 0, io.ErrClosedPipe
	default:
	}
	to = canonical(to)
	yes := isYes(b)
	via := w.way(to, yes)
	if via == nil {
		return len(b), nil
	}
	if yes {
		w.known(to, w)
		w.lobby.contactOf(w.ufrag).answered(to)
	}
	return len(b), via.send(b, to)
}

// WriteSeveral sends packets of one size that lie behind each other, of which the last may be shorter.
func (w *cable) WriteSeveral(b []byte, size int, to netip.AddrPort) error {
	select {
	case <-w.done:
		return io.ErrClosedPipe
	default:
	}
	to = canonical(to)
	switch via := w.way(to, false).(type) {
	case nil:
		return nil
	case *socket:
		return via.several(b, size, to)
	default:
		return each(b, size, func(b []byte) error { return via.send(b, to) })
	}
}

// way returns how packets go to an address, nil if nothing is sent there. Proven says that a check from there is answered.
func (w *cable) way(to netip.AddrPort, proven bool) (via outward) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.peers {
		if p := &w.peers[i]; p.at == to {
			via, p.proven = p.via, p.proven || proven
			w.peers[0], w.peers[i] = w.peers[i], w.peers[0] // the one in use is found at once
			break
		}
	}
	return via
}

// ReadFrom is the same with another form of an address.
func (w *cable) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := w.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, w.addr(from), nil
}

// WriteTo is the same with another form of an address.
func (w *cable) WriteTo(b []byte, to net.Addr) (int, error) {
	var at netip.AddrPort
	switch to := to.(type) {
	case *net.UDPAddr:
		at = to.AddrPort()
	case *net.TCPAddr:
		at = to.AddrPort()
	}
	return w.WriteToAddrPort(b, at)
}

func (w *cable) addr(at netip.AddrPort) net.Addr {
	if w.network >= tcp4 {
		return net.TCPAddrFromAddrPort(at)
	}
	return net.UDPAddrFromAddrPort(at)
}

// Close may be called twice and from anywhere.
func (w *cable) Close() error {
	w.once.Do(func() {
		close(w.done)
		w.lobby.remove(w)
		w.leave(w)
	})
	return nil
}

// LocalAddr is a placeholder: clients are told the candidates of the configuration.
func (w *cable) LocalAddr() net.Addr { return w.local }

// SetDeadline is for form's sake, as are those below: reads end with Close, and writes do not block.
func (w *cable) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is for form's sake.
func (w *cable) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is for form's sake.
func (w *cable) SetWriteDeadline(time.Time) error { return nil }
