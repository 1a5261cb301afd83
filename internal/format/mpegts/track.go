package mpegts

import (
	"slices"

	"github.com/asticode/go-astits"

	"weir/internal/media"
)

// PIDs, as other servers of the kind have them.
const (
	pidPMT   = 0x1001
	pidVideo = 0x100
	pidAudio = 0x101
	pidData  = 0x102 // of the first, and so on
)

// track is one track of a layout in a transport stream.
type track struct {
	source *media.Track
	index  int // in the layout
	kind   media.Kind
	pid    uint16
	codec  coding
	count  count
}

// coding is how a codec is written into a transport stream.
type coding struct {
	streamType  astits.StreamType
	streamID    byte
	descriptors []byte // those of the PMT
	sections    bool   // it is sections, in no PES packets
	step        step
	// append writes the bytes that stand for an access unit, or reports false if it is damaged.
	append func(dst, data []byte, key bool) (unit []byte, ok bool)
}

// step is how long the frames of a codec are: samples at a rate; zero where that is not known.
type step struct{ samples, rate int64 }

// find returns the first track of a kind that can be carried.
func find(l *media.Layout, kind media.Kind, wanted bool) *track {
	if l == nil || !wanted {
		return nil
	}
	for i, s := range l.Tracks {
		if s.Kind != kind {
			continue
		}
		if c, ok := codingOf(s); ok {
			pid := uint16(pidVideo)
			if kind == media.Audio {
				pid = pidAudio
			}
			return &track{source: s, index: i, kind: kind, pid: pid, codec: c}
		}
	}
	return nil
}

// place returns the tracks of data that can be carried. Those that are there keep their places, and their PIDs.
func (d *data) place(l *media.Layout) (next data) {
	var fresh []*track
	for i, s := range l.Tracks {
		if s.Kind != media.Data {
			continue
		}
		c, ok := codingOf(s)
		if !ok {
			continue
		}
		t := &track{source: s, index: i, kind: media.Data, codec: c}
		n := slices.IndexFunc(d[:], func(u *track) bool { return u != nil && u.source.ID == s.ID && u.source.Codec == s.Codec })
		if n < 0 || next[n] != nil {
			fresh = append(fresh, t)
			continue
		}
		next[n] = t
	}
	for _, t := range fresh {
		if n := slices.Index(next[:], nil); n >= 0 {
			next[n] = t
		}
	}
	for n, t := range next {
		if t != nil {
			t.pid = pidData + uint16(n)
		}
	}
	return next
}

// data is the tracks of data, by their PIDs; nil where there is none.
type data [maxData]*track

// replaced reports whether these need other tables than those before.
func (d *data) replaced(next *data) bool {
	for i, t := range d {
		if t.replaced(next[i]) {
			return true
		}
	}
	return false
}

// replaced reports whether u needs another decoder or other tables than t.
func (t *track) replaced(u *track) bool {
	if t == nil || u == nil {
		return t != u
	}
	a, b := t.source, u.source
	return a.Codec != b.Codec || string(a.Config) != string(b.Config) ||
		t.pid != u.pid || t.codec.streamType != u.codec.streamType || string(t.codec.descriptors) != string(u.codec.descriptors)
}

// next returns u with the state that runs on from t.
func (t *track) next(u *track) *track {
	if t != nil && u != nil && !t.replaced(u) {
		u.count = t.count
	}
	return u
}

// count gives times by counting samples.
type count struct {
	begun   bool
	start   int64 // 90 kHz
	samples int64
}

const drift = hz / 10 // by which counted and given times may differ

// counted returns the time of the next frame by the samples before it, or pts itself where that
// is too far from it or the length of frames is not known.
func (t *track) counted(pts int64) int64 {
	c, s := &t.count, t.codec.step
	if s.rate == 0 {
		return pts
	}
	at := c.start + c.samples*hz/s.rate
	if d := pts - at; !c.begun || d > drift || d < -drift {
		*c, at = count{begun: true, start: pts}, pts
	}
	c.samples += s.samples
	return at
}
