package stream

import (
	"cmp"
	"slices"
)

// Tally is what counters tell of a stream.
type Tally struct {
	Info
	Viewers map[string]int // the audience, by the kinds of its requests
	Lost    uint64         // frames that its readers have missed, those who have left included
}

// Census is what counters tell of all streams together.
type Census struct {
	Totals
	Publishers, Viewers map[string]int // by the kinds of their requests
	Lost                uint64         // frames that readers have missed, ever
	Busiest             []Tally        // the streams with most viewers
	Others              int            // streams that are not among them
}

// Census counts all streams and describes those n that have the most viewers; of equal ones, those
// whose names come first.
func (g *Registry) Census(n int) Census {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, _ := g.sums()
	c := Census{
		Totals:     Totals{len(g.streams), len(g.sessions), g.served, usage(all, &g.rate)},
		Publishers: map[string]int{}, Viewers: map[string]int{}, Lost: g.missed,
	}
	audiences := make([]audience, 0, len(g.streams))
	for e := range g.entries.page(0, len(g.streams)) {
		a := e.audience(&c)
		c.Lost += a.lost
		audiences = append(audiences, a)
	}
	slices.SortFunc(audiences, func(a, b audience) int {
		return cmp.Or(b.count-a.count, cmp.Compare(a.stream.url, b.stream.url))
	})
	c.Others = max(0, len(audiences)-n)
	for _, a := range audiences[:len(audiences)-c.Others] {
		c.Busiest = append(c.Busiest, a.tally())
	}
	return c
}

// audience is who watches a stream.
type audience struct {
	*entry
	count int
	lost  uint64 // by those who are there
}

// audience counts the sessions of a stream, into c too; the registry's lock is held, here and below.
func (e *entry) audience(c *Census) audience {
	a := audience{entry: e}
	for _, x := range e.sessions {
		switch {
		case x.subscriber == nil:
			c.Publishers[x.request.Kind]++
			continue
		case x.request.Viewer:
			c.Viewers[x.request.Kind]++
			a.count++
		}
		a.lost += x.subscriber.Missed()
	}
	return a
}

func (a audience) tally() Tally {
	t := Tally{Info: a.info(), Viewers: map[string]int{}, Lost: a.stream.missed + a.lost}
	for _, x := range a.sessions {
		if x.subscriber != nil && x.request.Viewer {
			t.Viewers[x.request.Kind]++
		}
	}
	return t
}
