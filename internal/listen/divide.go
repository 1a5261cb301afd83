package listen

import (
	"errors"
	"net/netip"
)

// maxDivided bounds the peers that a Division knows: the system takes no longer programs.
const maxDivided = 1800

// ErrDivide is wrapped by the errors of Divide.
var ErrDivide = errors.New("listen: what comes to a UDP port cannot be divided")

// Division says whose UDP packets stay with the sockets that have an address now, once another process opens as many sockets of
// the same address with Options.Joins.
type Division struct {
	Sockets int              // that this process has of the address
	IDs     []uint32         // SRT sockets here: the number at offset 12 of a packet
	Peers   []netip.AddrPort // who sends
}

// size is how many peers there are.
func (d *Division) size() int { return len(d.IDs) + len(d.Peers) }
