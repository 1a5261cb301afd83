package hls

import (
	"fmt"
	"path"
	"slices"
	"time"

	"weir/internal/cmaf"
	"weir/internal/config"
	"weir/internal/shelf"
)

// partsFor is how many target durations before the end of a playlist have parts in it, and graceFor how many
// more players may come for those that they have seen there. Spec: rfc8216bis, 6.2.2.
const (
	partsFor = 3
	graceFor = 2
)

// partSlack is how much shorter than their target all parts may be before that follows: each must have 85 % of it.
const partSlack = 0.95

// part is a Partial Segment. It has an address before it is there: who asks for it early waits.
type part struct {
	// Set at construction.
	uri, path string
	ready     chan struct{} // closed when the rest is set

	// Set once.
	duration time.Duration
	key      bool         // decoding can begin here
	data     shelf.Pieces // nil: it will never come
}

// announce gives the part that comes next an address. Parts are counted through, for it is not known yet
// whether it will be the first of a segment, and from the clock, so that no other process has given the
// name to something else. The turn is held.
func (o *output) announce(h *config.HLS) {
	o.mu.Lock()
	o.count = max(o.count+1, o.born)
	file := path.Join(path.Dir(o.file), fmt.Sprintf("%s.part%d.m4s", path.Base(o.name.Stream), o.count))
	p := &part{uri: entry(h.HlsEntryPrefix, o.url, o.file, file), path: path.Join(o.base, file), ready: make(chan struct{})}
	o.hint = p
	o.mu.Unlock()
	o.server.places.Put(o, o.name.Vhost, p.path, &place{output: o, part: p})
}

// fill completes a part.
func (p *part) fill(c *cmaf.Chunk, k *key) {
	p.duration, p.key = c.Duration, c.Key
	for _, b := range [...][]byte{c.Video.Data, c.Audio.Data} {
		if len(b) > 0 {
			p.data = append(p.data, b)
		}
	}
	if k != nil { // each part is encrypted by itself, from the same initial vector
		var whole []byte
		for _, b := range p.data {
			whole = append(whole, b...)
		}
		p.data = shelf.Pieces{k.encrypter().last(whole)}
	}
	close(p.ready)
}

// part adds a part to the segment that is being made, and wakes who waits for it.
func (o *output) part(w *writing, c *cmaf.Chunk, h *config.HLS) {
	o.turn.Lock()
	defer o.turn.Unlock()
	if _, now := o.position(); now != w.emptied { // and it belongs to nothing any more
		return
	}
	if o.hint == nil {
		o.announce(h)
	}
	p := o.hint
	p.fill(c, w.key)
	o.announce(h)
	if w.key != nil { // players need it now
		o.server.places.Put(o, o.name.Vhost, w.key.path, &place{output: o, key: w.key})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil || o.open.seq != w.seq {
		s := w.segment
		s.discontinuity = s.discontinuity && o.begun
		o.open = &s
	}
	o.open.parts = append(o.open.parts, p)
	o.partLimit = c.Limit
	o.low = true
	o.show()
}

// aimParts finds the Part Target Duration: that of the longest part in the playlist, and of what is to come. It
// stays for as long as it can; one frame that was held for long must not keep players behind for ever. mu is held.
func (o *output) aimParts() {
	need := o.partLimit
	for _, s := range append(slices.Clip(o.list), o.open) {
		if s == nil || !s.unlisted.IsZero() {
			continue
		}
		for _, p := range s.parts {
			need = max(need, p.duration)
		}
	}
	if need > o.partTarget || float64(need) < partSlack*float64(o.partTarget) {
		o.partTarget = (need + time.Millisecond - 1).Truncate(time.Millisecond)
	}
}

// unlist takes the parts out of the playlist that are too far from its end, and notes when; mu is held.
func (o *output) unlist(now time.Time) {
	var d time.Duration
	for _, s := range slices.Backward(o.list) {
		if d >= partsFor*time.Duration(o.target)*time.Second && len(s.parts) > 0 && s.unlisted.IsZero() {
			s.unlisted = now
		}
		d += s.duration
	}
}

// stale takes the parts out of memory that players have no reason to ask for any more; mu is held.
func (o *output) stale(now time.Time) (old []*part) {
	grace := graceFor * time.Duration(o.target) * time.Second
	for _, list := range [...][]*segment{o.gone, o.list} {
		for _, s := range list {
			if len(s.parts) > 0 && !s.unlisted.IsZero() && now.Sub(s.unlisted) >= grace {
				old = append(old, s.parts...)
				s.parts = nil
			}
		}
	}
	return old
}

// withdraw takes parts from the web server.
func (o *output) withdraw(old []*part) {
	for _, p := range old {
		o.server.places.Take(o, o.name.Vhost, p.path)
	}
}
