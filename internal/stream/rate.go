package stream

import "time"

// rateSpan is over how long the API's bit rates are averages, rateEvery how often they are
// sampled.
const (
	rateSpan  = 30 * time.Second
	rateEvery = 3 * time.Second
	rateSlots = int(rateSpan/rateEvery) + 1
)

// totals are bytes on the wire.
type totals struct{ received, sent uint64 }

func (t totals) plus(u totals) totals {
	return totals{t.received + u.received, t.sent + u.sent}
}

func (t totals) minus(u totals) totals {
	return totals{t.received - u.received, t.sent - u.sent}
}

// read returns the bytes counted so far; a nil Traffic counts none.
func (t *Traffic) read() totals {
	if t == nil {
		return totals{}
	}
	return totals{t.Received.Load(), t.Sent.Load()}
}

// news returns the bytes that no ended session has accounted for; the registry's lock is held.
func (t *Traffic) news() totals {
	if t == nil {
		return totals{}
	}
	return t.read().minus(t.counted)
}

// rate is the average of totals over the last 30 s, sampled every 3 s. It is guarded by the
// registry's lock.
type rate struct {
	ring [rateSlots]totals
	n    int // samples taken, ever
}

func (r *rate) sample(t totals) {
	r.ring[r.n%rateSlots] = t
	r.n++
}

// kbps returns the averages in kilobits per second; zero until 30 s have been seen, as the
// dashboards made for this API know it.
func (r *rate) kbps() (received, sent int) {
	if r.n < rateSlots {
		return 0, 0
	}
	newest := r.ring[(r.n-1)%rateSlots]
	oldest := r.ring[r.n%rateSlots]
	per := func(a, b uint64) int { return int(float64(a-b) * 8 / rateSpan.Seconds() / 1000) }
	return per(newest.received, oldest.received), per(newest.sent, oldest.sent)
}
