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
}

// note takes the time of a frame.
func (r *rhythm) note(at int64) {
	r.times[r.n%remembered] = at
	r.n++
}

// step returns how far frames are apart, or zero if that is not known. A frame that was held for long, or lost,
// does not count: it would make all chunks shorter for a while.
func (r *rhythm) step() time.Duration {
	if r.n < 2 {
		return 0
	}
	k := min(r.n, remembered) - 1
	mean := r.between(k, 0) / int64(k)
	var sum, n int64
	for i := range k {
		if d := r.between(i+1, i); 2*d <= 3*mean {
			sum, n = sum+d, n+1
		}
	}
	if n <= int64(k)*3/4 { // they are so far apart as a rule
		return time.Duration(mean)
	}
	return time.Duration(sum / n)
}

// between returns the time from a frame to another, which are counted from the newest.
func (r *rhythm) between(from, to int) int64 {
	return r.times[(r.n-1-to)%remembered] - r.times[(r.n-1-from)%remembered]
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
