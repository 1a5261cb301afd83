package hls

import (
	"fmt"
	"path"
	"time"

	"weir/internal/config"
	"weir/internal/format/mpegts"
	"weir/internal/media"
	"weir/internal/stream"
)

// packager makes segments of one stream's frames, for one goroutine.
type packager struct {
	server *Server
	sub    *stream.Subscriber
	name   name
	output *output

	of    *config.Config // what rules were found in
	vhost *config.Vhost
	rules *config.HLS

	layout  *media.Layout
	mux     *mpegts.Mux // nil: there is nothing that it could carry
	cutter  cutter
	writing *writing // nil: waits for a frame to begin with
	waiting bool     // since that frame could not
	since   int64
	cut     bool // there is a discontinuity before the next segment
	lost    uint64
	spare   []byte // memory for the next segment
	size    int64  // of the newest segment
	failing bool   // the error is in the log
	over    error  // hls_on_error says that this is the end
}

// pack is a stream.Standing's Run.
func (s *Server) pack(sub *stream.Subscriber) {
	if !s.enter() {
		return
	}
	defer s.leave()
	r := sub.Stream().Publication()
	p := &packager{server: s, sub: sub, name: name{r.Vhost, r.App, r.Stream}, cut: true}
	if !p.name.safe() {
		s.o.Log.Error("no HLS of this stream: its name cannot be that of a file", "cid", r.ID, "stream", r.URL())
		return
	}
	if !p.look() {
		return
	}
	p.output = s.output(p.name, p.vhost, 0)
	defer func() { s.release(p.output) }()
	defer p.finish()
	p.run()
}

