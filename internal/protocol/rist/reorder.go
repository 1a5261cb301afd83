package rist

import (
	"slices"
	"time"
)

// Bounds of a reorder buffer. All that is known at a time is far less than half of the 65536 numbers.
const (
	maxGap       = 8192     // packets that may be missing in a row, and in all
	maxHeld      = 8192     // packets that wait for earlier ones
	maxHeldBytes = 16 << 20 // in them

	// A sender that counts on from somewhere else is believed after so many packets.
	restartRun = 8
)

// fit is what became of a packet.
type fit int

const (
	fitNew       fit = iota
	fitLate          // it was missing, and only late
	fitRecovered     // it was missing, and has been sent again
	fitDuplicate     // it had come already, or was given up
	fitStray         // its number is far from all others
	fitRestart       // the same, and so were those before: the sender has begun anew with it
)

// reorder puts the packets of one sender into order. It is a value: it has no clock and no socket. What is in order
// goes through at once; what is behind a missing packet waits for it.
type reorder struct {
	// Set at construction.
	wait   time.Duration // before a missing packet is asked for
	length time.Duration // before it is given up

	begun   bool
	begins  bool  // the next packet is the first
	next    int64 // to be handed on
	high    int64 // the newest that came
	held    map[int64]arrival
	bytes   int   // in held
	missing []gap // from next on, in order
	lost    int   // given up since the last packet that was handed on
	ending  bool  // nothing more comes: do not wait

	strays    int // in a row
	strayNext uint16
}

// arrival is a packet that came; data is nil if its payload is of no use.
type arrival struct {
	data []byte
	at   time.Duration
}

// gap is a missing packet.
type gap struct {
	seq     int64
	noticed time.Duration
	ask     time.Duration // when to ask for it next
	tries   int
}

func newReorder(wait, length time.Duration) *reorder {
	return &reorder{wait: wait, length: length, held: map[int64]arrival{}}
}

// push takes a packet; again says that it is one that was sent again. The buffer keeps data.
func (b *reorder) push(now time.Duration, number uint16, again bool, data []byte) fit {
	if !b.begun {
		b.begin(number)
	}
	seq := unwrap(b.high, number)
	switch {
	case seq > b.high && seq <= b.high+maxGap:
		b.note(now, seq)
		b.hold(now, seq, data)
		return fitNew
	case seq < b.next || seq > b.high:
		if !again && b.strange(number) {
			b.begin(number)
			b.push(now, number, again, data)
			return fitRestart
		}
		if seq > b.high || seq < b.next-maxGap {
			return fitStray
		}
		return fitDuplicate
	}
	i, found := b.find(seq)
	if !found {
		return fitDuplicate
	}
	b.missing = slices.Delete(b.missing, i, i+1)
	b.hold(now, seq, data)
	if again {
		return fitRecovered
	}
	return fitLate
}

// begin starts with a packet. What was held is given up.
func (b *reorder) begin(number uint16) {
	b.lost += b.waiting()
	clear(b.held)
	b.missing, b.bytes = nil, 0
	b.next = int64(number)
	b.high = b.next - 1
	b.begun, b.begins, b.strays = true, true, 0
}

// strange counts packets in a row that are behind all or far ahead, and reports whether the sender counts from
// elsewhere now. One such packet is a copy, or somebody's forgery.
func (b *reorder) strange(number uint16) bool {
	if number != b.strayNext {
		b.strays = 0
	}
	b.strays++
	b.strayNext = number + 1
	return b.strays >= restartRun
}

// note marks what is missing before a new packet.
func (b *reorder) note(now time.Duration, seq int64) {
	for s := b.high + 1; s < seq; s++ {
		b.missing = append(b.missing, gap{seq: s, noticed: now, ask: now + b.wait})
	}
	b.high = seq
}

func (b *reorder) hold(now time.Duration, seq int64, data []byte) {
	b.held[seq] = arrival{data, now}
	b.bytes += len(data)
	b.strays = 0
}

func (b *reorder) find(seq int64) (int, bool) {
	return slices.BinarySearchFunc(b.missing, seq, func(g gap, seq int64) int { return int(g.seq - seq) })
}

// pop hands on the next packet, if it is there. Missing ones before it are given up once their time is over, or where
// too much waits for them.
func (b *reorder) pop(now time.Duration) (p Packet, ok bool) {
	for {
		c, came := b.held[b.next]
		switch {
		case came:
			delete(b.held, b.next)
			b.bytes -= len(c.data)
			b.next++
			if c.data == nil {
				continue
			}
			p = Packet{Data: c.data, At: int64(c.at), Lost: b.lost, First: b.begins}
			b.lost, b.begins = 0, false
			return p, true
		case len(b.missing) > 0 && b.hopeless(now):
			b.missing = b.missing[1:]
			b.next++
			b.lost++
		default:
			return p, false
		}
	}
}

// hopeless reports whether the first missing packet is to be given up.
func (b *reorder) hopeless(now time.Duration) bool {
	return b.ending || b.missing[0].noticed+b.length <= now ||
		len(b.missing) > maxGap || len(b.held) > maxHeld || b.bytes > maxHeldBytes
}

// due is when pop has more without a push; not ok: not at all.
func (b *reorder) due() (at time.Duration, ok bool) {
	if len(b.missing) == 0 {
		return 0, false
	}
	return b.missing[0].noticed + b.length, true
}

// waiting is how many packets have not been handed on, those that are missing among them.
func (b *reorder) waiting() int {
	if !b.begun {
		return 0
	}
	return int(b.high - b.next + 1)
}
