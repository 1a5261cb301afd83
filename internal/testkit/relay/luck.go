package relay

import (
	"math/rand/v2"
	"time"
)

// maxBehind is how many later packets may overtake one that is reordered.
const maxBehind = 3

// luck decides what happens to the packets of a direction, in the order they arrive. Each
// kind of mishap draws from a generator of its own.
type luck struct {
	loss, jitter, reorder, duplicate, corrupt *rand.Rand

	losing bool // the packet before was lost
}

// fate is what luck has in store for one packet.
type fate struct {
	lost   bool
	wait   time.Duration // on the way
	behind int           // later packets that go first
	twice  bool
	flip   int // the bit to flip, or -1
}

// newLuck returns the luck of one direction, which is told from the other by lane, 0 or 1.
func newLuck(seed, lane uint64) *luck {
	kind := lane
	next := func() *rand.Rand {
		kind += 2
		return rand.New(rand.NewPCG(seed, kind))
	}
	return &luck{loss: next(), jitter: next(), reorder: next(), duplicate: next(), corrupt: next()}
}

// next decides on a packet of size bytes.
func (l *luck) next(w Weather, size int) fate {
	f := fate{lost: l.lose(w), wait: w.Delay, flip: -1}
	if w.Jitter > 0 {
		f.wait += time.Duration(l.jitter.Int64N(int64(w.Jitter) + 1))
	}
	if hit(l.reorder, w.Reorder) {
		f.behind = 1 + l.reorder.IntN(maxBehind)
	}
	f.twice = hit(l.duplicate, w.Duplicate)
	if hit(l.corrupt, w.Corrupt) && size > 0 {
		f.flip = l.corrupt.IntN(size * 8)
	}
	return f
}

// lose walks between two states, losing and not, as Gilbert's model does: out of the first
// with probability end, so that a burst is 1/end long, and into it such that the share of
// Loss comes out. Where end is 1-Loss the state before has no say, which is loss without
// bursts; a shorter mean than that has no solution.
func (l *luck) lose(w Weather) bool {
	switch {
	case w.Loss <= 0:
		l.losing = false
	case w.Loss >= 1:
		l.losing = true
	default:
		end := min(1/float64(max(w.Burst, 1)), 1-w.Loss)
		begin := end * w.Loss / (1 - w.Loss)
		if l.losing {
			l.losing = !hit(l.loss, end)
		} else {
			l.losing = hit(l.loss, begin)
		}
	}
	return l.losing
}

func hit(r *rand.Rand, share float64) bool { return share > 0 && r.Float64() < share }
