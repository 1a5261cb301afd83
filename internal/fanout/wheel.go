package fanout

import "time"

const (
	// wheelTick is how exactly players are woken: those whose time comes in the same tick are
	// served at one go.
	wheelTick  = int64(time.Millisecond)
	wheelTicks = 512

	// Beat is the common pulse, in ns, of all whom some tens of milliseconds do not matter: a processor
	// that wakes once for many of them rests in between.
	Beat = int64(50 * time.Millisecond)
	// abreast is how many players of a stream are sent to in the same beat, if the pause between
	// batches has several: what they share is then put together for all of them at once.
	abreast = 32
)

// grain returns on multiples of what the pauses of such length end.
func grain(pause int64) int64 {
	if pause >= 40*wheelTick {
		return 10 * wheelTick
	}
	return wheelTick
}

// wheel holds players until their time. It is for one goroutine.
type wheel struct {
	ticks [wheelTicks][]*Follower
	count int   // entries
	now   int64 // the tick up to which all has been taken out
}

// at has p woken at a time, in ns since the process started. Of
// several times the earliest counts.
func (w *wheel) at(p *Follower, t int64) {
	tick := max(t/wheelTick, w.now+1)
	if p.due > w.now && p.due <= tick {
		return
	}
	p.due = tick
	w.ticks[tick%wheelTicks] = append(w.ticks[tick%wheelTicks], p)
	w.count++
}

// next returns when the next tick with players comes, and whether there is one.
func (w *wheel) next() (int64, bool) {
	if w.count == 0 {
		return 0, false
	}
	tick := w.now + 1
	for len(w.ticks[tick%wheelTicks]) == 0 {
		tick++
	}
	return tick * wheelTick, true
}

// turn appends the players whose time has come by t.
func (w *wheel) turn(dst []*Follower, t int64) []*Follower {
	to := t / wheelTick
	for tick := max(w.now+1, to-wheelTicks+1); tick <= to && w.count > 0; tick++ {
		entries := w.ticks[tick%wheelTicks]
		kept := entries[:0]
		for _, p := range entries {
			switch {
			case p.due == 0, p.due%wheelTicks != tick%wheelTicks: // has been served earlier
				w.count--
			case p.due > to: // in a later round
				kept = append(kept, p)
			default:
				w.count--
				p.due = 0
				dst = append(dst, p)
			}
		}
		clear(entries[len(kept):])
		w.ticks[tick%wheelTicks] = kept
	}
	w.now = max(w.now, to)
	return dst
}
