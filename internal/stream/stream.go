package stream

import (
	"sync"
	"time"

	"weir/internal/media"
)

const (
	// maxWindowBytes bounds the memory of one stream's frames, whatever its settings.
	maxWindowBytes = 256 << 20
	// trimEvery is how many frames may come before the window is looked at between key frames.
	trimEvery = 64
	// pureAudio is the number of audio frames after which a stream is taken to have no video
	// any more.
	pureAudio = 115
)

// Stream is one live stream: a log of its newest frames, at most one publisher, and readers
// that are positions in the log. It lives while it has one or the other.
type Stream struct {
	// Set at construction.
	ID       string
	VhostID  string
	registry *Registry
	key      key
	url      string

	mu sync.Mutex // guards all below; nothing blocks under it

	frames window[*media.Frame]
	bytes  int    // of wire memory in the window
	entry  uint64 // where new readers start, if cached
	cached bool
	newKey uint64 // position of the newest key frame, if hasKey
	hasKey bool
	audios int // audio frames since the last video frame

	layout *media.Layout // of the newest frame, or what a publisher has announced
	main   int           // the track whose key frames count; -1 where every frame is one
	clock  media.Clock
	epoch  uint64 // counts publishers
	ended  uint64 // counts ends of publishers

	publisher *Publisher
	request   *Request // of the last publisher, for the API
	readers   map[*Subscriber]struct{}
	viewers   int
	lonely    time.Time // since when there has been no viewer
	derived   map[any]*derived
	lane      *Lane
	videos    uint64 // video frames so far
	past      totals // of sessions that have ended; guarded by registry.mu
	rate      rate   // guarded by registry.mu
}

func (s *Stream) settings() Settings { return s.registry.settings(s.key.vhost) }

// write appends a publisher's frames, on the stream's timeline.
func (s *Stream) write(p *Publisher, frames []*media.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range frames {
		if s.publisher != p {
			return p.why()
		}
		s.adopt(p, f)
		s.append(f)
	}
	s.frames.rouse()
	return nil
}

// adopt gives a frame the stream's layout and time.
func (s *Stream) adopt(p *Publisher, f *media.Frame) {
	if f.Layout != p.layout {
		p.layout = f.Layout
		s.announce(f.Layout)
	}
	repairs := s.clock.Repairs.Jump + s.clock.Repairs.Skew
	dts := s.clock.Stamp(int(f.Track), f.Source().Kind, f.DTS, f.At)
	f.DTS, f.PTS = dts, dts+f.PTS-f.DTS
	if s.layout.Wall.IsZero() || repairs != s.clock.Repairs.Jump+s.clock.Repairs.Skew {
		s.anchor(dts)
	}
	f.Layout = s.layout
}

// announce puts a publisher's layout in force.
func (s *Stream) announce(l *media.Layout) {
	next := *l
	next.Publisher = s.epoch
	next.Offset, next.Wall = s.clock.Offset(), time.Time{}
	if prev := s.layout; prev != nil && prev.Publisher == s.epoch {
		next.Wall = prev.Wall
	}
	s.layout = &next
	s.main = next.First(media.Video)
}

// anchor notes where the stream's timeline lies in the publisher's time and on the wall clock.
func (s *Stream) anchor(dts int64) {
	next := *s.layout
	next.Offset = s.clock.Offset()
	next.Wall = time.Now().Add(-time.Duration(dts))
	s.layout = &next
}

// append puts a frame into the window and moves the place where new readers start.
func (s *Stream) append(f *media.Frame) {
	pos := s.frames.next
	s.frames.append(f)
	s.bytes += f.Size()
	opens := s.opens(f)
	switch kind := f.Source().Kind; {
	case kind == media.Video:
		s.videos++
		s.audios = 0
	case kind == media.Audio:
		s.audios++
	}
	if opens {
		s.newKey, s.hasKey = pos, true
		s.entry, s.cached = pos, s.main >= 0
	}
	if s.audios > pureAudio {
		s.cached = false
	}
	if opens && s.main >= 0 || pos%trimEvery == 0 || s.bytes > maxWindowBytes {
		s.trim()
	}
}

// opens reports whether a reader can start at f.
func (s *Stream) opens(f *media.Frame) bool {
	return f.Key && (s.main < 0 || int(f.Track) == s.main)
}

// trim forgets what nobody will read: all before the newest GOP and the slowest reader, and
// what is longer ago than the queue length though somebody has not read it.
func (s *Stream) trim() {
	rules := s.settings()
	if n := rules.GOPCacheMaxFrames; !rules.GOPCache || n > 0 && s.frames.next-s.entry > uint64(n) {
		s.cached = false
	}
	keep := s.frames.next
	if s.cached {
		keep = s.entry
	}
	slowest := keep
	for r := range s.readers {
		slowest = min(slowest, r.pos)
	}
	slowest = max(slowest, s.frames.base)
	if s.frames.next > s.frames.base {
		limit := s.frames.at(s.frames.next-1).DTS - int64(rules.QueueLength)
		for slowest < keep && s.frames.at(slowest).DTS < limit {
			slowest++
		}
	}
	s.forget(slowest)
	for s.bytes > maxWindowBytes && s.frames.base < s.frames.next {
		s.forget(s.frames.base + 1)
	}
}

func (s *Stream) forget(pos uint64) {
	for n := s.frames.base; n < pos; n++ {
		s.bytes -= s.frames.at(n).Size()
	}
	s.frames.drop(pos)
	s.cached = s.cached && s.entry >= s.frames.base
	s.hasKey = s.hasKey && s.newKey >= s.frames.base
}

// join returns where a new reader starts.
func (s *Stream) join() uint64 {
	if s.cached && s.settings().GOPCache && s.publisher != nil {
		return s.entry
	}
	return s.frames.next
}

// take copies the frames from r's position on to dst. Wake is closed when there may be more.
func (s *Stream) take(r *Subscriber, dst []*media.Frame) (n int, wake <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.closed {
		return 0, nil, ErrClosed
	}
	if r.pos < s.frames.base {
		s.skip(r)
	}
	if r.seek {
		s.seek(r)
	}
	if n = s.frames.copy(dst, r.pos); n > 0 {
		r.pos += uint64(n)
		if s.publisher == nil {
			s.trim()
		}
		return n, nil, nil
	}
	if r.ended != s.ended {
		r.ended = s.ended
		switch {
		case !r.request.Wait:
			return 0, nil, errEnded
		case r.request.Notice:
			return 0, nil, ErrUnpublished
		}
	}
	return 0, s.frames.more(), nil
}

// skip moves a reader that fell out of the window to the newest key frame, or lets it look for
// the next one.
func (s *Stream) skip(r *Subscriber) {
	to := s.frames.next
	if s.hasKey {
		to = s.newKey
	} else {
		r.seek = true
	}
	r.lost += to - r.pos
	r.pos = to
}

// seek moves a reader that looks for a key frame past what it cannot decode.
func (s *Stream) seek(r *Subscriber) {
	for ; r.pos < s.frames.next; r.pos++ {
		if s.opens(s.frames.at(r.pos)) {
			r.seek = false
			return
		}
		r.lost++
	}
}
