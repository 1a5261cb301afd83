package rist

import (
	"io"
	"net/netip"
	"time"
)

// take hands on a packet if there is one, or an end. Otherwise it sets until when a read of the socket may last.
func (r *Receiver) take() (p Packet, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := now()
	switch {
	case r.closed:
		return p, false, io.EOF
	case r.broken != nil:
		return p, false, r.broken
	case r.source == nil:
		r.listen(now, 0)
		return p, false, nil
	case now-r.source.heard >= r.o.Hold:
		r.finish(ErrSilent)
	}
	b := r.source.buffer
	if p, ok = b.pop(now); ok {
		p.From = r.source.addr
		r.stats.Packets++
		r.stats.Bytes += uint64(len(p.Data))
		r.stats.Lost += uint64(p.Lost)
		return p, true, nil
	}
	if r.end != nil {
		err, r.end = r.end, nil
		r.forget()
		return p, false, err
	}
	until := r.source.heard + r.o.Hold
	if due, missing := b.due(); missing {
		until = min(until, due)
	}
	r.listen(now, until)
	return p, false, nil
}

// listen has a read last until a time, 0 is for ever. An alarm that is too early does no harm: it is cheaper to let it
// go off than to move it with each packet. mu is held.
func (r *Receiver) listen(now, until time.Duration) {
	set := time.Duration(r.mediaAt)
	switch {
	case until == 0 && set == 0, set > now && until != 0 && set <= until:
		return
	case until == 0:
		_ = r.media.SetReadDeadline(time.Time{}) // of a closed socket only
	default:
		_ = r.media.SetReadDeadline(clockOf(until))
	}
	r.mediaAt = alarm(until)
}

// finish ends the present sender for ReadPacket, which hands on first what has come. mu is held.
func (r *Receiver) finish(why error) {
	if r.source == nil || r.end != nil {
		return
	}
	r.end = why
	r.source.buffer.ending = true
	r.listen(0, 1) // the past: a read ends at once
}

// forget lets others in. mu is held.
func (r *Receiver) forget() {
	r.stats.Lost += uint64(r.source.buffer.lost + r.source.buffer.waiting())
	r.source = nil
}

// accept takes a datagram that came for RTP.
func (r *Receiver) accept(now time.Duration, from netip.AddrPort, b []byte) {
	p := &r.packet
	bad := p.parse(b)
	var data []byte
	if bad == nil && p.useful {
		data = r.keep(p.rtp.Payload)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if bad != nil || !r.admit(now, p, from) {
		if bad != nil || r.source == nil {
			r.stats.Malformed++
		} else {
			r.stats.Foreign++
		}
		return
	}
	if !p.useful { // its number is not missing, though
		r.stats.Malformed++
	}
	asked := len(r.source.buffer.missing)
	r.count(r.source.take(now, p, from, data))
	if p.oddSSRC && r.source.evened {
		r.stats.Retransmitted++
	}
	if len(r.source.buffer.missing) > asked {
		r.alarm(now + r.o.Reorder)
	}
}

// admit reports whether a packet is of the present sender, which it may make its own one. mu is held.
func (r *Receiver) admit(now time.Duration, p *inbound, from netip.AddrPort) bool {
	if r.source == nil {
		if p.useful {
			r.source = newSource(p, from, r.o)
		}
		return p.useful
	}
	switch r.source.claim(now, r.o.Hold, p, from) {
	case claimForeign:
		return false
	case claimSuccessor:
		if r.end != nil {
			return false // ReadPacket is to say so first
		}
		r.forget()
		r.source = newSource(p, from, r.o)
		r.stats.Restarts++
	}
	return true
}

// count notes what became of a packet. mu is held.
func (r *Receiver) count(f fit) {
	switch f {
	case fitLate:
		r.stats.Reordered++
	case fitRecovered:
		r.stats.Recovered++
	case fitDuplicate:
		r.stats.Duplicates++
	case fitStray:
		r.stats.Malformed++
	case fitRestart:
		r.stats.Restarts++
	}
}

// keep copies a payload to where it can stay.
func (r *Receiver) keep(b []byte) []byte {
	if len(r.slab) < len(b) {
		r.slab = make([]byte, slabSize)
	}
	data := r.slab[:len(b):len(b)]
	r.slab = r.slab[len(b):]
	copy(data, b)
	return data
}
