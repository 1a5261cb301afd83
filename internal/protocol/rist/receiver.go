package rist

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// The ends of one sender. The next call of ReadPacket waits for another.
var (
	ErrBye     = errors.New("rist: the sender has left")
	ErrSilent  = errors.New("rist: the sender has fallen silent")
	ErrDropped = errors.New("rist: the sender was dropped")
)

// Receiver receives from one sender at a time: the first one to come, until it leaves or is silent for
// Options.Hold. Others are ignored meanwhile.
type Receiver struct {
	// Set at construction.
	o              Options
	speaker        speaker
	media, control *net.UDPConn
	all            sync.WaitGroup

	// Owned by ReadPacket.
	in       [maxPacket]byte
	packet   inbound
	slab     []byte
	failures failures

	// Guarded by mu. Deadlines of sockets are set under it too, so that a later one never replaces an earlier one.
	mu      sync.Mutex
	source  *source // nil: nobody sends
	end     error   // why source is to end
	broken  error   // of the socket for RTCP
	closed  bool
	report  time.Duration // when the next report is due
	mediaAt alarm
	speakAt alarm
	stats   Stats
}

// alarm is the deadline that a socket has: 0 is none.
type alarm time.Duration

// Listen receives on addr, host:port, whose port is even: it is RTP's, and the one after it RTCP's. Port 0 takes any two. A
// multicast address joins the group.
func Listen(addr string, o Options) (*Receiver, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	media, control, err := listenPair(addr, o.Interface)
	if err != nil {
		return nil, err
	}
	r := &Receiver{o: o, speaker: speaker{rand.Uint32(), o.CNAME}, media: media, control: control}
	r.all.Go(r.speak)
	return r, nil
}

// Addr is where RTP comes in.
func (r *Receiver) Addr() netip.AddrPort {
	return plain(r.media.LocalAddr().(*net.UDPAddr).AddrPort())
}

// ReadPacket returns the next packet, in the order of sending; it waits until there is one. It is for one goroutine, which
// is to call it steadily: packets wait in the system's buffer otherwise. ErrBye, ErrSilent and ErrDropped end a
// sender, and io.EOF the Receiver, after Close.
func (r *Receiver) ReadPacket() (Packet, error) {
	for {
		p, ok, err := r.take()
		if ok || err != nil {
			return p, err
		}
		n, from, err := r.media.ReadFromUDPAddrPort(r.in[:])
		switch r.failures.judge(err) {
		case readClosed:
			return Packet{}, io.EOF
		case readBroken:
			return Packet{}, fmt.Errorf("rist: %w", err)
		}
		if err == nil {
			r.accept(now(), plain(from), r.in[:n])
		}
	}
}

// Heard is when the present sender's last packet came, in ns as media.Now; 0 while nobody sends.
func (r *Receiver) Heard() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source == nil {
		return 0
	}
	return int64(r.source.heard)
}

// Drop ends the present sender: ReadPacket returns ErrDropped. If it goes on sending, it is a new one.
func (r *Receiver) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finish(ErrDropped)
}

// Stats returns what has been counted.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	if r.source != nil {
		s.RTT = r.source.trip.smooth
	}
	return s
}

// Close ends the Receiver, and tells the sender. It waits for all but ReadPacket's caller; it may be called twice and
// from anywhere.
func (r *Receiver) Close() error {
	r.mu.Lock()
	first := !r.closed
	r.closed = true
	to := r.peer()
	r.mu.Unlock()
	if first && to.IsValid() {
		_, _ = r.control.WriteToUDPAddrPort(r.speaker.bye(r.speaker.receiver()), to) // it may be lost anyway
	}
	var err error
	if first {
		err = errors.Join(r.media.Close(), r.control.Close())
	}
	r.all.Wait()
	return err
}

// peer is where RTCP goes; mu is held.
func (r *Receiver) peer() netip.AddrPort {
	if r.source == nil {
		return netip.AddrPort{}
	}
	return r.source.control
}
