package rtp

import "time"

// Bounds of a reorder buffer. All that is known at a time is far less than half of the 65536 numbers.
const (
	maxWindow    = 4096     // numbers from the next one to be handed on to the newest
	maxHeldBytes = 16 << 20 // in packets that wait for earlier ones

	firstWindow = 64

	// A sender that counts on from somewhere else is believed after so many packets.
	restartRun = 8

	// So long packets of the SSRC before are late ones, not those of a sender who begins anew.
	oldTime = 2 * time.Second
)

// Fit is what became of a packet.
type Fit uint8

// The fits.
const (
	FitNew       Fit = iota
	FitReordered     // it was missing, and only late
	FitDuplicate     // it had come already
	FitLate          // it had been handed on or given up
	FitStray         // its number or its SSRC is far from all others
	FitRestart       // the sender has begun anew with it
)

// Reorder puts the packets of one track into order. It is a value: it has no clock and no socket. What
// is in order goes through at once; what is behind a missing packet waits for it. The zero Reorder with
// Hold set is ready.
type Reorder struct {
	Hold time.Duration // what is missing is waited for

	begun  bool
	begins bool  // the next packet is the first
	next   int64 // to be handed on
	high   int64 // the newest that came
	slots  []slot
	bytes  int // in them
	gaps   int // missing packets
	lost   int // given up since the last packet that was handed on

	ssrc, old uint32 // of the sender, and of the one before
	changed   time.Duration

	strays    int // in a row
	strayNext uint16
}

// slot is what is known of one number from next to high.
type slot struct {
	packet  Packet
	came    bool
	noticed time.Duration // when it was missed
}

// Push takes a packet, sent again or not. The buffer keeps its payload.
func (b *Reorder) Push(now time.Duration, p Packet) Fit { return b.push(now, &p) }

func (b *Reorder) push(now time.Duration, p *Packet) Fit {
	switch {
	case !b.begun:
		b.begin(p)
	case p.SSRC != b.ssrc:
		if p.SSRC == b.old && now-b.changed < oldTime {
			return FitStray
		}
		b.old, b.changed = b.ssrc, now
		b.begin(p)
		b.hold(now, p, b.next)
		return FitRestart
	}
	seq := unwrap(b.high, p.Sequence)
	switch {
	case seq > b.high && seq < b.next+maxWindow:
		b.hold(now, p, seq)
		return FitNew
	case seq >= b.next && seq <= b.high:
		return b.fill(p, seq)
	case b.strange(p.Sequence):
		b.begin(p)
		b.hold(now, p, b.next)
		return FitRestart
	case seq > b.high || seq < b.next-maxWindow:
		return FitStray
	}
	return FitLate
}

// fill takes a packet with a number between others.
func (b *Reorder) fill(p *Packet, seq int64) Fit {
	s := b.slot(seq)
	if s.came {
		return FitDuplicate
	}
	s.packet, s.came = *p, true
	b.gaps--
	b.bytes += len(p.Payload)
	b.strays = 0
	return FitReordered
}

// begin starts with a packet. What was held is given up.
func (b *Reorder) begin(p *Packet) {
	for ; b.begun && b.next <= b.high; b.next++ {
		*b.slot(b.next) = slot{}
		b.lost++
	}
	b.bytes, b.gaps = 0, 0
	b.next = int64(p.Sequence)
	b.high = b.next - 1
	b.ssrc = p.SSRC
	b.begun, b.begins, b.strays = true, true, 0
	if b.slots == nil {
		b.slots = make([]slot, firstWindow)
	}
}

// strange counts packets in a row that are behind all or far ahead, and reports whether the sender
// counts from elsewhere now. One such packet is a copy, or somebody's forgery.
func (b *Reorder) strange(number uint16) bool {
	if number != b.strayNext {
		b.strays = 0
	}
	b.strays++
	b.strayNext = number + 1
	return b.strays >= restartRun
}

// hold takes a packet that is ahead of all others, and notes what is missing before it.
func (b *Reorder) hold(now time.Duration, p *Packet, seq int64) {
	for seq-b.next >= int64(len(b.slots)) {
		b.grow()
	}
	for s := b.high + 1; s < seq; s++ {
		*b.slot(s) = slot{noticed: now}
		b.gaps++
	}
	*b.slot(seq) = slot{packet: *p, came: true}
	b.high = seq
	b.bytes += len(p.Payload)
	b.strays = 0
}

func (b *Reorder) grow() {
	more := make([]slot, 2*len(b.slots))
	for s := b.next; s <= b.high; s++ {
		more[s&int64(len(more)-1)] = *b.slot(s)
	}
	b.slots = more
}

func (b *Reorder) slot(seq int64) *slot { return &b.slots[seq&int64(len(b.slots)-1)] }

// Pop hands on the next packet, if it is there. Missing ones before it are given up once their time is
// over, or where too much waits for them.
func (b *Reorder) Pop(now time.Duration) (p Packet, ok bool) {
	for b.begun && b.next <= b.high {
		s := b.slot(b.next)
		if !s.came {
			if !b.hopeless(now, s) {
				return p, false
			}
			*s = slot{}
			b.gaps--
			b.next++
			b.lost++
			continue
		}
		p = s.packet
		*s = slot{}
		b.bytes -= len(p.Payload)
		b.next++
		p.Lost, p.First = b.lost, b.begins
		b.lost, b.begins = 0, false
		return p, true
	}
	return p, false
}

// hopeless reports whether the first missing packet is to be given up.
func (b *Reorder) hopeless(now time.Duration, s *slot) bool {
	return s.noticed+b.Hold <= now || b.bytes > maxHeldBytes || b.high-b.next >= maxWindow-maxWindow/8
}

// unwrap returns the number nearest to one that is known.
func unwrap(known int64, number uint16) int64 {
	return known + int64(int16(number-uint16(known)))
}
