package relay

import (
	"net"
	"net/netip"
	"time"
)

// maxHold is how long a reordered packet waits for later ones to overtake it.
const maxHold = 100 * time.Millisecond

// maxWaiting bounds the packets inside a link. It is 50 Mbps of small packets for seconds.
const maxWaiting = 1 << 16

// flow is where the packets of one client go in one direction.
type flow struct {
	conn *net.UDPConn
	to   netip.AddrPort
}

// packet is one on its way.
type packet struct {
	flow *flow
	data []byte // the link's own
	fate fate

	came      time.Time
	due       time.Time // set behind the queue: when it goes out or is held no longer
	overtaken bool
}

// link is one direction as a value: it has no clock, no socket and no lock. A packet goes
// through a queue, which Rate empties, a line, in which it is delayed, and when it is to be
// overtaken through held. Queue and line keep the order, so neither needs to be a heap.
type link struct {
	weather Weather
	lane    uint64
	luck    *luck
	count   Count

	queue  []packet
	queued int       // bytes in queue
	free   time.Time // when the packet before the queue's first had left
	line   []packet
	last   time.Time // when the last of line is due
	held   []packet

	out []packet // what pull returned last
}

func newLink(w Weather, lane uint64) *link {
	return &link{weather: w, lane: lane, luck: newLuck(w.Seed, lane)}
}

// set changes the weather. What is in line keeps its time, what is in the queue goes on at
// the new rate. Another seed begins new luck.
func (l *link) set(now time.Time, w Weather) {
	l.depart(now)
	if w.Rate != l.weather.Rate {
		l.free = later(l.free, now) // or the new rate would hold for the past too
	}
	if w.Seed != l.weather.Seed {
		l.luck = newLuck(w.Seed, l.lane)
	}
	l.weather = w
}

// push takes a packet and its data.
func (l *link) push(now time.Time, f *flow, data []byte) {
	p := packet{flow: f, data: data, fate: l.luck.next(l.weather, len(data)), came: now}
	l.depart(now)
	switch {
	case p.fate.lost:
		l.count.Lost.add(len(data))
		return
	case !l.weather.fits(l.queued, len(data)), len(l.queue)+len(l.line)+len(l.held) >= maxWaiting:
		l.count.Overflowed.add(len(data))
		return
	}
	if bit := p.fate.flip; bit >= 0 {
		data[bit/8] ^= 1 << (bit % 8)
		l.count.Corrupted.add(len(data))
	}
	l.queue = append(l.queue, p)
	l.queued += len(data)
}

// pull returns what is due, for the caller until the next pull, and when more will be: the
// zero time says not before the next push or set.
func (l *link) pull(now time.Time) (out []packet, next time.Time) {
	clear(l.out)
	l.out = l.out[:0]
	l.depart(now)
	for len(l.line) > 0 && !l.line[0].due.After(now) {
		p := shift(&l.line)
		if p.fate.behind == 0 {
			l.send(p)
			l.overtake(p.flow)
			continue
		}
		p.due = now.Add(maxHold)
		l.held = append(l.held, p)
	}
	for len(l.held) > 0 && !l.held[0].due.After(now) {
		l.send(shift(&l.held))
	}
	return l.out, l.next()
}

// depart moves what has left the queue by now into line.
func (l *link) depart(now time.Time) {
	for len(l.queue) > 0 && !l.departure().After(now) {
		l.free = l.departure()
		p := shift(&l.queue)
		l.queued -= len(p.data)
		p.due = later(l.free.Add(p.fate.wait), l.last)
		l.last = p.due
		l.line = append(l.line, p)
	}
}

// departure is when the first of the queue has left it. It counts from when the link was
// free for it, not from when somebody looked, so a late look costs no rate.
func (l *link) departure() time.Time {
	p := &l.queue[0]
	return later(l.free, p.came).Add(l.weather.airtime(len(p.data)))
}

// overtake tells the held packets of a flow that one has passed them, and sends those that
// enough have.
func (l *link) overtake(f *flow) {
	held := l.held[:0]
	for _, p := range l.held {
		if p.flow == f {
			p.fate.behind--
			p.overtaken = true
		}
		if p.fate.behind > 0 {
			held = append(held, p)
		} else {
			l.send(p)
		}
	}
	clear(l.held[len(held):])
	l.held = held
}

func (l *link) send(p packet) {
	size := len(p.data)
	l.out = append(l.out, p)
	l.count.Passed.add(size)
	if p.overtaken {
		l.count.Reordered.add(size)
	}
	if p.fate.twice {
		l.out = append(l.out, p)
		l.count.Passed.add(size)
		l.count.Duplicated.add(size)
	}
}

// next is when the first of what waits moves.
func (l *link) next() (t time.Time) {
	sooner := func(other time.Time) {
		if t.IsZero() || other.Before(t) {
			t = other
		}
	}
	if len(l.queue) > 0 {
		sooner(l.departure())
	}
	if len(l.line) > 0 {
		sooner(l.line[0].due)
	}
	if len(l.held) > 0 {
		sooner(l.held[0].due)
	}
	return t
}

// shift takes the first packet and forgets it, for the garbage collector.
func shift(list *[]packet) packet {
	p := (*list)[0]
	(*list)[0] = packet{}
	*list = (*list)[1:]
	return p
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
