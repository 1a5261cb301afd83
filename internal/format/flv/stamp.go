package flv

import "time"

// wrapSlack is how far from the exact value a step back by a whole counter may be, in ms.
const wrapSlack = 10_000

// stamp unwraps the times of one kind of message. They have 32 bits, but some encoders count
// only 24 or 31 and start again.
type stamp struct {
	set   bool
	last  int64  // ms, unwrapped
	shift uint32 // added to what the encoder writes, for the wraps it did early
}

// next returns the unwrapped time of a message, which may step back where it is no wrap.
func (s *stamp) next(raw uint32) time.Duration {
	raw += s.shift
	if !s.set {
		s.set, s.last = true, int64(raw)
		return s.duration()
	}
	step := int64(int32(raw - uint32(s.last)))
	for _, early := range []int64{1 << 24, 1 << 31} {
		if d := step + early; step < -wrapSlack && d > -wrapSlack && d < wrapSlack {
			s.shift += uint32(early)
			step = d
			break
		}
	}
	s.last += step
	return s.duration()
}

func (s *stamp) duration() time.Duration { return time.Duration(s.last) * time.Millisecond }
