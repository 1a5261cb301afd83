package hls

import (
	"fmt"
	"os"
	"path"
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
	"weir/internal/stream"
)

// packager makes segments of one stream, for one goroutine. What they are made of is another's business: of
// tsPackager, or mp4Packager.
type packager struct {
	server *Server
	sub    *stream.Subscriber
	name   shelf.Name
	output *output

	of    *config.Config // what rules were found in
	vhost *config.Vhost
	rules *config.HLS

	cutter  cutter
	writing *writing // nil: waits for a frame to begin with
	cut     bool     // there is a discontinuity before the next segment
	spare   []byte   // memory for the next segment
	size    int64    // of the newest segment
	failing bool     // the error is in the log
	over    error    // hls_on_error says that this is the end
}

// newPackager returns a packager of what is published, which has the stream's output until it is released. It is
// nil if there can be no files of the stream.
func (s *Server) newPackager(sub *stream.Subscriber) *packager {
	r := sub.Stream().Publication()
	p := &packager{server: s, sub: sub, name: shelf.Name{Vhost: r.Vhost, App: r.App, Stream: r.Stream}, cut: true}
	if !p.name.Safe() {
		s.o.Log.Error("no HLS of this stream: its name cannot be that of a file", "cid", r.ID, "stream", r.URL())
		return nil
	}
	if _, ok := p.look(); !ok {
		return nil
	}
	p.output = s.output(p.name, p.vhost, 0, r.Supplied)
	return p
}

// look finds the settings in force, and follows what has changed: was are those before, if there are others
// now. It is false if there are none.
func (p *packager) look() (was *config.HLS, ok bool) {
	c := p.server.o.Config()
	if c == p.of {
		return nil, true
	}
	v := p.server.o.Config().Exactly(p.name.Vhost)
	if v == nil {
		return nil, p.vhost != nil
	}
	was = p.rules
	p.of, p.vhost, p.rules = c, v, &v.HLS
	if was == nil || p.output == nil {
		return nil, true
	}
	next := p.server.newOutput(p.name, v)
	if o := p.output; o.dir != next.dir || o.file != next.file || o.url != next.url {
		p.finish()
		n, _ := o.position()
		p.server.release(o)
		p.output = p.server.output(p.name, v, n, false)
	}
	return was, true
}

// begin opens a segment that starts at a time of the stream, with a header or without.
func (p *packager) begin(at int64, wall time.Time, video bool, head *header) {
	o, h := p.output, p.rules
	seq, emptied := o.position()
	now := time.Now()
	names := shelf.Opened{At: now, Stamp: now.UnixMilli(), Seq: seq}
	if p.of.UTCTime {
		names.At, wall = now.UTC(), wall.UTC()
	}
	var longer time.Duration
	if h.HlsTSFloor {
		names.Stamp, longer = o.floor.next(now, h.HlsFragment)
	}
	p.cutter.rule(h, video, longer)
	w := &writing{dir: o.dir, emptied: emptied, memory: h.HlsServeFrom != "disk", low: head != nil && h.HlsLowLatency}
	w.seq, w.disk, w.discontinuity, w.wall, w.header = seq, h.HlsServeFrom != "memory", p.cut, wall, head
	pattern := h.HlsTSFile // whatever the settings want next: the form is that of the packager
	if head != nil {
		pattern = h.HlsFmp4File
	}
	w.file = p.name.Segment(pattern, names)
	w.tmp = w.file + shelf.Temporary
	if h.HlsKeys {
		if err := p.useKey(w, names); err != nil {
			p.fail(err)
			p.cut = true
			return
		}
	}
	switch {
	case head != nil && w.crypt == nil: // it stays in the pieces that it comes in
	case w.memory || w.low:
		w.buf = make([]byte, 0, p.size+p.size/8) // so that it need not grow, nor is much left
	default:
		w.buf, p.spare = p.spare[:0], nil
	}
	p.writing = w
	p.cutter.begin(at)
}

// useKey has a segment encrypted: with a new key at each multiple of hls_fragments_per_key.
func (p *packager) useKey(w *writing, names shelf.Opened) error {
	o, h := p.output, p.rules
	if o.key == nil || o.keySince != w.emptied || w.seq%uint64(max(1, h.HlsFragmentsPerKey)) == 0 {
		k := newKey()
		k.file = p.name.Segment(h.HlsKeyFile, names)
		k.path = path.Join(o.base, k.file)
		if k.own = ownKeys(h); k.own {
			k.url = shelf.Relative(o.file, k.file)
		} else {
			k.url = h.HlsKeyURL + shelf.Escaped(k.file)
		}
		if w.disk {
			if err := shelf.Dir(h.HlsKeyFilePath).Write(k.file, k.value[:]); err != nil {
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
	p.cut = true
}

// end completes the segment.
func (p *packager) end(lasted time.Duration) {
	w, o, h := p.writing, p.output, p.rules
	p.writing = nil
	if _, now := o.position(); lasted < minKept && !w.low || now != w.emptied { // too short, or what it belongs to has been disposed of
		w.drop()
		p.cut = w.discontinuity || now != w.emptied
		return
	}
	p.cut = false
	w.duration, w.at = lasted, time.Now()
	w.file = shelf.Lasting(w.file, lasted)
	w.path = path.Join(o.base, w.file)
	w.uri = entry(h.HlsEntryPrefix, o.url, o.file, w.file)
	s, err := w.finish()
	p.size = s.size
	if s.data == nil {
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
		File: o.dir.Path(s.file), URL: s.uri, M3U8: o.dir.Path(o.file), M3U8URL: o.url,
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

// warn logs that a segment ends where it should not, before a time of the stream.
func (p *packager) warn(at int64) {
	p.server.o.Log.Warn("hls segment ends without a key frame: it is too long", "stream", p.url(), "bytes", p.writing.total(), "duration", time.Duration(at-p.cutter.start))
}

func (p *packager) url() string { return p.name.URL() }

// workDir is where relative paths start.
func workDir() string {
	at, err := os.Getwd()
	if err != nil {
		return ""
	}
	return at
}
