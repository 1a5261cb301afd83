package webrtc

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxStrangers = 256              // connections that have not shown yet whose they are
	strangerWait = 10 * time.Second // for which they may take until then
	maxUnsent    = 512 << 10        // bytes that wait for a slow client; what comes on top of them is lost, as on a network
	keptUnsent   = 64 << 10         // of these, bytes of memory that are kept
	slowWrite    = 10 * time.Second // for which a client may take nothing
	lastWrite    = time.Second      // the same, at the session's end
	frameHead    = 2                // bytes of a packet's length in front of it
)

// tcpMux takes the connections of clients that have no UDP. Each packet has its length in front of it.
//
//	| length u16 | packet | ...
//
// Spec: RFC 6544; RFC 4571, 2. A connection begins with a check, which names its client.
type tcpMux struct {
	// Set at construction.
	lobby     *lobby
	port      int
	free      sync.Pool     // of *datagram
	strangers chan struct{} // a place for each
}

func newTCPMux(l *lobby, port int) *tcpMux {
	m := &tcpMux{lobby: l, port: port, strangers: make(chan struct{}, maxStrangers)}
	m.free.New = func() any { return new(datagram) }
	return m
}

// Close is for form's sake: connections end with the server, or with their clients.
func (m *tcpMux) Close() error { return nil }

// GetConnByUfrag makes the cable of a client.
func (m *tcpMux) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	n := tcp4
	if isIPv6 {
		n = tcp6
	}
	w := m.lobby.newCable(ufrag, n, &net.TCPAddr{IP: local, Port: m.port}, &m.free)
	m.lobby.add(w)
	return w, nil
}

// RemoveConnByUfrag ends the cables of a client.
func (m *tcpMux) RemoveConnByUfrag(ufrag string) { m.lobby.drop(ufrag, tcp4) }

// ServeTCP serves a connection that may be WebRTC over TCP, until it ends. It is a listen.Handler.
func (v *Server) ServeTCP(ctx context.Context, c net.Conn) {
	if v.tcp != nil {
		v.tcp.serve(ctx, c)
	}
}

func (m *tcpMux) serve(ctx context.Context, c net.Conn) {
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	select {
	case m.strangers <- struct{}{}:
	default:
		return
	}
	way := &tcpWay{conn: c, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	src := bufio.NewReaderSize(c, 2*receiveMTU)
	w, first := m.greet(way, src)
	<-m.strangers
	if w == nil {
		return
	}
	var writing sync.WaitGroup
	writing.Go(func() { way.write(w.done) })
	defer writing.Wait()
	defer c.Close()
	defer close(way.gone)
	settled := false
	for d := first; w.push(d); {
		if !settled && w.proven(way.from) {
			settled = true
			_ = c.SetReadDeadline(time.Time{}) // a connection that is gone tells so when it is read
		}
		d = m.free.Get().(*datagram)
		d.from = way.from
		if d.n = readFramed(src, d.b[:receiveMTU]); d.n == 0 {
			break
		}
		if b := d.b[:d.n]; isCheck(b) {
			c, ok := readCheck(b)
			if !ok || string(c.ufrag) != w.ufrag || !m.lobby.contactOf(w.ufrag).checked(way.from, "tcp", c) {
				break
			}
		} else if b[0] >= 20 && b[0] <= 63 {
			m.lobby.contactOf(w.ufrag).shook()
		}
	}
	contact := m.lobby.contactOf(w.ufrag)
	if w.part(way.from, way) && !closed(w.done) {
		contact.hungUp()
	}
}

// greet reads the first packet of a connection, and finds whose it is; nil is nobody's.
func (m *tcpMux) greet(way *tcpWay, src *bufio.Reader) (*cable, *datagram) {
	if way.conn.SetReadDeadline(time.Now().Add(strangerWait)) != nil {
		return nil, nil
	}
	at, ok := way.conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil, nil
	}
	way.from = canonical(at.AddrPort())
	d := m.free.Get().(*datagram)
	d.from, d.n = way.from, readFramed(src, d.b[:receiveMTU])
	c, ok := readCheck(d.b[:d.n])
	if !ok {
		return nil, nil
	}
	w, contact := m.lobby.find(c.ufrag, over(tcp4, way.from.Addr()))
	if w == nil || !contact.checked(way.from, "tcp", c) || !w.meet(way.from, way) {
		return nil, nil
	}
	return w, d
}

// readFramed reads the next packet, and returns its length: 0 where there is none, or one that is too long.
func readFramed(src *bufio.Reader, b []byte) int {
	for {
		head, err := src.Peek(frameHead)
		if err != nil {
			return 0
		}
		n := int(binary.BigEndian.Uint16(head))
		_, _ = src.Discard(frameHead) // it has been peeked at
		if n > len(b) {
			return 0
		}
		if _, err := io.ReadFull(src, b[:n]); err != nil {
			return 0
		}
		if n > 0 {
			return n
		}
	}
}

// tcpWay is a connection of a client's.
type tcpWay struct {
	// Set at construction.
	conn net.Conn
	from netip.AddrPort
	wake chan struct{}
	gone chan struct{} // closed when nothing more is read

	mu  sync.Mutex
	out []byte // Guarded by mu: packets that wait, each with its length.
}

// send puts a packet behind those that wait. It never blocks.
func (w *tcpWay) send(b []byte, _ netip.AddrPort) error {
	w.mu.Lock()
	if len(w.out)+frameHead+len(b) > maxUnsent || len(b) > receiveMTU {
		w.mu.Unlock()
		return nil // lost
	}
	w.out = append(binary.BigEndian.AppendUint16(w.out, uint16(len(b))), b...)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// write sends what waits, as many packets at once as there are, until the connection or the client's session ends. Then
// it closes the connection.
func (w *tcpWay) write(done <-chan struct{}) {
	defer w.conn.Close()
	var spare []byte
	for patience, last := slowWrite, false; !last; {
		select {
		case <-w.wake:
		case <-done:
			patience, last = lastWrite, true // what says that the session ends
		case <-w.gone:
			return
		}
		w.mu.Lock()
		full := w.out
		w.out = spare[:0]
		w.mu.Unlock()
		if w.conn.SetWriteDeadline(time.Now().Add(patience)) != nil {
			return
		}
		if _, err := w.conn.Write(full); err != nil {
			return
		}
		if spare = full; cap(spare) > keptUnsent {
			spare = nil
		}
	}
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
