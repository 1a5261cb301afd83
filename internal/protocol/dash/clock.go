package dash

import "time"

// clock returns when, by a period, a time of the stream was.
func (o *output) clock(p *period, at int64) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begin.Add(p.start + time.Duration(at-p.origin))
}

// shift moves the beginning of a period that nobody knows yet, but not into the one before, and returns by how much.
func (o *output) shift(p *period, by time.Duration) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	by = by.Truncate(time.Millisecond)
	if o.page == nil && len(o.periods) == 1 && o.reach == 0 { // the clock itself is not known to anybody
		o.begin = o.begin.Add(by)
		return by
	}
	was := p.start
	p.start = max(was+by, min(was, o.reach))
	return p.start - was
}

// enter puts a period into the manifest, and returns the output's count of disposals.
func (o *output) enter(p *period) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.periods = append(o.periods, p)
	return o.emptied
}

// was reports whether all has been deleted since there were so many disposals.
func (o *output) was(emptied int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.emptied != emptied
}

// leaves notes that a period has ended. One without a segment is no part of the manifest.
func (o *output) leaves(p *period) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p.ended = p.ends()
	o.reach = max(o.reach, p.ended)
}

// grow notes how far the segments have come that are being made, and puts them into the lists.
func (o *output) grow(open *[2]opened, limit time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limit = limit
	for i := range open {
		w := &open[i]
		if w.segment == nil {
			continue
		}
		w.segment.duration = uint64(max(0, w.end-w.segment.start))
		if n := len(w.set.list); n == 0 || w.set.list[n-1] != w.segment {
			w.set.list = append(w.set.list, w.segment)
		}
	}
}

// complete notes that a segment is whole, and whether it was cut off by the end of its period.
func (o *output) complete(w *opened, cut bool) {
	size, _, _, _ := w.segment.state()
	o.mu.Lock()
	defer o.mu.Unlock()
	g := w.segment
	g.duration, g.whole, g.cut = uint64(max(1, w.end-g.start)), true, cut
	lasts := w.set.time(int64(g.duration))
	o.longest = max(o.longest, lasts)
	if s := lasts.Seconds(); s > 0 {
		w.set.bits = max(w.set.bits, float64(8*size)/s)
		w.set.rate = float64(w.pictures) / s
	}
}

// discard takes a segment out that could not be written.
func (o *output) discard(w *opened) {
	o.mu.Lock()
	if n := len(w.set.list); n > 0 && w.set.list[n-1] == w.segment {
		w.set.list = w.set.list[:n-1]
	}
	o.mu.Unlock()
	w.segment.drop()
	o.server.places.Take(o, o.name.Vhost, w.segment.path)
}
