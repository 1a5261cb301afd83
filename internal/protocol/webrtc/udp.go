package webrtc

import (
	"errors"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// readPause is how long a socket that fails is left alone.
const readPause = 10 * time.Millisecond

// maxVain is after how many bursts that the system does not cut it is not asked to any more.
const maxVain = 100

// udpMux shares UDP sockets among clients. Checks find their client by its ufrag, also where another had the address
// before; all else by the address from which a check was answered. What is neither is dropped, and leaves nothing behind.
type udpMux struct {
	// Set at construction.
	lobby   *lobby
	sockets []*net.UDPConn
	free    sync.Pool // of *datagram
	reading sync.WaitGroup

	mu     sync.RWMutex
	cables map[netip.AddrPort]*cable // Guarded by mu: of proven addresses.
}

// newUDPMux reads from the sockets until they are closed.
func newUDPMux(l *lobby, sockets []*net.UDPConn) *udpMux {
	m := &udpMux{lobby: l, sockets: sockets, cables: map[netip.AddrPort]*cable{}}
	m.free.New = func() any { return new(datagram) }
	for _, conn := range sockets {
		m.reading.Go(func() { m.read(conn) })
	}
	return m
}

// Close closes the sockets, and waits for those who read them.
func (m *udpMux) Close() error {
	for _, conn := range m.sockets {
		_ = conn.Close()
	}
	m.reading.Wait()
	return nil
}

// GetListenAddresses names one address for each family that the sockets have: a client has one cable for each.
func (m *udpMux) GetListenAddresses() (list []net.Addr) {
	local := m.sockets[0].LocalAddr().(*net.UDPAddr)
	four, six := false, false
	for _, conn := range m.sockets {
		ip := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		four = four || ip.Is4() || ip.IsUnspecified()
		six = six || ip.Is6()
	}
	if four {
		list = append(list, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: local.Port})
	}
	if six {
		list = append(list, &net.UDPAddr{IP: net.IPv6loopback, Port: local.Port})
	}
	return list
}

// GetConn makes the cable of a client.
func (m *udpMux) GetConn(ufrag string, local net.Addr) (net.PacketConn, error) {
	n := udp4
	if at, ok := local.(*net.UDPAddr); ok && at.IP.To4() == nil {
		n = udp6
	}
	w := m.lobby.newCable(ufrag, n, local, &m.free)
	w.known, w.leave = m.know, m.forget
	m.lobby.add(w)
	return w, nil
}

// RemoveConnByUfrag ends the cables of a client.
func (m *udpMux) RemoveConnByUfrag(ufrag string) { m.lobby.drop(ufrag, udp4) }

// know has what comes from an address go to a cable, and to no other any more.
func (m *udpMux) know(at netip.AddrPort, w *cable) {
	m.mu.RLock()
	same := m.cables[at] == w
	m.mu.RUnlock()
	if same {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-w.done: // it would stay
	default:
		m.cables[at] = w
	}
}

// forget removes the addresses of a cable that is closed.
func (m *udpMux) forget(w *cable) {
	w.mu.Lock()
	peers := w.peers
	w.peers = nil
	w.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range peers {
		if m.cables[p.at] == w {
			delete(m.cables, p.at)
		}
	}
}

// peers are the proven addresses.
func (m *udpMux) peers() []netip.AddrPort {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Collect(maps.Keys(m.cables))
}

// read hands out what comes through a socket, until that is closed.
func (m *udpMux) read(conn *net.UDPConn) {
	via := &socket{conn: conn}
	d := m.free.Get().(*datagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(d.b[:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(readPause)
			continue
		case n == 0 || n > receiveMTU:
			continue
		}
		d.n, d.from = n, canonical(from)
		if w := m.route(d, via); w != nil && w.offer(d) {
			d = m.free.Get().(*datagram)
		}
	}
}

// route finds the client of a packet; nil is none.
func (m *udpMux) route(d *datagram, via outward) *cable {
	b := d.b[:d.n]
	if isCheck(b) {
		c, ok := readCheck(b)
		if !ok {
			return nil
		}
		w, contact := m.lobby.find(c.ufrag, over(udp4, d.from.Addr()))
		if w == nil || !contact.checked(d.from, "udp", c) || !w.meet(d.from, via) {
			return nil
		}
		return w
	}
	m.mu.RLock()
	w := m.cables[d.from]
	m.mu.RUnlock()
	if w != nil && b[0] >= 20 && b[0] <= 63 {
		m.lobby.contactOf(w.ufrag).shook()
	}
	return w
}

// socket sends packets through a UDP socket.
type socket struct {
	conn *net.UDPConn
	vain atomic.Int32 // bursts in a row that the system has not cut
}

func (s *socket) send(b []byte, to netip.AddrPort) error {
	_, err := s.conn.WriteToUDPAddrPort(b, to)
	return err
}

// several sends packets that lie behind each other.
func (s *socket) several(b []byte, size int, to netip.AddrPort) error {
	if canSegment && len(b) > size && s.vain.Load() < maxVain {
		err := sendSegments(s.conn, b, size, to)
		if err == nil {
			s.vain.Store(0)
			return nil
		}
		s.vain.Add(1) // not this kernel, or not on the way to this client: one by one then
	}
	return each(b, size, func(b []byte) error { return s.send(b, to) })
}
