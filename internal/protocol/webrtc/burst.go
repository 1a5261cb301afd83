package webrtc

import (
	"net/netip"
	"sync"

	"github.com/pion/ice/v4"
)

const (
	maxBurst      = 64           // packets that are sent with one system call
	maxBurstBytes = 60_000       // of them
	media0        = byte(2) << 6 // from here on the first bytes of packets of media are; RFC 9443
)

// several is a way out for packets of one size behind each other, of which the last may be shorter.
type several interface {
	WriteSeveral(b []byte, size int, to netip.AddrPort) error
}

// burst gathers the packets of media that a player is sent at one go, and has those of one size leave with one system call:
// the packets of a picture are. The zero burst gathers nothing.
type burst struct {
	mu   sync.Mutex // guards what follows
	held bool
	conn several
	to   netip.AddrPort
	size int // of the first packet
	n    int
	full bool // a shorter one has come: it is the last
	b    *[]byte
}

// bursts are the memory of what is gathered: few are in use at once.
var bursts = sync.Pool{New: func() any { b := make([]byte, 0, maxBurstBytes); return &b }}

// hold has packets gathered until flush.
func (u *burst) hold() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = true
}

// flush sends what has been gathered, and all that comes from now on at once.
func (u *burst) flush() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = false
	_ = u.send() // that the client has gone is noticed by who reads
}

// write sends a packet, or keeps a copy to send it with others.
func (u *burst) write(conn ice.AddrPortReaderWriter, b []byte, to netip.AddrPort) (int, error) {
	out, able := conn.(several)
	u.mu.Lock()
	if !u.held || !able || len(b) == 0 || b[0] < media0 {
		u.mu.Unlock()
		return conn.WriteToAddrPort(b, to)
	}
	defer u.mu.Unlock()
	var err error
	if u.n > 0 && (u.full || out != u.conn || to != u.to || len(b) > u.size || u.n == maxBurst || len(*u.b)+len(b) > maxBurstBytes) {
		err = u.send()
	}
	if u.n == 0 {
		u.conn, u.to, u.size, u.b = out, to, len(b), bursts.Get().(*[]byte)
	}
	u.full = len(b) < u.size
	*u.b = append(*u.b, b...)
	u.n++
	return len(b), err
}

// send sends what there is; mu is held.
func (u *burst) send() error {
	if u.n == 0 {
		return nil
	}
	err := u.conn.WriteSeveral(*u.b, u.size, u.to)
	*u.b = (*u.b)[:0]
	bursts.Put(u.b)
	u.b, u.n, u.full, u.conn = nil, 0, false, nil
	return err
}

// each calls send with each of some packets behind each other.
func each(b []byte, size int, send func([]byte) error) error {
	for len(b) > 0 {
		n := min(size, len(b))
		if err := send(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
