package stream

import (
	"sync"
	"time"

	"weir/internal/media"
)

const (
	// maxWindowBytes bounds the memory of one stream's frames, whatever its settings.
	maxWindowBytes = 256 << 20
	// frameBytes is what a frame takes beside its wire bytes.
	frameBytes = 128
	// trimEvery is how many frames may come before the window is looked at between key frames.
	trimEvery = 64
	// pureAudio is the number of audio frames after which a stream is taken to have no video
	// any more.
	pureAudio = 115
)

// Stream is one live stream: a log of its newest frames, at most one publisher, and readers
// that are positions in the log. It lives while it has one or the other, or waits for a publisher
// that was lost.
type Stream struct {
	// Set at construction.
	ID       string
	VhostID  string
	registry *Registry
	key      key
	url      string

	mu sync.Mutex // guards all below; nothing blocks under it

	frames window[*media.Frame]
	bytes  int    // of memory that the window holds
	entry  uint64 // where new readers start, if cached
	cached bool
	newKey uint64 // position of the newest key frame, if hasKey
	hasKey bool
	audios int // frames of the first audio track since the last video frame

	layout *media.Layout // of the newest frame, or what a publisher has announced
	main   int           // the track whose key frames count; -1 where every frame is one
	clock  media.Clock
	sorter sorter
	sorted []*media.Frame // what it has let out, for reuse
	epoch  uint64         // counts publishers
	ended  uint64         // counts ends of publishers

	lastEnd uint64 // position behind the last frame of the publisher that ended last

	publisher *Publisher
	hold      *hold    // while a lost publisher is waited for; then there is no publisher
	request   *Request // of the last publisher, for the API
	readers   map[*Subscriber]struct{}
	awaiting  []await
	reading   int // how many of them read frames
	hasty     int // how many of these want each frame at once
	viewers   int
	lonely    time.Time // since when there has been no viewer
	derived   map[any]*derived
	standing  []*standing // by the registry's outputs; nil before the first publisher
	lane      *Lane
	videos    uint64     // video frames so far
	health    health     // of the newest publisher
	gone      *End       // the publication that ended last; guarded by registry.mu
	way       *way       // to another server; nil before the first
	asked     int        // clients that the gates are asked for; guarded by registry.mu
	wanted    int        // readers that a Supply would run for; guarded by registry.mu
	wish      *Request   // of the newest of them; guarded by registry.mu
	supply    *supplying // guarded by registry.mu
	past      totals     // of sessions that have ended; guarded by registry.mu
	missed    uint64     // frames that readers had lost when they left; guarded by registry.mu
	rate      rate       // guarded by registry.mu
}

// live reports whether the stream is published, or is to go on as if it had never stopped.
func (s *Stream) live() bool { return s.publisher != nil || s.hold != nil }

func (s *Stream) settings() Settings { return s.registry.settings(s.key.vhost) }

// write appends a publisher's frames, on the stream's timeline.
func (s *Stream) write(p *Publisher, frames []*media.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher != p {
		return p.why()
	}
	if sort := s.settings().MixCorrect; !sort && len(s.sorter.held) == 0 {
		s.enter(p, frames)
	} else {
		s.sort(p, frames, sort)
	}
	s.rouse()
	return nil
}

// sort appends those of the frames whose turn it is; those that were held too if it is not on
// any more.
func (s *Stream) sort(p *Publisher, frames []*media.Frame, on bool) {
	for _, f := range frames {
		s.sorted = s.sorted[:0]
		if on {
			s.sorted = s.sorter.push(s.sorted, &s.clock, f)
		} else {
			s.sorted = append(s.sorter.flush(s.sorted), f)
		}
		s.enter(p, s.sorted)
	}
	clear(s.sorted[:cap(s.sorted)]) // an idle stream pins no frames
}

// enter appends frames in the order they have.
func (s *Stream) enter(p *Publisher, frames []*media.Frame) {
	for _, f := range frames {
		s.adopt(p, f)
		s.append(f)
	}
}

// drain appends what is still held of a publisher who ends.
func (s *Stream) drain() {
	if s.publisher != nil {
		s.enter(s.publisher, s.sorter.flush(nil))
	}
}

