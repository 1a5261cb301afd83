package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/stream"
)

// Callbacks is how the callbacks are doing.
type Callbacks struct {
	Actions []Callback
	Retried uint64 // calls that were made again
	GaveUp  uint64 // events that were told to nobody, because nobody answered
	Dropped uint64 // events that were told to nobody, because too many waited
	Queued  int    // events that wait to be told
}

// Callback is how one action's are doing.
type Callback struct {
	Action string           // "on_publish"
	Took   stream.Histogram // from the call to its answer, or to its end without one
	Denied uint64           // calls that were answered with something else than yes
	Mute   uint64           // calls without an answer
}

// times is what is told of how long things take.
type times struct {
	table
	m *Metrics
}

func newTimes(m *Metrics) times {
	t := table{}
	t.add("weir_first_frame_seconds", "Time from a player's request, once it is allowed, to its first frame of a live stream.")
	t.add("weir_callback_seconds", "Time that callbacks took.", "action")
	t.add("weir_callback_denials_total", "Callbacks that were answered with something else than yes.", "action")
	t.add("weir_callback_failures_total", "Callbacks that brought no answer.", "action")
	t.add("weir_callback_retries_total", "Callbacks that were made again.")
	t.add("weir_callback_lost_total", "Events that no callback has told of: nobody answered, or too many waited.", "reason")
	t.add("weir_callback_queue", "Events that wait to be told by a callback.")
	return times{t, m}
}

// Collect is part of prometheus.Collector.
func (v times) Collect(to chan<- prometheus.Metric) {
	s := sheet{v.table, to}
	s.histogram("weir_first_frame_seconds", v.m.o.Registry.FirstFrames())
	if v.m.o.Callbacks == nil {
		return
	}
	c := v.m.o.Callbacks()
	s.count("weir_callback_retries_total", c.Retried)
	s.count("weir_callback_lost_total", c.GaveUp, "mute")
	s.count("weir_callback_lost_total", c.Dropped, "full")
	s.gauge("weir_callback_queue", float64(c.Queued))
	for _, a := range c.Actions {
		s.histogram("weir_callback_seconds", a.Took, a.Action)
		s.count("weir_callback_denials_total", a.Denied, a.Action)
		s.count("weir_callback_failures_total", a.Mute, a.Action)
	}
}

// histogram adds up the counts: a bucket of Prometheus has all that is not above its bound.
func (s sheet) histogram(name string, h stream.Histogram, labels ...string) {
	buckets, sum := make(map[float64]uint64, len(h.Bounds)), uint64(0)
	for i, bound := range h.Bounds {
		sum += h.Counts[i]
		buckets[bound] = sum
	}
	s.to <- prometheus.MustNewConstHistogram(s.table[name], max(h.Count, sum), h.Sum, buckets, labels...)
}
