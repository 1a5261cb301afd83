package cmaf

import (
	"time"

	"weir/internal/format/fmp4"
	"weir/internal/media"
)

// absent is how long a track may be silent while the other is not.
const absent = 3 * time.Second

// cast is which tracks a stream's chunks have. That is not only what its layout says: a player that is told
// of a track waits for it, and one that never comes would keep it from all else. So a track that is
// announced and silent is left out, until there is a frame of it.
type cast struct {
	layout  *media.Layout
	offered *Tracks // that the layout has; nil: none that MP4 can carry
	tracks  *Tracks // those that play
	next    *Tracks // those that are to, from the next key frame on; nil: the same
	video   strip
	audio   strip
	fresh   bool  // no chunk has been made with the tracks
	begun   bool  // since is known
	since   int64 // ns, the first frame with this layout
}

// follow goes on with another layout.
func (p *packager) follow(l *media.Layout) {
	change := l.Since(p.layout)
	first := p.layout == nil
	p.layout = l
	if change&media.ChangePublisher != 0 {
		p.finish()
		p.video.came, p.audio.came, p.begun = false, false, false
	}
	video, at := find(l, media.Video)
	audio, with := find(l, media.Audio)
	offered := &Tracks{Video: video, Audio: audio}
	was := p.offered
	p.offered = offered
	p.video.index, p.audio.index = at, with
	switch {
	case len(offered.All()) == 0:
		p.finish()
		p.offered, p.tracks, p.next = nil, nil, nil
		p.video.track, p.audio.track = nil, nil
	case !first && was != nil && was.same(offered) && change&media.ChangePublisher == 0: // those that are left out stay so
	case p.tracks != nil && p.open && video != nil && video.Same(p.tracks.Video): // the pictures go on, and so does all else
		p.join()
	default:
		p.play(offered)
	}
}

// join has all that is offered play from the next key frame on; at once, if nothing has been made yet that says
// otherwise.
func (p *packager) join() {
	if !p.fresh {
		p.next = p.offered
		return
	}
	p.tracks, p.next = p.offered, nil
	p.audio.change(p.offered.Audio)
}

// play has the next chunk begin with other tracks, or with the same ones anew. Where no chunk has been made before,
// what was to be the first is left out: it is too short to be worth another header.
func (p *packager) play(t *Tracks) {
	same := p.tracks.same(t)
	if p.fresh && !same {
		p.open = false
	}
	p.finish()
	p.next, p.fresh = nil, true
	if same {
		return
	}
	p.tracks = t
	p.video.change(t.Video)
	p.audio.change(t.Audio)
}

// lead returns the strip that chunks are cut by.
func (p *packager) lead() *strip {
	if p.tracks.Video != nil {
		return &p.video
	}
	return &p.audio
}

// strip returns where a frame belongs, or nil.
func (p *packager) strip(f *media.Frame) *strip {
	switch {
	case p.offered == nil:
	case p.offered.Video != nil && p.video.index == int(f.Track):
		return &p.video
	case p.offered.Audio != nil && p.audio.index == int(f.Track):
		return &p.audio
	}
	return nil
}

// enters notes that a frame of a track has come, finds out what that changes, and reports whether the
// track is one that plays.
func (p *packager) enters(f *media.Frame, s *strip) bool {
	if !p.begun {
		p.begun, p.since = true, f.DTS
	}
	opens := s == &p.video && f.Key
	switch {
	case p.next != nil && (opens || p.tracks.Video == nil && p.next.Video == nil):
		p.play(p.next)
	case s.track == nil && (opens || p.offered.Video == nil):
		p.play(p.offered)
	case s == &p.audio && s.track == nil:
		p.join()
	case s == &p.audio && p.tracks.Video != nil && p.away(&p.video, f):
		p.play(&Tracks{Audio: p.tracks.Audio})
	case opens && p.tracks.Audio != nil && p.audio.came && p.away(&p.audio, f):
		p.play(&Tracks{Video: p.tracks.Video})
	}
	s.came, s.newest = true, f.DTS
	return s.track != nil
}

// away reports whether a track has been silent for long before a frame of the other.
func (p *packager) away(s *strip, f *media.Frame) bool {
	since := p.since
	if s.came {
		since = s.newest
	}
	return time.Duration(f.DTS-since) >= absent
}

// leave takes out of the cast, before its first chunk is made, sound of which nothing has come.
func (p *packager) leave() {
	if p.fresh && p.tracks.Video != nil && p.tracks.Audio != nil && !p.audio.came {
		p.tracks = &Tracks{Video: p.tracks.Video}
		p.audio.change(nil)
	}
	p.fresh = false
}

// find returns the first track of a kind that MP4 can carry, and its index.
func find(l *media.Layout, kind media.Kind) (*fmp4.Track, int) {
	for i, s := range l.Tracks {
		if s.Kind != kind {
			continue
		}
		if t, err := fmp4.NewTrack(s); err == nil {
			return t, i
		}
	}
	return nil, -1
}
