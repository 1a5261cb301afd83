package relay

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"weir/internal/media"
)

const (
	seamPast   = 64                     // pictures that are remembered, to be known again
	seamFrames = 4096                   // that are looked at until one is known
	seamBytes  = 64 << 20               // the same
	seamWait   = 500 * time.Millisecond // the same: what a server keeps for those who come is sent at once
	seamSound  = 10 * time.Second       // by which sounds alone may be apart to be those of one clock: they all look the same
)

// seam has a stream that comes by another way go on where it broke off. Every way begins a little in the past, with
// pictures that have come already, and maybe by another clock: two in a row that are known tell where it goes on, and by
// how much the clocks differ. It is for one goroutine.
type seam struct {
	past []mark            // of the track that a stream is known by, the newest last
	last map[tracked]int64 // the time of the newest frame that has passed

	seeks bool           // frames are held until one is known
	held  []*media.Frame // that have come by the new way
	bytes int
	known int // the place in past of the newest that is known; -1 is none

	offset int64             // what the old clock has more than that of the way
	until  map[tracked]int64 // what has come before, up to this time
}

// tracked is a track, whatever place it has in a layout: that changes as others come.
type tracked struct {
	kind media.Kind
	id   int
}

func trackOf(f *media.Frame) tracked {
	t := f.Source()
	return tracked{t.Kind, t.ID}
}

// mark is a frame with the time that it came with.
type mark struct {
	frame *media.Frame
	dts   int64
}

// telling returns the track that a stream is known by: pictures, where there are some.
func telling(l *media.Layout) uint8 { return uint8(max(l.First(media.Video), 0)) }

// open has what comes next be another way of the stream, if there was one.
func (s *seam) open() {
	s.seeks, s.held, s.bytes, s.known, s.offset, s.until = len(s.past) > 0, nil, 0, -1, 0, nil
}

// fork returns a seam for another way that is tried beside the one that the stream comes by.
func (s *seam) fork() *seam {
	f := &seam{past: slices.Clone(s.past), last: maps.Clone(s.last)}
	f.open()
	return f
}

// pass returns what goes on of frames that have come, and whether that is no continuation of what has passed. It
// holds frames back until it knows.
func (s *seam) pass(frames []*media.Frame) (out []*media.Frame, splice bool) {
	if s.seeks {
		if frames, splice = s.seek(frames); s.seeks {
			return nil, false
		}
	}
	if splice {
		s.past, s.last = nil, nil
	}
	frames = s.newer(frames)
	s.remember(frames)
	return frames, splice
}

// seek looks for what is known. Once it is through it returns all that was held.
func (s *seam) seek(frames []*media.Frame) (out []*media.Frame, splice bool) {
	for i, f := range frames {
		s.held = append(s.held, f)
		s.bytes += f.Size()
		knows := f.Track == telling(f.Layout) && (s.knows(f) || s.near(f))
		if !knows && !s.lost(f) {
			continue
		}
		s.seeks = false
		out = slices.Concat(s.held, frames[i+1:])
		if s.held = nil; !knows {
			s.offset = 0
			return out, true
		}
		s.until = maps.Clone(s.last)
		return out, false
	}
	return nil, false
}

// knows reports whether f has come before, and what came next after it or before it too.
func (s *seam) knows(f *media.Frame) bool {
	if next := s.known + 1; s.known >= 0 && next < len(s.past) && s.past[next].is(f) {
		s.known = next
		return s.past[next].dts-f.DTS == s.offset
	}
	for i := range s.past {
		if p := &s.past[i]; p.is(f) {
			s.known, s.offset = i, p.dts-f.DTS
			return i == len(s.past)-1 && (s.offset == 0 || f.Key)
		}
	}
	s.known = -1
	return false
}

func (m *mark) is(f *media.Frame) bool {
	return m.frame.Key == f.Key && bytes.Equal(m.frame.Data(), f.Data())
}

// near reports whether f, of a stream without pictures, is by the old clock and about where that was.
func (s *seam) near(f *media.Frame) bool {
	if f.Layout.First(media.Video) >= 0 {
		return false
	}
	s.known, s.offset = -1, 0
	apart := time.Duration(f.DTS - s.past[len(s.past)-1].dts)
	return apart.Abs() <= seamSound
}

// lost reports whether there is nothing to be known any more: f is younger than all that has come, or too much has come.
func (s *seam) lost(f *media.Frame) bool {
	if len(s.held) >= seamFrames || s.bytes >= seamBytes || f.At-s.held[0].At > int64(seamWait) {
		return true
	}
	return f.Track == telling(f.Layout) && f.Key && s.known < 0 && (f.DTS > s.past[len(s.past)-1].dts || f.Layout.First(media.Video) < 0)
}

// newer moves frames to the old clock, and leaves out what has come before.
func (s *seam) newer(frames []*media.Frame) []*media.Frame {
	if s.offset == 0 && len(s.until) == 0 {
		return frames
	}
	kept := frames[:0]
	for _, f := range frames {
		f.DTS += s.offset
		f.PTS += s.offset
		if until, ok := s.until[trackOf(f)]; ok {
			if f.DTS <= until {
				continue
			}
			delete(s.until, trackOf(f))
		}
		kept = append(kept, f)
	}
	return kept
}

// remember keeps what a later way is known by.
func (s *seam) remember(frames []*media.Frame) {
	if s.last == nil {
		s.last = map[tracked]int64{}
	}
	for _, f := range frames {
		s.last[trackOf(f)] = f.DTS
		if f.Track != telling(f.Layout) {
			continue
		}
		if len(s.past) == seamPast {
			copy(s.past, s.past[1:])
			s.past = s.past[:seamPast-1]
		}
		s.past = append(s.past, mark{f, f.DTS})
	}
}
