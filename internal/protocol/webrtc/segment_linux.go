package webrtc

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// canSegment says that the system can cut what it is given into packets.
const canSegment = true

// sendSegments has the system send packets of one size, which lie behind each other, as one: it cuts them late, and so does
// most of its work once. Spec: udp(7), UDP_SEGMENT.
func sendSegments(conn *net.UDPConn, b []byte, size int, to netip.AddrPort) error {
	var room [24]byte // unix.CmsgSpace(2), which no constant says
	control := room[:unix.CmsgSpace(2)]
	order := binary.NativeEndian
	if length := unix.CmsgLen(2); unix.SizeofCmsghdr == 16 { // its length is a word
		order.PutUint64(control, uint64(length))
	} else {
		order.PutUint32(control, uint32(length))
	}
	at := unix.SizeofCmsghdr - 8
	order.PutUint32(control[at:], unix.IPPROTO_UDP)
	order.PutUint32(control[at+4:], unix.UDP_SEGMENT)
	order.PutUint16(control[unix.CmsgLen(0):], uint16(size))
	_, _, err := conn.WriteMsgUDPAddrPort(b, control, to)
	return err
}
