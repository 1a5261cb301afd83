package hook

import (
	"sync/atomic"
	"time"

	"weir/internal/stream"
)

// actions are those whose times are counted.
func actions() [10]string {
	return [...]string{
		"on_connect", "on_close", "on_publish", "on_unpublish", "on_play", "on_stop", "on_hls", "on_hls_notify", "on_dvr", onForward,
	}
}

const buckets = 10

func bounds() [buckets]time.Duration {
	return [...]time.Duration{
		5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
		250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second,
	}
}

// meters count calls.
type meters struct {
	of                       [10]meter
	retried, dropped, failed atomic.Uint64
}

// meter counts the calls of one action.
type meter struct {
	buckets       [buckets]atomic.Uint64
	count, sum    atomic.Uint64 // sum in ns
	denied, muted atomic.Uint64
}

func (m *meters) took(action string, d time.Duration, err error) {
	for i, name := range actions() {
		if name == action {
			m.of[i].add(d, err)
		}
	}
}

func (m *meter) add(d time.Duration, err error) {
	m.count.Add(1)
	m.sum.Add(uint64(d))
	switch {
	case err == nil:
	case answered(err):
		m.denied.Add(1)
	default:
		m.muted.Add(1)
	}
	for i, bound := range bounds() {
		if d <= bound {
			m.buckets[i].Add(1)
			return
		}
	}
}

// Stats are the callbacks so far.
type Stats struct {
	Actions []ActionStats
	Retried uint64 // calls made again
	Dropped uint64 // events lost because queues were full
	Failed  uint64 // events given up because nobody answered
	Waiting int    // events in the queues
}

// ActionStats are those of one action.
type ActionStats struct {
	Action string
	Times  stream.Histogram // of calls, from the first byte to the answer
	Denied uint64           // answers that were no yes
	Mute   uint64           // calls without an answer
}

// Stats counts.
func (h *Hooks) Stats() Stats {
	h.mu.Lock()
	waiting := h.waiting
	h.mu.Unlock()
	m := &h.meters
	out := Stats{Retried: m.retried.Load(), Dropped: m.dropped.Load(), Failed: m.failed.Load(), Waiting: waiting}
	for i, name := range actions() {
		a := &m.of[i]
		s := ActionStats{Action: name, Denied: a.denied.Load(), Mute: a.muted.Load()}
		s.Times.Count, s.Times.Sum = a.count.Load(), time.Duration(a.sum.Load()).Seconds()
		for j, bound := range bounds() {
			s.Times.Bounds = append(s.Times.Bounds, bound.Seconds())
			s.Times.Counts = append(s.Times.Counts, a.buckets[j].Load())
		}
		out.Actions = append(out.Actions, s)
	}
	return out
}
