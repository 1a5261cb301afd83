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

func (t *totals) add(u *Traffic) {
	t.received += u.Received.Load()
	t.sent += u.Sent.Load()
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
