package hls

import (
	"slices"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/shelf"
)

// output is a stream's playlist and its segments. It stays when the publisher leaves, until its
// files are deleted.
type output struct {
	// Set at construction.
	server *Server
	name   shelf.Name
	dir    shelf.Dir
	file   string // of the playlist, below dir
	base   string // of URL paths
	url    string // path of the playlist's URL
	born   int64  // number of its first part

	resumed sync.Once // see resume

	turn sync.Mutex // held while files are put in place or deleted; taken before mu

	// Owned by who occupies it.
	floor    floor
	key      *key // of the newest segments
	keySince int  // what emptied was when it was made

	mu              sync.Mutex    // guards what follows
	list            []*segment    // in the playlist
	gone            []*segment    // not any more, but players may still ask for them
	open            *segment      // of which there are parts; nil: none
	header          *header       // the newest, of which there may be no segment yet
	begun           bool          // there has been a segment
	fed             bool          // somebody adds to it
	mp4             bool          // segments are of MP4
	low             bool          // there are parts
	emptied         int           // counts how often all has been deleted beneath the packager
	next            uint64        // sequence number
	count           int64         // number of the newest part that has an address
	hint            *part         // that one; nil before the first
	discontinuities int           // that have left the playlist
	target          int           // seconds; never shrinks
	partLimit       time.Duration // that the newest parts keep to
	partTarget      time.Duration // that all in the playlist do
	page            *page         // nil: there is no playlist
	changed         chan struct{} // closed when there is another page
	tracks          []*media.Track
	last            time.Time // when the newest frame came
	rules           *config.HLS
}

// become has the playlist consist of one form of segments, and of parts or not: what there is of the other form is
// not in it any more.
func (o *output) become(mp4, low bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.mp4 != mp4 && len(o.list) > 0 {
		now := time.Now()
		o.clear(now)
		if o.header != nil && !mp4 {
			o.gone = append(o.gone, &segment{header: o.header, due: now})
			o.header = nil
		}
	}
	o.mp4, o.low = mp4, low && o.low
	if !low {
		o.open, o.partTarget = nil, 0
	}
}

// clear takes all whole segments out of the playlist, so that there is none until the next one; mu is held.
func (o *output) clear(now time.Time) {
	for _, s := range o.list {
		s.due = now.Add(total(o.list))
		if s.discontinuity {
			o.discontinuities++
		}
	}
	o.gone = append(o.gone, o.list...)
	o.list, o.page = nil, nil
}

// extend adds a segment to the playlist, and takes out those that have become too old. The error
// is that of the playlist's file.
func (o *output) extend(s *segment, h *config.HLS) error {
	o.turn.Lock()
	defer o.turn.Unlock()
	o.server.places.Put(o, o.name.Vhost, s.path, &place{output: o, segment: s})
	if s.key != nil {
		o.server.places.Put(o, o.name.Vhost, s.key.path, &place{output: o, key: s.key})
	}
	o.enlist(s, h)
	var err error
	if h.HlsServeFrom != "memory" {
		err = o.dir.Write(o.file, o.filed())
	}
	o.purge(time.Now(), h)
	return err
}

func (o *output) enlist(s *segment, h *config.HLS) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.discontinuity = s.discontinuity && o.begun
	if o.open != nil && o.open.seq == s.seq {
		s.parts = o.open.parts
	}
	o.open = nil
	o.begun, o.next = true, s.seq+1
	o.list = append(o.list, s)
	if o.target == 0 {
		o.target = targetOf(scale(h.HlsFragment, h.HlsTdRatio), 0)
	}
	o.target = targetOf(s.duration, o.target)
	n := leaving(o.list, h.HlsWindow, time.Duration(o.target)*time.Second)
	for _, old := range o.list[:n] {
		old.due = s.at.Add(old.duration + total(o.list))
		o.gone = append(o.gone, old)
		if old.discontinuity {
			o.discontinuities++
		}
	}
	o.list = append([]*segment(nil), o.list[n:]...)
	o.unlist(s.at)
	o.show()
}

// purge forgets segments that nobody will ask for any more, and with hls_cleanup deletes their
// files. The turn is held.
func (o *output) purge(now time.Time, h *config.HLS) {
	o.mu.Lock()
	n := 0
	for n < len(o.gone) && !o.gone[n].due.After(now) {
		n++
	}
	old := o.gone[:n:n]
	o.gone = append([]*segment(nil), o.gone[n:]...)
	var kept used
	if n > 0 {
		kept = o.used()
	}
	parts := o.stale(now)
	o.mu.Unlock()
	o.withdraw(parts)
	o.forget(old, kept, h.HlsCleanup, shelf.Dir(h.HlsKeyFilePath))
}

// used is what segments share that there still are, and what the next may.
type used struct {
	keys    map[*key]bool
	headers map[*header]bool
}

// used lists it; mu is held.
func (o *output) used() used {
	u := used{map[*key]bool{}, map[*header]bool{}}
	for _, s := range slices.Concat(o.gone, o.list, []*segment{o.open, {header: o.header}}) {
		if s == nil {
			continue
		}
		if s.key != nil {
			u.keys[s.key] = true
		}
		if s.header != nil {
			u.headers[s.header] = true
		}
	}
	return u
}

// forget takes segments, and keys and headers but those that are still used, from the web server and, if
// that is wanted, from the disk.
func (o *output) forget(old []*segment, still used, remove bool, keys shelf.Dir) {
	take := func(at string) { o.server.places.Take(o, o.name.Vhost, at) }
	for _, s := range old {
		take(s.path)
		o.withdraw(s.parts)
		if s.disk && remove {
			o.dir.Remove(s.file)
		}
		if k := s.key; k != nil && !still.keys[k] {
			take(k.path)
			if remove && k.file != "" {
				keys.Remove(k.file)
			}
		}
		if n := s.header; n != nil && !still.headers[n] {
			take(n.path)
			if n.disk && remove {
				o.dir.Remove(n.file)
			}
		}
	}
}

// empty takes all segments out of the playlist, so that there is none until the next one.
func (o *output) empty() ([]*segment, *config.HLS) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := slices.Concat(o.gone, o.list)
	for _, s := range o.list {
		if s.discontinuity {
			o.discontinuities++
		}
	}
	if o.open != nil {
		old = append(old, o.open)
	}
	if p := o.hint; p != nil {
		old = append(old, &segment{parts: []*part{p}})
		close(p.ready)
	}
	old = append(old, &segment{header: o.header})
	o.list, o.gone, o.open, o.hint, o.header = nil, nil, nil, nil, nil
	o.emptied++
	o.page = nil
	return old, o.rules
}

// touch notes that frames have come, and by which rules.
func (o *output) touch(h *config.HLS, tracks []*media.Track) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last, o.rules = now, h
	if tracks != nil {
		o.tracks = tracks
	}
}

// look returns the playlist, nil if there is none, and what is closed when there is another.
func (o *output) look() (*page, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.page, o.changed
}

// describe returns what a master playlist says.
func (o *output) describe() (rates, []*media.Track) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return measure(o.list), o.tracks
}

// position returns the number of the next segment, and emptied.
func (o *output) position() (next uint64, emptied int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next, o.emptied
}
