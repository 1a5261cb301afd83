package hls

import (
	"slices"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/media"
)

// output is a stream's playlist and its segments. It stays when the publisher leaves, until its
// files are deleted.
type output struct {
	// Set at construction.
	server *Server
	name   name
	dir    dir
	file   string // of the playlist, below dir
	base   string // of URL paths
	url    string // path of the playlist's URL

	resumed sync.Once // see resume

	turn sync.Mutex // held while files are put in place or deleted; taken before mu

	active bool // somebody adds segments; guarded by Server.mu

	// Owned by the packager.
	floor    floor
	key      *key // of the newest segments
	keySince int  // what emptied was when it was made

	mu              sync.Mutex // guards what follows
	list            []*segment // in the playlist
	gone            []*segment // not any more, but players may still ask for them
	begun           bool       // there has been a segment
	emptied         int        // counts how often all has been deleted beneath the packager
	next            uint64     // sequence number
	discontinuities int        // that have left the playlist
	target          int        // seconds; never shrinks
	page            *page      // nil: there is no playlist
	shown           chan struct{}
	tracks          []*media.Track
	last            time.Time // when the newest frame came
	rules           *config.HLS
}

// extend adds a segment to the playlist, and takes out those that have become too old. The error
// is that of the playlist's file.
func (o *output) extend(s *segment, h *config.HLS) error {
	o.turn.Lock()
	defer o.turn.Unlock()
	o.server.put(o, s.path, &place{output: o, segment: s})
	if s.key != nil {
		o.server.put(o, s.key.path, &place{output: o, key: s.key})
	}
	p, err := o.enlist(s, h)
	if err == nil && h.HlsServeFrom != "memory" {
		err = o.dir.write(o.file, p.plain)
	}
	o.purge(time.Now(), h)
	return err
}

func (o *output) enlist(s *segment, h *config.HLS) (*page, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.discontinuity = s.discontinuity && o.begun
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
	p, err := write(o.list, o.target, o.discontinuities)
	if err != nil {
		return nil, err
	}
	if o.page == nil {
		close(o.shown)
	}
	o.page = p
	return p, nil
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
	keys := map[*key]bool{}
	for _, s := range slices.Concat(o.gone, o.list) {
		keys[s.key] = true
	}
	o.mu.Unlock()
	o.forget(old, keys, h.HlsCleanup, dir(h.HlsKeyFilePath))
}

// forget takes segments, and keys but those that are still used, from the web server and, if
// that is wanted, from the disk.
func (o *output) forget(old []*segment, used map[*key]bool, remove bool, keys dir) {
	for _, s := range old {
		o.server.take(o, s.path)
		if s.disk && remove {
			o.dir.remove(s.file)
		}
		if k := s.key; k != nil && !used[k] {
			o.server.take(o, k.path)
			if remove && k.file != "" {
				keys.remove(k.file)
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
	o.list, o.gone = nil, nil
	o.emptied++
	if o.page != nil {
		o.page, o.shown = nil, make(chan struct{})
	}
	return old, o.rules
}

// idle returns for how long there has been no frame, and whether there is anything to delete.
func (o *output) idle(now time.Time) (d time.Duration, full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return now.Sub(o.last), o.page != nil || len(o.gone) > 0
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

// look returns the playlist, or what is closed when there is one.
func (o *output) look() (*page, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.page, o.shown
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
