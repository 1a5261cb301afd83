package hls

import (
	"bytes"
	"math"
	"slices"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
)

// Marks in a playlist's text, at the end of what gets the session's id. URLs have no such bytes.
const (
	markSegment = "\x01"
	markKey     = "\x02"
)

// page is a playlist as text. It is immutable.
type page struct {
	marked []byte // with marks
	plain  []byte // without
}

// render returns the text for a session: with its id behind keys, and where marks is true behind
// segments too.
func (p *page) render(id string, marks bool) []byte {
	query := "?" + ctxName + "=" + id
	dst := make([]byte, 0, len(p.plain)+len(query)*bytes.Count(p.marked, []byte(markSegment))+2*len(query))
	rest := p.marked
	for {
		at := bytes.IndexAny(rest, markSegment+markKey)
		if at < 0 {
			return append(dst, rest...)
		}
		dst = append(dst, rest[:at]...)
		if marks || rest[at] == markKey[0] {
			dst = append(dst, query...)
		}
		rest = rest[at+1:]
	}
}

// write makes the page of a list of segments, the oldest first.
func write(list []*segment, target int, discontinuities int) (*page, error) {
	m := playlist.Media{
		Version: 3, TargetDuration: target,
		MediaSequence: int(list[0].seq), DiscontinuitySequence: &discontinuities,
	}
	keyed := false
	for _, s := range list {
		e := &playlist.MediaSegment{Duration: s.duration, URI: s.uri + markSegment, Discontinuity: s.discontinuity}
		if !s.wall.IsZero() {
			e.DateTime = &s.wall
		}
		if s.key != nil {
			keyed = true
			e.Key = &playlist.MediaKey{Method: playlist.MediaKeyMethodAES128, URI: s.key.url, IV: s.key.vector}
			if s.key.own {
				e.Key.URI += markKey
			}
		} else if keyed { // the key before is not for this one
			e.Key = &playlist.MediaKey{Method: playlist.MediaKeyMethodNone}
		}
		m.Segments = append(m.Segments, e)
	}
	marked, err := m.Marshal()
	if err != nil {
		return nil, err
	}
	plain := bytes.ReplaceAll(marked, []byte(markSegment), nil)
	return &page{marked, bytes.ReplaceAll(plain, []byte(markKey), nil)}, nil
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
