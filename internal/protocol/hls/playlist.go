package hls

import (
	"bytes"
	"math"
	"slices"
	"sync"
	"time"

	"weir/internal/format/m3u8"
)

// Marks in a playlist's text, at the end of what gets the session's id. URLs have no such bytes.
const (
	markSegment = "\x01"
	markKey     = "\x02"
)

// The versions of the protocol that playlists need.
const (
	versionTS   = 3
	versionMP4  = 7
	versionSkip = 9 // with Playlist Delta Updates
)

// skipAfter is how many target durations before the end of a playlist segments may be left out of an update,
// holdBack how many parts players stay behind it. Spec: rfc8216bis, 4.4.3.8.
const (
	skipAfter = 6
	holdBack  = 3
)

// page is a playlist. It is immutable.
type page struct {
	text  form
	delta func() form // without the segments that who has had it before knows
	next  uint64      // number of the segment behind the last whole one
	parts int         // that there are of it
	last  int         // parts of the last whole one
	low   bool        // players may wait for the next one
}

// form is one way to write a playlist.
type form struct {
	plain []byte
	marks []mark // where a session's id goes in
}

type mark struct {
	at  int // in plain
	key bool
}

func newForm(m *m3u8.Media) form {
	text := m.Append(nil)
	f := form{plain: text[:0]} // which is shorter by the marks
	for rest := text; ; {
		at := bytes.IndexAny(rest, markSegment+markKey)
		if at < 0 {
			f.plain = append(f.plain, rest...)
			return f
		}
		f.plain = append(f.plain, rest[:at]...)
		f.marks = append(f.marks, mark{len(f.plain), rest[at] == markKey[0]})
		rest = rest[at+1:]
	}
}

// render returns the text for a session: with its id behind keys, and where all is true behind segments too.
func (f form) render(query string, all bool) []byte {
	dst := make([]byte, 0, len(f.plain)+len(query)*len(f.marks))
	last := 0
	for _, m := range f.marks {
		if all || m.key {
			dst = append(append(dst, f.plain[last:m.at]...), query...)
			last = m.at
		}
	}
	return append(dst, f.plain[last:]...)
}

// has reports whether the playlist has come as far as a request asks: to the end of segment msn, or where part
// is not negative to the end of that part of it. A part that its segment has not is the first of the next.
// Spec: rfc8216bis, 6.2.5.2.
func (p *page) has(msn uint64, part int) bool {
	if part >= 0 && (msn+1 < p.next || msn+1 == p.next && part < p.last) {
		return true
	}
	if part >= 0 && msn+1 == p.next && p.last > 0 {
		return p.parts > 0
	}
	return msn < p.next || part >= 0 && msn == p.next && part < p.parts
}

// show makes the page of what there is; mu is held. There is none before the first segment.
func (o *output) show() {
	if len(o.list) == 0 {
		return
	}
	if o.low {
		o.aimParts()
	}
	m := o.media()
	p := &page{next: o.next, low: o.low}
	p.last = len(o.list[len(o.list)-1].parts)
	if o.open != nil && o.low {
		p.parts = len(o.open.parts)
	}
	p.text = newForm(&m)
	p.delta = sync.OnceValue(func() form {
		m.Skipped = skipped(m.Segments, skipAfter*time.Duration(m.Target)*time.Second)
		if m.Skipped == 0 {
			return p.text
		}
		return newForm(&m)
	})
	o.page = p
	close(o.changed)
	o.changed = make(chan struct{})
}

// media lists what there is, as a playlist; mu is held.
func (o *output) media() m3u8.Media {
	m := m3u8.Media{Version: versionTS, Target: o.target, Sequence: o.list[0].seq, Discontinuities: o.discontinuities}
	if o.mp4 {
		m.Version = versionMP4
	}
	list := o.list
	if o.low {
		m.Version = versionSkip
		m.Low = &m3u8.Low{Part: o.partTarget, HoldBack: holdBack * o.partTarget, Skip: skipAfter * time.Duration(o.target) * time.Second}
		if o.hint != nil {
			m.Hint = o.hint.uri + markSegment
		}
		if o.open != nil && len(o.open.parts) > 0 {
			list = append(slices.Clip(list), o.open)
		}
	}
	m.Segments = make([]m3u8.Segment, 0, len(list))
	for _, s := range list {
		m.Segments = append(m.Segments, s.entry(o.low, s == o.open))
	}
	return m
}

// entry is the segment in a playlist.
func (s *segment) entry(low, open bool) m3u8.Segment {
	e := m3u8.Segment{URI: s.uri + markSegment, Duration: s.duration, Discontinuity: s.discontinuity, Wall: s.wall}
	if open {
		e.URI = ""
	}
	if s.header != nil {
		e.Map = s.header.uri + markSegment
	}
	if s.key != nil {
		e.Key = &m3u8.Key{URI: s.key.url, IV: s.key.vector}
		if s.key.own {
			e.Key.URI += markKey
		}
	}
	if low && s.unlisted.IsZero() {
		for _, p := range s.parts {
			e.Parts = append(e.Parts, m3u8.Part{URI: p.uri + markSegment, Duration: p.duration, Independent: p.key})
		}
	}
	return e
}

// skipped returns how many segments at the front are farther from the end than the boundary.
func skipped(list []m3u8.Segment, boundary time.Duration) int {
	var d time.Duration
	for i, s := range slices.Backward(list) {
		if s.URI == "" {
			for _, p := range s.Parts {
				d += p.Duration
			}
			continue
		}
		if d > boundary {
			return i + 1
		}
		d += s.Duration
	}
	return 0
}

// filed is the playlist as a file: nobody can wait for that.
func (o *output) filed() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.low {
		return o.page.text.plain
	}
	m := o.media()
	m.Version, m.Low, m.Hint = versionMP4, nil, ""
	if n := len(m.Segments); m.Segments[n-1].URI == "" {
		m.Segments = m.Segments[:n-1]
	}
	for i := range m.Segments {
		m.Segments[i].Parts = nil
	}
	return newForm(&m).plain
}

// targetOf returns the target duration, in seconds, that goes with segments of that length. One
// that is in force stays for as long as RFC 8216, 4.3.3.1 allows: lengths are rounded for it.
func targetOf(d time.Duration, inForce int) int {
	if int(math.Round(d.Seconds())) <= inForce {
		return inForce
	}
	return int(math.Ceil(d.Seconds()))
}

// total returns how long segments are together.
func total(list []*segment) (d time.Duration) {
	for _, s := range list {
		d += s.duration
	}
	return d
}

// leaving returns how many of the oldest segments are outside of the window. The one across its
// edge stays, and so do three times the target duration, as RFC 8216, 6.2.2 wants.
func leaving(list []*segment, window, target time.Duration) int {
	window = max(window, 3*target)
	var d time.Duration
	for i, s := range slices.Backward(list) {
		if d += s.duration; d > window {
			return i
		}
	}
	return 0
}
