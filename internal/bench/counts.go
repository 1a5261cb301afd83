package bench

import (
	"sync"
	"time"
)

// counts are what connections add up to.
type counts struct {
	tried, connected, failed, dropped uint64

	bytes uint64 // of the whole run

	// Of the time that is measured.
	windowBytes  uint64
	video, audio uint64
	late         uint64 // pictures
	stalls       uint64
	blocked      uint64 // writes that took long
	latency      histogram
	lateness     histogram // of publishers: when a message was written, and when it was due

	// Of the whole run.
	keyed    uint64 // players that have seen a key picture
	pictures uint64 // players that have seen any
	played   uint64 // players that have got any media
	stamped  uint64 // pictures with a stamp
	lost     uint64 // numbers that are missing between them
	disorder uint64 // numbers that are not above the one before
	back     uint64 // times below the one before of the same kind
	behind   uint64 // publishers that ended far behind

	connect, first histogram // from the start to the connection, to the first key picture
}

// add adds others.
func (c *counts) add(o *counts) {
	for _, n := range []struct {
		sum *uint64
		of  uint64
	}{
		{&c.tried, o.tried}, {&c.connected, o.connected}, {&c.failed, o.failed}, {&c.dropped, o.dropped},
		{&c.bytes, o.bytes}, {&c.windowBytes, o.windowBytes}, {&c.video, o.video}, {&c.audio, o.audio},
		{&c.late, o.late}, {&c.stalls, o.stalls}, {&c.blocked, o.blocked}, {&c.keyed, o.keyed},
		{&c.pictures, o.pictures}, {&c.played, o.played}, {&c.stamped, o.stamped}, {&c.lost, o.lost},
		{&c.disorder, o.disorder}, {&c.back, o.back}, {&c.behind, o.behind},
	} {
		*n.sum += n.of
	}
	c.latency.merge(&o.latency)
	c.lateness.merge(&o.lateness)
	c.connect.merge(&o.connect)
	c.first.merge(&o.first)
}

// tally is what a share of the connections count into.
type tally struct {
	mu     sync.Mutex
	open   bool // the time that is measured has begun and not ended
	counts counts
}

// count changes the counts.
func (t *tally) count(change func(*counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.counts)
}

// tallies are all of a run, so many that connections rarely wait for each other.
type tallies [16]tally

// of returns the tally of connection n.
func (a *tallies) of(n int) *tally { return &a[n%len(a)] }

// measure begins or ends the time that is measured.
func (a *tallies) measure(on bool) {
	for i := range a {
		a[i].mu.Lock()
		a[i].open = on
		a[i].mu.Unlock()
	}
}

// sum returns all counts together.
func (a *tallies) sum() *counts {
	all := &counts{}
	for i := range a {
		a[i].count(func(c *counts) { all.add(c) })
	}
	return all
}

// milliseconds is how reports tell times.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
