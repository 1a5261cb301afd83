package dash

import (
	"maps"
	"path"
	"strconv"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
)

// fewest is how many segments a manifest has at the least, once there are: players stay about three behind the
// newest.
const fewest = 3

// output is a stream's manifest and its segments. It stays when the publisher leaves, until its
// files are deleted.
type output struct {
	// Set at construction.
	server *Server
	name   shelf.Name
	dir    shelf.Dir
	file   string // of the manifest, below dir
	folder string // beside it, of the segments
	base   string // of URL paths
	url    string // path of the manifest's URL

	turn sync.Mutex // held while files are put in place or deleted; taken before mu

	mu         sync.Mutex          // guards what follows
	begin      time.Time           // availabilityStartTime
	periods    []*period           // in the manifest
	gone       []*segment          // not any more, but players may still ask for them
	headers    []*header           // the same
	next       map[string]uint64   // number of the segment that is announced next, by set
	pending    map[string]*segment // that is announced, and not begun
	nextPeriod uint64
	came       time.Time     // when the newest publisher did
	first      uint64        // the first period of that publisher
	reach      time.Duration // the end of the last period, on the manifest's clock
	limit      time.Duration // of chunks
	longest    time.Duration // of segments
	fed        bool          // somebody adds to it
	emptied    int           // counts how often all has been deleted beneath the packager
	page       *page         // nil: there is no manifest
	changed    chan struct{} // closed when there is another
	last       time.Time     // when the newest frame came
	rules      *config.Dash
}

// announce gives a set's next segment an address.
func (o *output) announce(set string) {
	o.mu.Lock()
	if o.next == nil {
		o.next = map[string]uint64{}
	}
	if o.pending == nil {
		o.pending = map[string]*segment{}
	}
	g := &segment{number: o.next[set]}
	o.next[set]++
	g.file = o.below(set + "-" + strconv.FormatUint(g.number, 10) + ".m4s")
	g.path = path.Join(o.base, g.file)
	o.pending[set] = g
	o.mu.Unlock()
	o.server.places.Put(o, o.name.Vhost, g.path, place{output: o, segment: g})
}

// announced returns a set's next segment, which starts at a time in ticks.
func (o *output) announced(set string, start int64) *segment {
	for {
		o.mu.Lock()
		if g := o.pending[set]; g != nil {
			delete(o.pending, set)
			g.start = start
			o.mu.Unlock()
			return g
		}
		o.mu.Unlock()
		o.announce(set)
	}
}

// inherit goes on with the numbers of an output of the same stream at another place: that may be the same
// directory, with another name for the manifest alone.
func (o *output) inherit(was *output) {
	was.mu.Lock()
	next, period := maps.Clone(was.next), was.nextPeriod
	was.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next, o.nextPeriod = next, period
}

// trim takes what is outside of the window out of the manifest, and remembers it for those who still ask;
// mu is held.
func (o *output) trim(h *config.Dash, now time.Time) {
	for o.excess(h) {
		p := o.periods[0]
		lead := p.sets()[0]
		if len(lead.list) > 0 {
			o.drop(lead, now)
		}
		if len(lead.list) == 0 {
			o.leave(p, now)
			continue
		}
		least := 0
		if len(o.periods) > 1 { // it is over: its sets leave together, as players take a set for gone that has no segment left
			least = 1
		}
		from := p.since(lead, lead.list[0].start)
		for _, s := range p.sets()[1:] {
			for len(s.list) > least && s.list[0].whole && p.since(s, s.list[0].end()) <= from {
				o.drop(s, now)
			}
		}
	}
}

// excess reports whether there are more segments than are wanted. The newest period is never without one.
func (o *output) excess(h *config.Dash) bool {
	n := 0
	for _, p := range o.periods {
		n += len(p.sets()[0].list)
	}
	first := o.periods[0]
	lead := first.sets()[0]
	switch {
	case len(o.periods) > 1 && len(lead.list) == 0:
		return true
	case n <= fewest:
		return false
	case n > h.DashWindowSize:
		return true
	}
	span := o.periods[len(o.periods)-1].ends() - first.since(lead, lead.list[0].end())
	return h.DashTimeshift > 0 && span > h.DashTimeshift
}

// drop takes the first of a set's segments out; mu is held.
func (o *output) drop(s *set, now time.Time) {
	old := s.list[0]
	old.due = now.Add(o.afterwards())
	o.gone = append(o.gone, old)
	s.list = append([]*segment(nil), s.list[1:]...)
}

// leave takes the first period out; mu is held.
func (o *output) leave(p *period, now time.Time) {
	for _, s := range p.sets() {
		for len(s.list) > 0 {
			o.drop(s, now)
		}
		s.header.due = now.Add(o.afterwards())
		o.headers = append(o.headers, s.header)
	}
	o.periods = o.periods[1:]
}

// afterwards is for how long what has left the manifest may still be asked for.
func (o *output) afterwards() time.Duration { return (fewest + 1) * o.longest }

// purge forgets segments that nobody will ask for any more, and with dash_cleanup deletes their files. The turn
// is held.
func (o *output) purge(now time.Time, h *config.Dash) {
	o.mu.Lock()
	var old []*segment
	kept := o.gone[:0:0]
	for _, g := range o.gone {
		if g.due.After(now) {
			kept = append(kept, g)
		} else {
			old = append(old, g)
		}
	}
	o.gone = kept
	var heads []*header
	rest := o.headers[:0:0]
	for _, n := range o.headers {
		if n.due.After(now) {
			rest = append(rest, n)
		} else {
			heads = append(heads, n)
		}
	}
	o.headers = rest
	o.mu.Unlock()
	o.forget(old, heads, h.DashCleanup)
}

// forget takes segments and headers from the web server and, if that is wanted, from the disk.
func (o *output) forget(old []*segment, heads []*header, remove bool) {
	for _, g := range old {
		o.server.places.Take(o, o.name.Vhost, g.path)
		g.mu.Lock()
		disk := g.disk
		g.mu.Unlock()
		if disk && remove {
			o.dir.Remove(g.file)
		}
	}
	for _, n := range heads {
		o.server.places.Take(o, o.name.Vhost, n.path)
		if n.disk && remove {
			o.dir.Remove(n.file)
		}
	}
}

// empty takes all out of the manifest, so that there is none until the next segment.
func (o *output) empty() (old []*segment, heads []*header) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old, heads = o.gone, o.headers
	for _, p := range o.periods {
		for _, s := range p.sets() {
			old, heads = append(old, s.list...), append(heads, s.header)
		}
	}
	for _, g := range o.pending {
		g.drop()
		old = append(old, g)
	}
	o.periods, o.gone, o.headers, o.page, o.pending = nil, nil, nil, nil, nil
	o.emptied++
	return old, heads
}

// touch notes that frames have come, and by which rules.
func (o *output) touch(h *config.Dash) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.rules = time.Now(), h
}

// look returns the manifest, nil if there is none, whether it is for somebody who plays since then, and what is
// closed when there is another. Who came after the newest publisher is to have something of that.
func (o *output) look(since time.Time) (now *page, fit bool, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.page, o.page != nil && (o.page.fresh != nil || !since.After(o.came)), o.changed
}
