package dash

import (
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
)

// seek is the place of the manifest of a stream that may be brought here; nil if it is none's.
func (s *Server) seek(v *config.Vhost, at string) *place {
	if v == nil || !v.Enabled || !v.Dash.Enabled || !s.desk.Brings(v.Name) {
		return nil
	}
	n, _, ok := shelf.Asked(s.o.Config(), v, v.Dash.DashPath, v.Dash.DashMpdFile, at)
	if !ok {
		return nil
	}
	return &place{output: s.newOutput(n, v)}
}

// Filed and what follows are shelf.Listed's.
func (o *output) Filed() string { return o.file }

// Stays returns for how long players may be silent that have no session.
func (o *output) Stays() time.Duration { return o.idleFor() }

// Here reports whether what there is of a stream is of now: somebody adds to it, or did so not long ago.
func (o *output) Here(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fed || o.page != nil && !o.old(now)
}

// old reports whether the newest frame is older than all that the manifest has; mu is held.
func (o *output) old(now time.Time) bool {
	if len(o.periods) == 0 {
		return false
	}
	first, newest := o.periods[0], o.periods[len(o.periods)-1]
	span := newest.ends() - first.start
	if s := first.sets()[0]; len(s.list) > 0 {
		span = newest.ends() - first.since(s, s.list[0].start)
	}
	return now.Sub(o.last) > max(span, fewest*o.longest)
}

// feed notes that there is another publisher, and somebody who adds what is its. A stream that is brought here is gone on
// with after a short break; after a long one players see nothing of what was.
func (o *output) feed(brought bool) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if brought && o.old(now) {
		for len(o.periods) > 0 {
			o.leave(o.periods[0], now)
		}
		o.page = nil
	}
	o.came, o.first, o.fed = now, o.nextPeriod, true
	if o.page != nil {
		o.page = &page{marked: o.page.marked, plain: o.page.plain, came: o.came}
	}
}

// release is the end of what feed began.
func (s *Server) release(o *output) {
	o.mu.Lock()
	o.fed = false
	o.mu.Unlock()
	s.outputs.Release(o)
}
