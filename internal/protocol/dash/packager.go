package dash

import (
	"time"

	"weir/internal/cmaf"
	"weir/internal/config"
	"weir/internal/shelf"
	"weir/internal/stream"
)

const (
	slack    = 20 * time.Millisecond // that stamps, which are rounded, may be short of the target
	shortest = 200 * time.Millisecond
	maxBytes = 128 << 20        // of a segment, however long its key frames keep it waiting
	maxTime  = 10 * time.Minute // the same
)

// packager makes segments of one stream's chunks, for one goroutine.
type packager struct {
	server *Server
	sub    *stream.Subscriber
	name   shelf.Name
	output *output

	of    *config.Config // what rules were found in
	vhost *config.Vhost
	rules *config.Dash

	period  *period       // nil: waits for a key frame
	emptied int           // the output's, when it began
	start   int64         // ns, of the open segments
	early   time.Duration // by how much a chunk came before its time, at the most, while nobody knows the period yet
	told    bool          // the period is in the manifest
	drift   drift
	apart   time.Duration // by how much the next period is to be put right
	behind  time.Duration // that the publisher's clock has been found to be, by ours
	bytes   int64         // in the open segments
	open    [2]opened
	failing bool // the error is in the log
}

// opened is a segment that is being made; there is none without a set.
type opened struct {
	set      *set
	segment  *segment
	file     *writing // nil: none is wanted
	end      int64    // ticks, of its newest frame
	pictures int
}

// none takes chunks of which nothing can be made.
type none struct{}

func (none) Chunk(*cmaf.Chunk) {}
func (none) End()              {}

// open is a cmaf.Kind's Open.
func (s *Server) open(sub *stream.Subscriber) cmaf.Output {
	r := sub.Stream().Publication()
	p := &packager{server: s, sub: sub, name: shelf.Name{Vhost: r.Vhost, App: r.App, Stream: r.Stream}}
	if !p.name.Safe() {
		s.o.Log.Error("no DASH of this stream: its name cannot be that of a file", "cid", r.ID, "stream", r.URL())
		return none{}
	}
	if !p.look() || !s.outputs.Enter() {
		return none{}
	}
	p.output = s.output(p.name, p.vhost, r.Supplied)
	return p
}

// End is a cmaf.Output's.
func (p *packager) End() {
	defer p.server.outputs.Leave()
	defer func() { p.server.release(p.output) }()
	p.finish()
}

// look finds the settings in force, and follows what has changed. It is false if there are none.
func (p *packager) look() bool {
	c := p.server.o.Config()
	if c == p.of {
		return true
	}
	v := p.server.o.Config().Exactly(p.name.Vhost)
	if v == nil {
		return p.vhost != nil
	}
	was := p.rules
	p.of, p.vhost, p.rules = c, v, &v.Dash
	if was == nil || p.output == nil {
		return true
	}
	next := p.server.newOutput(p.name, v)
	if o := p.output; o.dir != next.dir || o.file != next.file || o.url != next.url {
		p.finish()
		p.server.release(o)
		p.output = p.server.output(p.name, v, false)
	} else if was.DashServeFrom != p.rules.DashServeFrom {
		p.finish()
	}
	return true
}

// Chunk is a cmaf.Output's.
func (p *packager) Chunk(c *cmaf.Chunk) {
	p.look()
	o := p.output
	o.touch(p.rules)
	if p.period != nil && (c.Cut || c.Tracks != p.period.tracks || o.was(p.emptied)) {
		p.finish()
	}
	if p.period != nil && p.cuts(c) {
		if !p.close(c) {
			o.leaves(p.period)
			p.period = nil
		} else if p.apart != 0 && c.Key {
			p.mend(c)
		}
	}
	fresh := p.open == [2]opened{}
	if p.period == nil && (!c.Key || !p.begin(c)) {
		return
	}
	p.add(c)
	if by := p.drift.note(c.At.Sub(o.clock(p.period, c.End())), c.At); by != 0 {
		p.apart = by
	}
	if fresh && p.told && p.rules.DashLowLatency {
		p.show()
	}
}

// cuts reports whether the open segments end before a chunk.
func (p *packager) cuts(c *cmaf.Chunk) bool {
	lasted := time.Duration(c.Start - p.start)
	switch {
	case lasted < shortest:
		return false
	case p.bytes >= maxBytes || lasted >= max(maxTime, 2*p.rules.DashFragment):
		p.server.o.Log.Warn("dash segment ends without a key frame: it is too long", "stream", p.name.URL(), "bytes", p.bytes, "duration", lasted)
		return true
	}
	return c.Key && lasted+slack >= p.rules.DashFragment
}

