package listen

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// TestDivide has two groups of sockets of one address: known peers stay with the first, all others come to the second, also
// once the first is closed.
func TestDivide(t *testing.T) {
	for name, c := range map[string]struct {
		listen, dial string
		sockets      int
		ids          bool
	}{
		"IPv4":         {"127.0.0.1:0", "127.0.0.1", 1, false},
		"both, IPv4":   {"0", "127.0.0.1", 1, false},
		"both, IPv6":   {"0", "::1", 1, false},
		"many sockets": {"127.0.0.1:0", "127.0.0.1", 3, false},
		"SRT":          {"127.0.0.1:0", "127.0.0.1", 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(addr string, o Options) *net.UDPConn {
				t.Helper()
				conn, err := OpenPacket(addr, o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				return conn
			}
			first := []*net.UDPConn{open(c.listen, Options{Shared: c.sockets > 1, Divides: true})}
			at := first[0].LocalAddr().(*net.UDPAddr)
			host, _, _ := net.SplitHostPort(c.listen)
			addr := strconv.Itoa(at.Port)
			if host != "" {
				addr = host + ":" + addr
			}
			if _, err := OpenPacket(addr, Options{Divides: true}); err == nil {
				t.Error("an address that is taken is opened")
			}
			for range c.sockets - 1 {
				first = append(first, open(addr, Options{Shared: true}))
			}
			d := Division{Sockets: c.sockets}
			var known, strange []net.Conn
			for i := range 450 { // more than a chunk
				conn, err := net.Dial("udp", net.JoinHostPort(c.dial, strconv.Itoa(at.Port)))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if i%9 != 0 {
					strange = append(strange, conn)
				} else {
					known = append(known, conn)
				}
				ap := conn.LocalAddr().(*net.UDPAddr).AddrPort()
				switch ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()); {
				case c.ids:
					d.IDs = append(d.IDs, uint32(i)+1)
				case i%9 == 0:
					d.Peers = append(d.Peers, ap)
				default: // somebody who is not there
					d.Peers = append(d.Peers, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 7}), 5000))
				}
			}
			if c.ids {
				d.IDs = d.IDs[:300]
			}
			raw, err := first[0].SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			if err := Divide(raw, d); err != nil {
				t.Fatal(err)
			}
			send := func(who []net.Conn, id uint32) {
				b := binary.BigEndian.AppendUint32(make([]byte, idOffset), id)
				for _, conn := range who[:20] {
					if _, err := conn.Write(b); err != nil {
						t.Fatal(err)
					}
				}
			}
			got := func(sockets []*net.UDPConn) (n int) {
				for _, s := range sockets {
					for {
						_ = s.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
						if _, _, err := s.ReadFrom(make([]byte, 100)); err != nil {
							break
						}
						n++
					}
				}
				return n
			}
			send(known, 300)
			send(strange, 0)
			if n := got(first); n != 40 {
				t.Errorf("%d packets come before there are others, want all 40", n)
			}
			var second []*net.UDPConn
			for range c.sockets {
				second = append(second, open(addr, Options{Joins: true}))
			}
			send(known, 300)
			send(strange, 0)
			if a, b := got(first), got(second); a != 20 || b != 20 {
				t.Errorf("%d and %d packets come, want 20 each", a, b)
			}
			for _, s := range first {
				s.Close()
			}
			send(known, 300)
			send(strange, 0)
			if n := got(second); n != 40 {
				t.Errorf("%d packets come when the others are closed, want all 40", n)
			}
		})
	}
	var d Division
	d.IDs = make([]uint32, maxDivided+1)
	conn, err := OpenPacket("127.0.0.1:0", Options{Divides: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := Divide(raw, d); err == nil {
		t.Error("too many peers are taken")
	}
	d.IDs = d.IDs[:maxDivided]
	if err := Divide(raw, d); err != nil {
		t.Error(err)
	}
}
