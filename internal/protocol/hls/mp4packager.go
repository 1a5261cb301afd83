package hls

import (
	"time"

	"weir/internal/cmaf"
	"weir/internal/config"
	"weir/internal/stream"
)

// mp4Packager makes segments of MP4 out of chunks: a segment is some chunks in a row, and with low latency each
// of them is a part as well.
type mp4Packager struct {
	packager
	tracks *cmaf.Tracks // that the header is of
	some   *cmaf.Tracks // those of them that are wanted: hls_acodec and hls_vcodec may leave one out
	head   *header
	where  *output // that has the header
	empty  int     // how often all of it had been deleted then
}

// none takes chunks of which nothing can be made.
type none struct{}

func (none) Chunk(*cmaf.Chunk) {}
func (none) End()              {}

// open is a cmaf.Kind's Open.
func (s *Server) open(sub *stream.Subscriber) cmaf.Output {
	if !s.outputs.Enter() {
		return none{}
	}
	common := s.newPackager(sub)
	if common == nil {
		s.outputs.Leave()
		return none{}
	}
	return &mp4Packager{packager: *common}
}

// End is a cmaf.Output's.
func (p *mp4Packager) End() {
	defer p.server.outputs.Leave()
	defer func() { p.server.release(p.output) }()
	p.finish()
}

// Chunk is a cmaf.Output's.
func (p *mp4Packager) Chunk(c *cmaf.Chunk) {
	if p.over != nil {
		return
	}
	p.look()
	if c.Cut {
		p.finish()
	}
	if _, now := p.output.position(); p.output != p.where || now != p.empty { // there is no header any more
		p.tracks = nil
	}
	if c.Tracks != p.tracks {
		p.follow(c.Tracks)
	}
	if p.some != nil {
		p.take(p.wanted(c))
		p.output.touch(p.rules, p.some.Sources())
	}
}

// look follows the settings.
func (p *mp4Packager) look() {
	was, _ := p.packager.look()
	if was == nil {
		return
	}
	h := p.rules
	if omits(h) != omits(was) || h.HlsInitFile != was.HlsInitFile || h.HlsLowLatency != was.HlsLowLatency || h.HlsServeFrom != was.HlsServeFrom {
		p.finish()
		p.tracks = nil
		p.output.become(true, h.HlsLowLatency)
	}
}

// omission is what of a stream is not wanted.
type omission struct{ video, audio bool }

func omits(h *config.HLS) omission { return omission{h.HlsVcodec == "vn", h.HlsAcodec == "an"} }

// follow goes on with other tracks.
func (p *mp4Packager) follow(t *cmaf.Tracks) {
	p.finish()
	p.tracks, p.some, p.head = t, nil, nil
	p.where = p.output
	_, p.empty = p.output.position()
	some := *t
	out := omits(p.rules)
	if out.video {
		some.Video = nil
	}
	if out.audio {
		some.Audio = nil
	}
	if len(some.All()) == 0 {
		return
	}
	head, err := p.output.head(p.rules, some.All())
	if err != nil {
		p.tracks = nil // the next chunk tries again
		p.fail(err)
		return
	}
	p.some, p.head = &some, head
}

// wanted is a chunk without what is left out.
func (p *mp4Packager) wanted(c *cmaf.Chunk) *cmaf.Chunk {
	if p.some.Video == c.Tracks.Video && p.some.Audio == c.Tracks.Audio {
		return c
	}
	less := *c
	if p.some.Video == nil {
		less.Video, less.Pictures, less.Key = cmaf.Fragment{}, 0, true
	} else {
		less.Audio = cmaf.Fragment{}
	}
	return &less
}

// take puts a chunk into the segment that is being made, or into the next.
func (p *mp4Packager) take(c *cmaf.Chunk) {
	if c.Size() == 0 {
		return
	}
	video := p.some.Video != nil
	if p.writing == nil {
		if video && !c.Key && p.rules.HlsWaitKeyframe {
			return
		}
		p.begin(c.Start, c.Wall, video, p.head)
	}
	w := p.writing
	if w == nil {
		return
	}
	w.add(c.Video.Data)
	w.add(c.Audio.Data)
	w.pictures += c.Pictures
	p.cutter.reach(c.End())
	if w.low {
		p.output.part(w, c, p.rules)
	}
	if cut, forced := p.cutter.cutsAt(c.End(), c.Last, w.total()); cut {
		if forced {
			p.warn(c.End())
		}
		p.end(time.Duration(c.End() - p.cutter.start))
	}
}