// begin opens a period with a chunk.
func (p *packager) begin(c *cmaf.Chunk) bool {
	o := p.output
	n, err := o.newPeriod(c, p.behind, p.kept())
	if err != nil {
		p.fail(err)
		return false
	}
	p.period = n
	p.emptied = o.enter(n)
	p.early, p.told, p.drift, p.apart = 0, false, drift{}, 0
	return true
}

// mend begins a new period where the stream's clock and ours have come apart: the same, but for its time.
func (p *packager) mend(c *cmaf.Chunk) {
	p.behind += p.apart
	p.output.leaves(p.period)
	if p.period = nil; p.begin(c) {
		p.told = true // its time is known
	}
}

// kept says where segments are to be.
func (p *packager) kept() places {
	return places{memory: p.rules.DashServeFrom != "disk", disk: p.rules.DashServeFrom != "memory"}
}

// add puts a chunk into the open segments, and opens those that are not.
func (p *packager) add(c *cmaf.Chunk) {
	if p.open[0].segment == nil && p.open[1].segment == nil {
		p.start, p.bytes = c.Start, 0
	}
	for i, set := range [...]*set{p.period.video, p.period.audio} {
		f := &c.Video
		if i == 1 {
			f = &c.Audio
		}
		if set == nil || len(f.Data) == 0 {
			continue
		}
		w := &p.open[i]
		if w.segment == nil {
			*w = p.opens(set, f)
		}
		w.segment.add(f.Data)
		if w.file != nil {
			w.file.write(f.Data)
		}
		w.end = f.First + int64(f.Duration)
		p.early = min(p.early, c.At.Sub(p.output.clock(p.period, set.track.Time(w.end))))
		p.bytes += int64(len(f.Data))
		if i == 0 {
			w.pictures += c.Pictures
		}
	}
	p.output.grow(&p.open, c.Limit)
}

// opens begins a segment.
func (p *packager) opens(s *set, f *cmaf.Fragment) opened {
	o := p.output
	w := opened{set: s, segment: o.announced(s.name, f.First)}
	o.announce(s.name)
	if p.kept().disk {
		w.file = &writing{dir: o.dir, file: w.segment.file}
	}
	return w
}

// finish ends the period.
func (p *packager) finish() {
	if p.period != nil {
		p.close(nil)
		p.output.leaves(p.period)
	}
	p.period = nil
}

// close completes the open segments. They end where those of the next chunk begin, if that follows. It is false if
// one is missing, so that nothing can follow in this period.
func (p *packager) close(next *cmaf.Chunk) (whole bool) {
	o := p.output
	o.turn.Lock()
	defer o.turn.Unlock()
	if o.was(p.emptied) {
		p.drop()
		return false
	}
	whole = true
	var cause error
	for i := range p.open {
		w := &p.open[i]
		if w.segment == nil {
			continue
		}
		if next != nil {
			f := &next.Video
			if i == 1 {
				f = &next.Audio
			}
			if len(f.Data) > 0 && f.First > w.segment.start {
				w.end = f.First
			}
		}
		var err error
		if w.file != nil {
			err = w.file.finish()
		}
		if err != nil {
			cause = err
		}
		w.segment.finish(w.file != nil && err == nil, !p.kept().memory && !p.rules.DashLowLatency)
		if err == nil || p.kept().memory || p.rules.DashLowLatency {
			o.complete(w, next == nil)
		} else {
			o.discard(w)
			whole = false
		}
		*w = opened{}
	}
	if err := p.list(); cause == nil {
		cause = err
	}
	o.purge(time.Now(), p.rules)
	if cause != nil {
		p.fail(cause)
		return whole
	}
	p.failing = false
	return whole
}

// drop throws the open segments away: what they belong to has been deleted. The turn is held.
func (p *packager) drop() {
	o := p.output
	for i := range p.open {
		w := &p.open[i]
		if w.segment == nil {
			continue
		}
		if w.file != nil {
			w.file.drop()
		}
		w.segment.drop()
		o.server.places.Take(o, o.name.Vhost, w.segment.path)
		*w = opened{}
	}
}

// show puts the segments that are being made into the manifest.
func (p *packager) show() {
	o := p.output
	o.turn.Lock()
	defer o.turn.Unlock()
	if err := p.list(); err != nil {
		p.fail(err)
	}
}

// list writes the manifest, for the first time when a segment is whole. Many encoders send their first second at
// once: before anybody knows when the period begins, it is put so that no chunk came before its time. The turn is
// held.
func (p *packager) list() error {
	if !p.told {
		p.behind += p.output.shift(p.period, p.early)
		p.told = true
	}
	return p.output.write(p.rules)
}

// fail logs the first of several failures. The stream goes on, and so does DASH with the next segment.
func (p *packager) fail(cause error) {
	if !p.failing {
		p.server.o.Log.Error("dash segment could not be written", "cid", p.sub.Stream().Publication().ID, "stream", p.name.URL(), "cause", cause)
	}
	p.failing = true
}