// adopt gives a frame the stream's layout and time.
func (s *Stream) adopt(p *Publisher, f *media.Frame) {
	if f.Layout != p.layout {
		p.layout = f.Layout
		s.announce(f.Layout)
	}
	dts := s.clock.Stamp(int(f.Track), f.Source().Kind, f.DTS, f.At)
	f.DTS, f.PTS = dts, dts+f.PTS-f.DTS
	if s.layout.Wall.IsZero() || s.layout.Offset != s.clock.Offset() {
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

// append puts a frame into the window and moves the places where readers start and resume.
func (s *Stream) append(f *media.Frame) {
	pos := s.frames.next
	f.Charge = int32(f.Size() + frameBytes)
	if pos == s.frames.base || s.frames.at(pos-1).Layout != f.Layout {
		f.Charge += int32(f.Layout.Size())
	}
	s.frames.append(f)
	s.bytes += int(f.Charge)
	video := f.Source().Kind == media.Video
	switch {
	case video:
		s.videos++
	case s.audios <= pureAudio && int(f.Track) == f.Layout.First(media.Audio):
		s.audios++
	}
	main := int(f.Track) == s.main
	opens := f.Key && video && main
	if video || f.Source().Kind == media.Audio {
		s.health.note(f, video, main, opens)
	}
	switch pure := s.main < 0 || s.audios > pureAudio; {
	case opens:
		s.newKey, s.hasKey = pos, true
		s.entry, s.cached = pos, true
	case pure && !video:
		s.newKey, s.hasKey = pos, true
		s.cached = false
	case pure:
		s.hasKey = false // pictures are back, but decoding cannot start here
	}
	if video {
		s.audios = 0
	}
	if opens || pos%trimEvery == 0 || s.bytes > maxWindowBytes {
		s.trim()
	}
}

// trim forgets what nobody will read: all before the newest GOP and the slowest reader, and
// what is longer ago than the queue length, by its time or by its arrival, though somebody has
// not read it.
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
		if !r.idle {
			slowest = min(slowest, r.pos)
		}
	}
	slowest = max(slowest, s.frames.base)
	if slowest < keep {
		newest, limit := s.frames.at(s.frames.next-1), int64(rules.QueueLength)
		for slowest < keep {
			if f := s.frames.at(slowest); newest.DTS-f.DTS <= limit && newest.At-f.At <= limit {
				break
			}
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
		s.bytes -= int(s.frames.at(n).Charge)
	}
	s.frames.drop(pos)
	s.cached = s.cached && s.entry >= s.frames.base
	s.hasKey = s.hasKey && s.newKey >= s.frames.base
}

// join returns where a new reader starts.
func (s *Stream) join() uint64 {
	rules := s.settings()
	long := rules.GOPCacheMaxFrames > 0 && s.frames.next-s.entry > uint64(rules.GOPCacheMaxFrames)
	if s.cached && rules.GOPCache && !long && s.live() {
		return s.entry
	}
	return s.frames.next
}

// take copies the frames from r's position on to dst; s.mu is held. It returns nothing, and no
// error, where there are none yet.
func (s *Stream) take(r *Subscriber, dst []*media.Frame) (n int, err error) {
	if r.closed {
		return 0, ErrClosed
	}
	if l := s.lane; l != nil && r.request.Packets != "" && r.request.Packets == l.cargo && r.lane != l && (r.ended == s.ended || r.request.Wait) {
		r.lane = l
		return 0, ErrLane
	}
	if !r.reads {
		s.start(r)
	}
	if r.request.Wait && !r.request.Notice {
		r.ended = s.ended
	}
	if r.seek || r.pos < s.frames.base {
		s.skip(r)
	}
	end := s.frames.next
	if r.ended != s.ended {
		end = max(r.pos, s.lastEnd) // what came before the end comes before the news of it
	}
	if n = s.frames.copy(dst[:min(uint64(len(dst)), end-r.pos)], r.pos); n > 0 {
		r.pos += uint64(n)
		r.taken += uint64(n)
		if r.timed {
			r.timed = false
			s.registry.firsts.add(time.Since(r.started))
		}
		if s.publisher == nil && r.pos == s.frames.next {
			s.trim()
		}
		return n, nil
	}
	if r.ended != s.ended {
		if !r.request.Wait {
			return 0, errEnded
		}
		r.ended++
		return 0, ErrUnpublished
	}
	return 0, nil
}

// start makes r a reader of frames. One that held none in the window has lost none.
func (s *Stream) start(r *Subscriber) {
	if r.idle && r.pos < s.frames.base {
		r.pos = s.join()
	}
	r.idle = false
	s.reads(r, true)
}

// skip moves a reader that fell out of the window to the newest key frame, or lets it look for
// the next one.
func (s *Stream) skip(r *Subscriber) {
	to := s.frames.next
	if r.seek = !s.hasKey || s.newKey < r.pos; !r.seek {
		to = s.newKey
	}
	if to > r.pos {
		r.lostAt = time.Now()
	}
	r.lost += to - r.pos
	r.pos = to
}
