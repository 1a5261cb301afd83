package cmaf

import (
	"time"

	"weir/internal/media"
)

const (
	silence  = 3 * time.Second // without a frame: no chunk goes on behind it
	maxBytes = 32 << 20        // of the frames of a chunk
)

// packager makes chunks of one stream's frames, for one goroutine.
type packager struct {
	part func() time.Duration // the length of chunks that is wanted
	emit func(*Chunk)

	cast
	seq uint32 // of fragments
	cut bool   // something is missing before the next chunk

	open    bool  // there is a chunk that frames are put in
	start   int64 // ns, its first frame
	key     bool  // it begins with a key frame
	wall    time.Time
	frames  int   // of the leading track in it
	size    int   // bytes of its frames
	newest  int64 // ns, the newest frame of any track
	rhythm  rhythm
	counted int           // frames of a chunk, by the rhythm; 0: not known yet
	limit   time.Duration // that so many keep to
}

func newPackager(part func() time.Duration, emit func(*Chunk)) *packager {
	return &packager{part: part, emit: emit, cut: true}
}

// frame takes one frame.
func (p *packager) frame(f *media.Frame) {
	if f.Layout != p.layout {
		p.follow(f.Layout)
	}
	s := p.strip(f)
	if s == nil {
		return
	}
	data := f.Data()
	if len(data) == 0 {
		return
	}
	if time.Duration(f.DTS-p.newest) > silence {
		p.resume(f.DTS)
	}
	p.newest = max(p.newest, f.DTS)
	if !p.enters(f, s) {
		return
	}
	if s == p.lead() {
		p.leads(f, s, data)
	} else if p.open {
		s.push(f, data)
	}
	p.size += len(data)
}

// leads takes a frame of the leading track, before which a chunk may end.
func (p *packager) leads(f *media.Frame, s *strip, data []byte) {
	if !p.open && !f.Key {
		return
	}
	ends := p.open && p.ends(f)
	s.push(f, data)
	if ends {
		p.close(f.Key)
	}
	if !p.open {
		p.begin(f)
	}
	p.frames++
	p.rhythm.note(f.DTS)
}

// ends reports whether the open chunk ends before a frame of the leading track.
func (p *packager) ends(f *media.Frame) bool {
	if p.tracks.Video != nil && f.Key || p.size >= maxBytes {
		return true
	}
	step := p.rhythm.step()
	if step <= 0 {
		return false
	}
	if p.counted == 0 || p.rhythm.n < remembered || p.tracks.Video == nil {
		p.counted, p.limit = p.rhythm.fit(p.part())
	}
	return p.frames >= p.counted || time.Duration(f.DTS-p.start)+step > p.limit+jitter
}

// begin opens a chunk.
func (p *packager) begin(f *media.Frame) {
	p.open = true
	p.start, p.key, p.frames, p.size = f.DTS, f.Key, 0, 0
	p.wall = time.Time{}
	if l := f.Layout; !l.Wall.IsZero() {
		p.wall = l.Wall.Add(time.Duration(f.DTS))
	}
	if f.Key {
		p.counted = 0 // chunks of a group of pictures are of one size
	}
}

// close completes the open chunk with what has been settled. Last says that a key frame comes next.
func (p *packager) close(last bool) {
	p.open = false
	p.leave()
	t, lead := p.tracks, p.lead()
	c := &Chunk{Tracks: t, Key: p.key, Last: last, Cut: p.cut, Wall: p.wall, At: time.Now()}
	if t.Video != nil {
		c.Pictures = len(p.video.samples)
	}
	if c.Limit = p.limit; c.Limit == 0 {
		_, c.Limit = p.rhythm.fit(p.part())
	}
	base, end := lead.base, lead.end
	c.Start = lead.track.Time(base)
	c.Duration = time.Duration(lead.track.Time(end) - c.Start)
	ok := p.fragment(&p.video, &c.Video) && p.fragment(&p.audio, &c.Audio) && c.Size() > 0
	if p.cut = !ok; ok {
		p.emit(c)
	}
}

// fragment takes what a strip has gathered; it is false if that cannot be written.
func (p *packager) fragment(s *strip, f *Fragment) bool {
	if len(s.samples) == 0 {
		return true
	}
	p.seq++
	var err error
	*f, err = s.fragment(p.seq)
	return err == nil
}

// finish completes the open chunk where the stream ends, or is cut.
func (p *packager) finish() {
	if p.open {
		p.video.finish()
		p.audio.finish()
		p.close(false)
	}
	p.video.forget()
	p.audio.forget()
	p.cut = true
	p.rhythm, p.counted, p.limit = rhythm{}, 0, 0
}
