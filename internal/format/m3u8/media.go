// Package m3u8 writes Media Playlists of HLS.
//
// Spec: RFC 8216, and draft-pantos-hls-rfc8216bis for what is of low latency.
package m3u8

import (
	"strconv"
	"time"
)

// Media is a Media Playlist.
type Media struct {
	Version         int
	Independent     bool // every segment begins with a key frame
	Target          int  // seconds
	Sequence        uint64
	Discontinuities int
	Low             *Low // nil: no low latency
	Skipped         int  // segments at the front that a Playlist Delta Update leaves out
	Segments        []Segment
	Hint            string // the part that comes next; empty: none
}

// Low is what a playlist of low latency promises.
type Low struct {
	Part     time.Duration // that a part lasts at the most
	HoldBack time.Duration // from the end, where players stay
	Skip     time.Duration // from the end, before which segments may be left out
}

// Segment is an entry. One that is still being made has no URI, and the parts that there are.
type Segment struct {
	URI           string
	Duration      time.Duration
	Discontinuity bool
	Map           string // the address of its header; empty: it needs none
	Key           *Key   // nil: not encrypted
	Wall          time.Time
	Parts         []Part
}

// Key is one of AES-128.
type Key struct{ URI, IV string }

// Part is a Partial Segment.
type Part struct {
	URI         string
	Duration    time.Duration
	Independent bool
}

// Append writes the playlist.
func (m *Media) Append(b []byte) []byte {
	b = number(append(b, "#EXTM3U\n#EXT-X-VERSION:"...), uint64(m.Version))
	if m.Independent {
		b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	b = number(append(b, "#EXT-X-TARGETDURATION:"...), uint64(m.Target))
	if l := m.Low; l != nil {
		b = append(b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK="...)
		b = seconds(b, l.HoldBack)
		if l.Skip > 0 {
			b = seconds(append(b, ",CAN-SKIP-UNTIL="...), l.Skip)
		}
		b = append(seconds(append(b, "\n#EXT-X-PART-INF:PART-TARGET="...), l.Part), '\n')
	}
	b = number(append(b, "#EXT-X-MEDIA-SEQUENCE:"...), m.Sequence)
	b = number(append(b, "#EXT-X-DISCONTINUITY-SEQUENCE:"...), uint64(m.Discontinuities))
	if m.Skipped > 0 {
		b = number(append(b, "#EXT-X-SKIP:SKIPPED-SEGMENTS="...), uint64(m.Skipped))
	}
	w := writer{b: b}
	for i := range m.Segments[min(m.Skipped, len(m.Segments)):] {
		w.segment(&m.Segments[m.Skipped+i])
	}
	if m.Hint != "" {
		w.b = append(append(append(w.b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\""...), m.Hint...), "\"\n"...)
	}
	return w.b
}

// writer remembers what holds until something else is said.
type writer struct {
	b      []byte
	header string
	key    *Key
}

func (w *writer) segment(s *Segment) {
	if s.Discontinuity {
		w.b = append(w.b, "#EXT-X-DISCONTINUITY\n"...)
	}
	if s.Map != w.header && s.Map != "" {
		if w.key != nil { // which would be taken for the header's too
			w.setKey(nil)
		}
		w.header = s.Map
		w.b = append(append(append(w.b, "#EXT-X-MAP:URI=\""...), s.Map...), "\"\n"...)
	}
	if !s.Key.same(w.key) {
		w.setKey(s.Key)
	}
	if !s.Wall.IsZero() {
		w.b = append(s.Wall.AppendFormat(append(w.b, "#EXT-X-PROGRAM-DATE-TIME:"...), "2006-01-02T15:04:05.000Z07:00"), '\n')
	}
	for i := range s.Parts {
		w.part(&s.Parts[i])
	}
	if s.URI != "" {
		w.b = append(seconds(append(w.b, "#EXTINF:"...), s.Duration), ",\n"...)
		w.b = append(append(w.b, s.URI...), '\n')
	}
}

func (w *writer) part(p *Part) {
	w.b = seconds(append(w.b, "#EXT-X-PART:DURATION="...), p.Duration)
	w.b = append(append(append(w.b, ",URI=\""...), p.URI...), '"')
	if p.Independent {
		w.b = append(w.b, ",INDEPENDENT=YES"...)
	}
	w.b = append(w.b, '\n')
}

func (w *writer) setKey(k *Key) {
	w.key = k
	if k == nil {
		w.b = append(w.b, "#EXT-X-KEY:METHOD=NONE\n"...)
		return
	}
	w.b = append(append(append(w.b, "#EXT-X-KEY:METHOD=AES-128,URI=\""...), k.URI...), '"')
	if k.IV != "" {
		w.b = append(append(w.b, ",IV="...), k.IV...)
	}
	w.b = append(w.b, '\n')
}

func (k *Key) same(l *Key) bool { return k == l || k != nil && l != nil && *k == *l }

func number(b []byte, n uint64) []byte { return append(strconv.AppendUint(b, n, 10), '\n') }

func seconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, d.Seconds(), 'f', 5, 64)
}
