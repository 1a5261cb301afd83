package cmaf

import "time"

const (
	remembered = 64                   // frames by which a rate is told
	jitter     = 3 * time.Millisecond // by which stamps, which are rounded, may lie off
)

// rhythm finds out how many frames make a chunk: as many as fit into the length that is asked for.
type rhythm struct {
	times [remembered]int64 // ns, of the newest frames; a ring
	n     int
	count int // frames of a chunk; 0: not known yet
}

// note takes the time of a frame.
func (r *rhythm) note(at int64) {
	r.times[r.n%remembered] = at
	r.n++
}

// forget is for a break in time.
func (r *rhythm) forget() { *r = rhythm{} }

// step returns how far frames are apart, or zero if that is not known.
func (r *rhythm) step() time.Duration {
	if r.n < 2 {
		return 0
	}
	k := min(r.n, remembered) - 1
	return time.Duration(r.times[(r.n-1)%remembered]-r.times[(r.n-1-k)%remembered]) / time.Duration(k)
}

// fit returns how many frames fit into a length, and the length that they keep to.
func (r *rhythm) fit(length time.Duration) (frames int, limit time.Duration) {
	step := r.step()
	if step <= 0 {
		return 1, length
	}
	frames = max(1, int((length+jitter)/step))
	return frames, time.Duration(frames)*step + jitter
}
