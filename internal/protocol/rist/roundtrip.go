package rist

import "time"

// maxRTT is the longest round trip that is believed.
const maxRTT = 10 * time.Second

// roundTrip is the time to the peer and back, smoothed as TCP's (RFC 6298, 2).
type roundTrip struct {
	smooth time.Duration // 0: not known
	echoed bool          // the peer answers echo requests, which tell more than reports do
}

// echo takes the answer to an echo request.
func (r *roundTrip) echo(now time.Duration, e echo) {
	if t := now - time.Duration(e.stamp) - e.delay; plausible(t) {
		r.echoed = true
		r.add(t)
	}
}

// report takes what follows from a report about a report of ours, unless there are echoes.
func (r *roundTrip) report(t time.Duration) {
	if !r.echoed && plausible(t) {
		r.add(t)
	}
}

func (r *roundTrip) add(t time.Duration) {
	if r.smooth == 0 {
		r.smooth = t
	} else {
		r.smooth += (t - r.smooth) / 8
	}
}

func plausible(t time.Duration) bool { return t > 0 && t <= maxRTT }
