package relay

import (
	"math/rand/v2"
	"time"
)

const (
	anewFirst = 8 * time.Second  // until origins that are silent are dialled anew: a cable may be back before that, and what was sent meanwhile
	anewMost  = 30 * time.Second // from one such time to the next, which doubles
	leaving   = "leaving "       // begins the key of an inflow beside which its origin is dialled anew
)

// anew is when the origins of a stream that brings nothing are dialled anew, beside the connections that there are: those may be
// to a process that hangs, or to a server that the publisher has left for another behind the same name. It may also be that the
// publisher pauses: so that is less and less often.
type anew struct {
	at    time.Time // the next time; zero is not known yet
	count int       // of times in a row
	now   bool      // it is, in this round
	vain  bool      // the origin of the stream could not be reached
}

// due returns how long it is to the next time.
func (a *anew) due(now time.Time) time.Duration {
	if a.at.IsZero() {
		a.at = now.Add(sooner(anewFirst))
	}
	return a.at.Sub(now)
}

// round notes that a round through all origins begins.
func (a *anew) round(now time.Time) {
	if a.now = a.due(now) <= 0; a.now {
		a.count++
		a.at = now.Add(sooner(min(anewFirst<<min(a.count, 8), anewMost)))
	}
}

// sooner is a time, or less by some chance, so that many who wait for the same do not come at once.
func sooner(d time.Duration) time.Duration { return d - rand.N(d/4) }

// again makes room for an origin to be dialled beside an inflow that brings nothing. That stays until the other one is open, or sends
// something if the stream comes from it.
func (p *pull) again(f *inflow) {
	switch old := p.inflows[leaving+f.origin]; old {
	case nil:
		p.detach(f)
	case p.current:
		p.leave(f)
	default:
		p.leave(old)
		p.detach(f)
	}
}

// opens notes that an origin has answered.
func (p *pull) opens(f *inflow) {
	f.opened = time.Now()
	if p.current != nil && p.current.origin == f.origin {
		p.anew.vain = false
	}
	if old := p.inflows[leaving+f.origin]; old != nil && old != f && old != p.current {
		p.leave(old)
	}
}
