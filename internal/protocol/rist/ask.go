package rist

import "time"

// minAsk is the least time between two requests for the same packet, and maxAsk the most packets in one datagram of
// requests: where none is next to another, each takes four bytes, and pion/rtcp puts at most 253 into a generic NACK.
const (
	minAsk = 10 * time.Millisecond
	maxAsk = 240
)

// triesEager is after how many requests for a packet those that follow get rarer, each so many by one more wait.
const triesEager = 6

// triesBlind is how often a packet is asked for while the round trip is not known.
const triesBlind = 7

// patience is the time between requests for a packet: a round trip and what it may vary by.
func (b *reorder) patience(rtt time.Duration) time.Duration {
	if rtt == 0 {
		return max(b.length/triesBlind, minAsk)
	}
	return max(rtt*5/4, minAsk)
}

// ask returns the missing packets that are to be asked for now, at most maxAsk, in order. The more often a packet has been
// asked for, the rarer it is: the network has failed then, and more of the same would not mend it.
func (b *reorder) ask(now, patience time.Duration) (seqs []uint16) {
	for i := range b.missing {
		g := &b.missing[i]
		if g.ask > now {
			continue
		}
		if len(seqs) == maxAsk {
			break
		}
		g.tries++
		g.ask = now + patience*time.Duration(1+g.tries/triesEager)
		seqs = append(seqs, uint16(g.seq))
	}
	return seqs
}

// asks is when the next request is to be made; not ok: nothing is missing.
func (b *reorder) asks() (at time.Duration, ok bool) {
	for i, g := range b.missing {
		if i == 0 || g.ask < at {
			at = g.ask
		}
	}
	return at, len(b.missing) > 0
}
