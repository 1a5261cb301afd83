package stream

import (
	"cmp"
	"slices"

	"weir/internal/media"
)

// sorterHolds is how many frames of one kind are held while none of the other has come.
const sorterHolds = 10

// sorter puts a publisher's sound and pictures into the order of their times. Each frame that
// goes in lets at most one out, the earliest, once there are both sound and pictures to compare,
// or enough of one of them: so it never holds sorterHolds frames. Guarded by the stream's lock.
type sorter struct {
	held   []timed // earliest first
	counts [media.Audio + 1]int
	layout *media.Layout // of the newest frame that went in
}

type timed struct {
	*media.Frame
	at int64 // on the stream's timeline, as far as can be told, ns
}

// push takes a frame and appends to out those that may go on. The clock tells where the
// publisher's times lie on the stream's timeline.
func (s *sorter) push(out []*media.Frame, c *media.Clock, f *media.Frame) []*media.Frame {
	if f.Layout != s.layout {
		out = s.relay(out, f.Layout)
	}
	kind := f.Source().Kind
	if kind == media.Data {
		switch f.Source().Codec {
		case media.SCTE35, media.ID3, media.KLV:
			if !c.Led() { // the others say where its times are
				out = s.flush(out)
			}
		}
		return append(out, f)
	}
	for i, h := range s.held { // the clock may have been corrected
		s.held[i].at = c.Locate(int(h.Track), h.DTS)
	}
	at := c.Locate(int(f.Track), f.DTS)
	if n := len(s.held); n > 0 && !near(at, s.held[n-1].at) || n == 0 && c.Led() && !near(at, c.Newest()) {
		// Another clock, or one that was set: there is no order to find.
		return append(s.flush(out), f)
	}
	s.held = append(s.held, timed{f, at})
	// Stable: what rides on a frame stays behind it.
	slices.SortStableFunc(s.held, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	s.counts[kind]++
	if video, audio := s.counts[media.Video], s.counts[media.Audio]; video > 0 && audio > 0 || video+audio >= sorterHolds {
		out = append(out, s.pop())
	}
	return out
}

// near reports whether a step from one time to another is what order and gaps explain.
func near(at, from int64) bool {
	return at >= from-int64(media.MaxBack) && at <= from+int64(media.MaxGap)
}

// relay has the frames that are held belong to a new layout, or lets them go first if they
// cannot be decoded with it.
func (s *sorter) relay(out []*media.Frame, l *media.Layout) []*media.Frame {
	if l.Since(s.layout).Cut() {
		out = s.flush(out)
	}
	for _, h := range s.held {
		h.Layout = l
	}
	s.layout = l
	return out
}

func (s *sorter) pop() *media.Frame {
	f := s.held[0].Frame
	s.held = slices.Delete(s.held, 0, 1)
	s.counts[f.Source().Kind]--
	return f
}

// flush appends to out all that is held.
func (s *sorter) flush(out []*media.Frame) []*media.Frame {
	for len(s.held) > 0 {
		out = append(out, s.pop())
	}
	return out
}
