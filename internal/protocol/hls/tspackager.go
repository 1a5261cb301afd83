package hls

import (
	"time"

	"weir/internal/format/mpegts"
	"weir/internal/media"
	"weir/internal/stream"
)

// tsPackager makes segments of a transport stream out of frames.
type tsPackager struct {
	packager
	layout  *media.Layout
	mux     *mpegts.Mux // nil: there is nothing that it could carry
	waiting bool        // for a frame to begin with
	since   int64       // the first one that could not
	lost    uint64
}

// pack is a stream.Standing's Run.
func (s *Server) pack(sub *stream.Subscriber) {
	if !s.outputs.Enter() {
		return
	}
	defer s.outputs.Leave()
	common := s.newPackager(sub)
	if common == nil {
		return
	}
	p := &tsPackager{packager: *common}
	defer func() { s.release(p.output) }()
	defer p.finish()
	p.run()
}

func (p *tsPackager) run() {
	frames := make([]*media.Frame, media.MaxBatch)
	for p.over == nil {
		n, err := p.sub.ReadBatch(frames)
		p.look()
		if lost := p.sub.Lost(); lost != p.lost { // and what comes now does not follow what was before
			p.lost = lost
			p.finish()
		}
		for _, f := range frames[:n] {
			p.frame(f)
		}
		if n > 0 {
			var tracks []*media.Track
			if p.mux != nil {
				tracks = p.mux.Tracks()
			}
			p.output.touch(p.rules, tracks)
		}
		clear(frames[:n])
		if err != nil {
			return
		}
	}
}

// look follows the settings.
func (p *tsPackager) look() {
	was, _ := p.packager.look()
	if was == nil {
		return
	}
	if p.rules.HlsAcodec != was.HlsAcodec || p.rules.HlsVcodec != was.HlsVcodec || p.rules.HlsDtsDirectly != was.HlsDtsDirectly {
		p.finish()
		p.layout, p.mux = nil, nil
	}
	p.rule(0)
}

func (p *tsPackager) rule(longer time.Duration) {
	p.cutter.rule(p.rules, p.mux != nil && p.mux.Video(), longer)
}

// follow goes on with another layout.
func (p *tsPackager) follow(l *media.Layout) {
	before := p.layout
	p.layout = l
	another := true
	if p.mux == nil {
		o := mpegts.Options{Audio: p.rules.HlsAcodec != "an", Video: p.rules.HlsVcodec != "vn", Rebuild: !p.rules.HlsDtsDirectly}
		m, err := mpegts.NewMux(l, o)
		if err == nil {
			p.mux = m
		}
	} else {
		changed, err := p.mux.Follow(l)
		another = changed || l.Since(before)&media.ChangePublisher != 0
		if err != nil {
			p.finish()
			p.mux = nil
		}
	}
	if another {
		p.finish()
		p.rule(0)
	}
}

// frame takes one frame.
func (p *tsPackager) frame(f *media.Frame) {
	if f.Layout != p.layout {
		p.follow(f.Layout)
	}
	if p.mux == nil || !p.mux.Carries(f) || len(f.Data()) == 0 {
		return
	}
	if f.Source().Kind == media.Data {
		p.datum(f)
		return
	}
	if p.writing != nil && p.cutter.silent(f) {
		p.finish()
	}
	if p.writing == nil {
		if !p.waiting {
			p.waiting, p.since = true, f.DTS
		}
		if !p.cutter.starts(f, p.since) {
			return
		}
		p.begin(f)
	} else if cut, forced := p.cutter.cuts(f, p.writing.total()); cut {
		if forced {
			p.warn(f.DTS)
		}
		p.end(time.Duration(f.DTS - p.cutter.start))
		p.begin(f)
	}
	w := p.writing
	if w == nil {
		return
	}
	size := len(w.buf)
	w.buf, _ = p.mux.AppendFrame(w.buf, f) // its only error is that there are no tracks
	if len(w.buf) > size && f.Source().Kind == media.Video {
		w.pictures++
	}
	p.cutter.add(f)
	w.flush()
}

// datum puts a frame of data into the segment that there is: it neither begins one nor ends one.
func (p *tsPackager) datum(f *media.Frame) {
	w := p.writing
	if w == nil || w.total() >= maxBytes || p.cutter.silent(f) {
		return
	}
	w.buf, _ = p.mux.AppendFrame(w.buf, f) // as above
	w.flush()
}

// begin opens a segment that starts with f.
func (p *tsPackager) begin(f *media.Frame) {
	var wall time.Time
	if l := f.Layout; !l.Wall.IsZero() {
		wall = l.Wall.Add(time.Duration(f.DTS))
	}
	p.packager.begin(f.DTS, wall, p.mux.Video(), nil)
	if w := p.writing; w != nil {
		w.buf, _ = p.mux.AppendTables(w.buf)
		p.waiting = false
	}
}

// finish ends the segment where the stream ends, or is cut.
func (p *tsPackager) finish() {
	p.packager.finish()
	p.waiting = false
}
