package hls

import "time"

const (
	floorAhead = 20  // pieces by which segments may be ahead of the clock
	floorShare = 0.3 // of what they are, by which the next is longer
)

// floor numbers segments by the clock (hls_ts_floor), so that several servers give the same
// numbers: by one each, but never far from the fragments that have passed since 1970.
type floor struct {
	begun bool
	last  int64
}

// next returns the number of a segment that begins now, and by how much longer than usual it
// should be, so that the numbers come back to the clock.
func (f *floor) next(now time.Time, fragment time.Duration) (n int64, longer time.Duration) {
	clock := now.UnixNano() / int64(fragment)
	n = f.last + 1
	if !f.begun || n-clock > floorAhead || clock-n > floorAhead {
		n = clock
	}
	f.begun, f.last = true, n
	return n, time.Duration(floorShare * float64(n-clock) * float64(fragment))
}
