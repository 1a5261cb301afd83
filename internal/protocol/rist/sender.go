package rist

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
)

// ErrBroken is wrapped by what WritePacket and ReadPacket say once the socket for RTCP cannot be used any more.
var ErrBroken = errors.New("rist: broken")

// ErrPayload is what WritePacket says of what is not one to seven packets of a transport stream.
var ErrPayload = errors.New("rist: a payload is one to seven packets of a transport stream")

// Sender sends to one address, whether somebody is there or not.
type Sender struct {
	// Set at construction.
	o              Options
	speaker        speaker
	media, control *net.UDPConn
	to, toControl  netip.AddrPort
	origin         uint32 // of timestamps: a random one, as RFC 3550, 5.1, wants
	all            sync.WaitGroup

	// Owned by repair.
	out []byte // a packet that is sent again

	// Guarded by mu.
	mu      sync.Mutex
	next    int64 // number of the next packet
	history history
	trip    roundTrip
	spoken  journal
	report  time.Duration // when the next report is due
	heard   time.Duration // 0: nothing yet
	closed  bool
	broken  error
	stats   Stats
}

// Dial sends to addr, host:port, whose port is even; RTCP goes to the one after it. It says nothing of whether anybody
// is there: see Heard.
func Dial(addr string, o Options) (*Sender, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("rist: %w", err)
	}
	to := plain(at.AddrPort())
	if to.Port()%2 != 0 || to.Port() == 0 {
		return nil, fmt.Errorf("rist: port %d: RTP is sent to an even port, and RTCP to the one after it", to.Port())
	}
	if to.Addr().IsUnspecified() || !to.Addr().IsValid() {
		return nil, fmt.Errorf("rist: %s is no address to send to", addr)
	}
	s := &Sender{
		o: o, speaker: speaker{rand.Uint32() &^ 1, o.CNAME}, to: to, toControl: netip.AddrPortFrom(to.Addr(), to.Port()+1),
		origin: rand.Uint32(), next: int64(rand.N(1 << 15)), history: history{length: o.Buffer},
	}
	for _, conn := range []**net.UDPConn{&s.media, &s.control} {
		if *conn, err = net.ListenUDP("udp", nil); err != nil {
			return nil, errors.Join(fmt.Errorf("rist: %w", err), s.shut())
		}
		enlarge(*conn)
	}
	s.all.Go(s.repair)
	return s, nil
}

// WritePacket sends one to seven packets of a transport stream, and keeps a copy for Options.Buffer; ts is the caller's
// again. It is for one goroutine. An error of the network loses the packet and no more: it may still be asked for.
// After Close the error is net.ErrClosed.
func (s *Sender) WritePacket(ts []byte) error {
	if !isTS(ts) || len(ts) > MaxPayload {
		return fmt.Errorf("%w: %d bytes", ErrPayload, len(ts))
	}
	wire, err := s.wrap(now(), ts)
	if err != nil {
		return err
	}
	// Only the next call may reuse wire.
	if _, err := s.media.WriteToUDPAddrPort(wire, s.to); err != nil {
		return fmt.Errorf("rist: %w", err)
	}
	return nil
}

// wrap makes a packet, and keeps it.
func (s *Sender) wrap(now time.Duration, ts []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, net.ErrClosed
	case s.broken != nil:
		return nil, s.broken
	}
	header := rtp.Header{
		Version: 2, PayloadType: typeTS, SequenceNumber: uint16(s.next), Timestamp: s.origin + ticks(now), SSRC: s.speaker.ssrc,
	}
	wire := s.history.room(rtpHeader + len(ts))
	if _, err := header.MarshalTo(wire); err != nil {
		return nil, fmt.Errorf("rist: %w", err)
	}
	copy(wire[rtpHeader:], ts)
	s.history.put(now, s.next, wire)
	s.next++
	s.stats.Packets++
	s.stats.Bytes += uint64(len(ts))
	return wire, nil
}

// Heard is when the receiver last answered, in ns as media.Now; 0 if it never has, or has said goodbye.
func (s *Sender) Heard() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.heard)
}

// Addr is where RTP is sent to.
func (s *Sender) Addr() netip.AddrPort { return s.to }

// Stats returns what has been counted.
func (s *Sender) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.stats
	t.RTT = s.trip.smooth
	return t
}

// Close ends the Sender, and tells the receiver. What was sent last is not sent again. It may be called twice and from
// anywhere.
func (s *Sender) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	var err error
	if first {
		bye := s.speaker.bye(s.announce(now()))
		_, _ = s.control.WriteToUDPAddrPort(bye, s.toControl) // it may be lost anyway
		err = s.shut()
	}
	s.all.Wait()
	return err
}

func (s *Sender) shut() (err error) {
	for _, conn := range []*net.UDPConn{s.media, s.control} {
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	return err
}
