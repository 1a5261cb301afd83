package rtp

import "weir/internal/media"

// Order tells frames that are displayed before one that was sent earlier: B-frames, which browsers do
// not expect. It is for one track; the zero Order is ready.
type Order struct {
	begun bool
	high  int64 // the latest PTS
}

// Early reports whether a frame is displayed before one that came earlier. It never is for a key
// frame, which begins a new count.
func (o *Order) Early(f *media.Frame) bool {
	if !o.begun || f.Key {
		o.begun, o.high = true, f.PTS
		return false
	}
	if f.PTS < o.high {
		return true
	}
	o.high = f.PTS
	return false
}