func (p *packager) run() {
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

// look finds the settings in force, and follows what has changed. It is false if there are none.
func (p *packager) look() bool {
	c := p.server.o.Config()
	if c == p.of {
		return true
	}
	v := p.server.vhost(p.name.vhost)
	if v == nil {
		return p.vhost != nil
	}
	was := p.rules
	p.of, p.vhost, p.rules = c, v, &v.HLS
	if was == nil {
		return true
	}
	if p.rules.HlsAcodec != was.HlsAcodec || p.rules.HlsVcodec != was.HlsVcodec || p.rules.HlsDtsDirectly != was.HlsDtsDirectly {
		p.finish()
		p.layout, p.mux = nil, nil
	}
	next := p.server.newOutput(p.name, v)
	if o := p.output; o.dir != next.dir || o.file != next.file || o.url != next.url {
		p.finish()
		n, _ := o.position()
		p.output = p.server.output(p.name, v, n)
	}
	p.rule(0)
	return true
}

func (p *packager) rule(longer time.Duration) {
	p.cutter.rule(p.rules, p.mux != nil && p.mux.Video(), longer)
}

// follow goes on with another layout.
func (p *packager) follow(l *media.Layout) {
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
func (p *packager) frame(f *media.Frame) {
	if f.Layout != p.layout {
		p.follow(f.Layout)
	}
	if p.mux == nil || !p.mux.Carries(f) || len(f.Data()) == 0 {
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
			p.server.o.Log.Warn("hls segment ends without a key frame: it is too long", "stream", p.url(), "bytes", p.writing.total(), "duration", time.Duration(f.DTS-p.cutter.start))
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

// begin opens a segment that starts with f.
func (p *packager) begin(f *media.Frame) {
	o, h := p.output, p.rules
	seq, emptied := o.position()
	now := time.Now()
	names := opened{at: now, stamp: now.UnixMilli(), seq: seq}
	if p.of.UTCTime {
		names.at = now.UTC()
	}
	var longer time.Duration
	if h.HlsTSFloor {
		names.stamp, longer = o.floor.next(now, h.HlsFragment)
	}
	p.rule(longer)
	w := &writing{dir: o.dir, emptied: emptied, memory: h.HlsServeFrom != "disk"}
	w.seq, w.disk, w.discontinuity = seq, h.HlsServeFrom != "memory", p.cut
	w.file = p.name.segment(h.HlsTSFile, names)
	w.tmp = w.file + temporary
	if l := f.Layout; !l.Wall.IsZero() {
		w.wall = l.Wall.Add(time.Duration(f.DTS))
		if p.of.UTCTime {
			w.wall = w.wall.UTC()
		}
	}
	if h.HlsKeys {
		if err := p.useKey(w, names); err != nil {
			p.fail(err)
			p.cut = true
			return
		}
	}
	if w.memory {
		w.buf = make([]byte, 0, p.size+p.size/8) // so that it need not grow, nor is much left
	} else {
		w.buf, p.spare = p.spare[:0], nil
	}
	w.buf, _ = p.mux.AppendTables(w.buf)
	p.writing, p.waiting = w, false
	p.cutter.begin(f)
}

// useKey has a segment encrypted: with a new key at each multiple of hls_fragments_per_key.
func (p *packager) useKey(w *writing, names opened) error {
	o, h := p.output, p.rules
	if o.key == nil || o.keySince != w.emptied || w.seq%uint64(max(1, h.HlsFragmentsPerKey)) == 0 {
		k := newKey()
		k.file = p.name.segment(h.HlsKeyFile, names)
		k.path = path.Join(o.base, k.file)
		if k.own = ownKeys(h); k.own {
			k.url = relative(o.file, k.file)
		} else {
			k.url = h.HlsKeyURL + escaped(k.file)
		}
		if w.disk {
			if err := dir(h.HlsKeyFilePath).write(k.file, k.value[:]); err != nil {
				return fmt.Errorf("key file: %w", err)
			}
		}
		o.key, o.keySince = k, w.emptied
	}
	w.key, w.crypt = o.key, o.key.encrypter()
	return nil
}

// ownKeys reports whether the playlist says that keys are fetched here. A path of the disk, which
// hls_key_url is where others have its default, is no URL.
func ownKeys(h *config.HLS) bool { return h.HlsKeyURL == "" || h.HlsKeyURL == h.HlsPath }

// finish ends the segment where the stream ends, or is cut.
func (p *packager) finish() {
	if p.writing != nil {
		p.end(p.cutter.lasted())
	}
	p.cut, p.waiting = true, false
}

// end completes the segment.
func (p *packager) end(lasted time.Duration) {
	w, o, h := p.writing, p.output, p.rules
	p.writing = nil
	if _, now := o.position(); lasted < minKept || now != w.emptied { // too short, or what it belongs to has been disposed of
		w.drop()
		p.cut = w.discontinuity || now != w.emptied
		return
	}
	p.cut = false
	w.duration, w.at = lasted, time.Now()
	w.file = nameLasting(w.file, lasted)
	w.path = path.Join(o.base, w.file)
	w.uri = entry(h.HlsEntryPrefix, o.url, o.file, w.file)
	s, err := w.finish()
	p.size = s.size
	if !w.memory {
		p.spare = w.buf
	}
	if err == nil || s.data != nil {
		if e := o.extend(s, h); err == nil {
			err = e
		}
		p.tell(s)
	} else {
		p.cut = true // and its number is free
	}
	if err != nil {
		p.fail(err)
		return
	}
	p.failing = false
}

// tell reports a segment.
func (p *packager) tell(s *segment) {
	if p.server.o.OnSegment == nil {
		return
	}
	o := p.output
	p.server.o.OnSegment(Segment{
		Request: p.sub.Stream().Publication(), Duration: s.duration, Seq: s.seq, CWD: workDir(),
		File: joined(o.dir, s.file), URL: s.uri, M3U8: joined(o.dir, o.file), M3U8URL: o.url,
	})
}

// fail does what hls_on_error says of a segment that could not be made, and logs the first of
// several failures.
func (p *packager) fail(cause error) {
	r := p.sub.Stream().Publication()
	if !p.failing {
		p.server.o.Log.Error("hls segment could not be written", "cid", r.ID, "stream", p.url(), "hls_on_error", p.rules.HlsOnError, "cause", cause)
	}
	p.failing = true
	switch p.rules.HlsOnError {
	case "continue":
	case "ignore":
		p.over = cause
	default:
		p.over = cause
		_ = p.server.o.Registry().Kick(r.ID, fmt.Errorf("hls_on_error: %w", cause)) // it may have left by itself
	}
}

func (p *packager) url() string {
	r := stream.Request{Vhost: p.name.vhost, App: p.name.app, Stream: p.name.stream}
	return r.URL()
}
