package webrtc

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/pion/ice/v4"
)

// seal keeps from a connection what anybody could have written, once its handshake is over: alerts and data in the clear, by
// which somebody who knows no key but the client's address would end its session. The library takes them.
type seal struct {
	closed atomic.Bool
	out    *burst // through which packets go
}

// mux has the connections of a mux under the seal.
func (s *seal) mux(inner ice.UDPMux) ice.UDPMux { return sealedMux{inner, s} }

type sealedMux struct {
	ice.UDPMux
	seal *seal
}

func (m sealedMux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	conn, err := m.UDPMux.GetConn(ufrag, addr)
	if err != nil {
		return nil, err
	}
	sealed := sealedConn{conn, m.seal}
	if fast, ok := conn.(ice.AddrPortReaderWriter); ok {
		return sealedFastConn{sealed, fast}, nil
	}
	return sealed, nil
}

type sealedConn struct {
	net.PacketConn
	seal *seal
}

func (c sealedConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil || !c.seal.closed.Load() || !plain(b[:n]) {
			return n, from, err
		}
	}
}

// sealedFastConn has besides what the library uses where it can.
type sealedFastConn struct {
	sealedConn
	fast ice.AddrPortReaderWriter
}

func (c sealedFastConn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := c.fast.ReadFromAddrPort(b)
		if err != nil || !c.seal.closed.Load() || !plain(b[:n]) {
			return n, from, err
		}
	}
}

func (c sealedFastConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return c.seal.out.write(c.fast, b, to)
}

// plain reports whether a packet has a record of DTLS which is not encrypted, and no part of a handshake: of that the last messages
// may have to be said again.
//
//	| type u8 | version u16 | epoch u16 | number u48 | length u16 | ...
//
// Spec: RFC 6347, 4.1; the types are 20 ChangeCipherSpec, 21 alert, 22 handshake, 23 data. Packets of other protocols begin
// with other bytes (RFC 7983).
func plain(packet []byte) bool {
	const header = 13
	for len(packet) >= header && packet[0] >= 20 && packet[0] < 64 {
		if binary.BigEndian.Uint16(packet[3:]) == 0 && packet[0] != 20 && packet[0] != 22 {
			return true
		}
		packet = packet[min(header+int(binary.BigEndian.Uint16(packet[11:])), len(packet)):]
	}
	return false
}
