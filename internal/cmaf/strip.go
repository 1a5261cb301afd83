package cmaf

import (
	"weir/internal/format/fmp4"
	"weir/internal/media"
)

// tolerance is by how much the stamps of sound may be off from what its samples tell, in ms: stamps are
// rounded, and many encoders are not exact. Beyond it, the stamps win.
const tolerance = 30

// strip gathers the frames of one track for the next chunk. How long a frame is shown is known when the
// next one comes, so the newest is held.
type strip struct {
	track *fmp4.Track // nil: it does not play
	index int         // in the layout

	samples []fmp4.Sample
	base    int64 // ticks, of the first of samples
	first   int64 // ticks, its presentation
	end     int64 // ticks, behind the last of samples: where the held frame begins

	held   *media.Frame
	data   []byte // its data
	step   int64  // ticks that the newest frame lasted
	came   bool   // a frame of the track has come
	newest int64  // ns, of the newest frame
}

// change goes on with another track, or with none. Time does not go back.
func (s *strip) change(t *fmp4.Track) {
	if s.track != nil && t != nil {
		s.end = t.Ticks(s.track.Time(s.end))
	}
	s.forget()
	s.track = t
}

// forget leaves out what has been gathered.
func (s *strip) forget() {
	clear(s.samples)
	s.samples, s.held, s.data, s.step = s.samples[:0], nil, nil, 0
}

// push takes the next frame: the one before is as long as until this one.
func (s *strip) push(f *media.Frame, data []byte) {
	at := s.track.Ticks(f.DTS)
	if s.held != nil {
		s.settle(s.lasts(at))
	} else {
		s.end = max(s.end, at)
	}
	s.held, s.data = f, data
	s.came, s.newest = true, f.DTS
}

// lasts returns for how long the held frame is shown if another one begins at a time.
func (s *strip) lasts(at int64) int64 {
	if n := s.track.Samples(s.data); n > 0 {
		if off := at - (s.end + n); off <= s.slack() && off >= -s.slack() {
			return n
		}
	}
	return max(1, at-s.end)
}

func (s *strip) slack() int64 { return s.track.Scale * tolerance / 1000 }

// settle puts the held frame among the samples.
func (s *strip) settle(lasts int64) {
	f := s.held
	if len(s.samples) == 0 {
		s.base, s.first = s.end, s.end
	}
	var offset int64
	if f.Source().Kind == media.Video {
		offset = s.track.Ticks(f.PTS) - s.end
	}
	if len(s.samples) == 0 {
		s.first = s.end + offset
	}
	s.samples = append(s.samples, fmp4.Sample{Data: s.data, Duration: uint32(lasts), Offset: int32(offset), Key: f.Key})
	s.end += lasts
	s.step = lasts
	s.held, s.data = nil, nil
}

// finish settles what is held, for as long as frames last by themselves or lasted before.
func (s *strip) finish() {
	if s.held == nil {
		return
	}
	n := s.track.Samples(s.data)
	if n == 0 {
		n = s.step
	}
	if n == 0 {
		n = s.track.Scale / 25
	}
	s.settle(n)
}

// fragment returns what has been gathered, and begins anew.
func (s *strip) fragment(seq uint32) (Fragment, error) {
	if len(s.samples) == 0 {
		return Fragment{}, nil
	}
	data, err := s.track.Fragment(seq, uint64(s.base), s.samples)
	f := Fragment{Data: data, Base: uint64(s.base), First: s.first, Duration: uint64(s.end - s.base)}
	clear(s.samples)
	s.samples = s.samples[:0]
	return f, err
}
