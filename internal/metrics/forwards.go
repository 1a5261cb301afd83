package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/stream"
)

// forwards is what is told of where streams are sent on to.
type forwards struct {
	table
	m *Metrics
}

func newForwards(m *Metrics) forwards {
	t := table{}
	t.add("weir_forwards", "Targets that streams are sent on to, by what they are doing: connecting, sending, waiting or refused.", "state")
	t.add("weir_forward_up", "1 while the target takes the stream.", "stream", "target")
	t.add("weir_forward_bytes_total", "Bytes that the target was sent.", "stream", "target")
	t.add("weir_forward_frames_total", "Frames that the target was sent, and packets where a publisher's own go there.", "stream", "target")
	t.add("weir_forward_retries_total", "Attempts to reach the target, without the first.", "stream", "target")
	t.add("weir_forward_lost_frames_total", "Frames that the target was not sent because it is too slow.", "stream", "target")
	return forwards{t, m}
}

// way is what two targets have in common that the metrics cannot tell apart: they differ in a secret.
type way struct{ stream, target string }

// Collect is part of prometheus.Collector. exporter.streams bounds the targets that have metrics of their own.
func (v forwards) Collect(to chan<- prometheus.Metric) {
	s := sheet{v.table, to}
	var list []stream.Target
	if v.m.o.Forwards != nil {
		list = v.m.o.Forwards()
	}
	states := map[stream.TargetState]int{stream.Connecting: 0, stream.Sending: 0, stream.Waiting: 0, stream.Turned: 0}
	own := map[way]*stream.Target{}
	for i := range list {
		t := &list[i]
		states[t.State]++
		w := way{clean(t.Stream), clean(t.URL)}
		switch one := own[w]; {
		case one != nil:
			add(one, t)
		case len(own) < v.m.o.Config().Exporter.Streams:
			own[w] = t
		}
	}
	for state, n := range states {
		s.gauge("weir_forwards", float64(n), string(state))
	}
	for w, t := range own {
		up := 0.0
		if t.State == stream.Sending {
			up = 1
		}
		s.gauge("weir_forward_up", up, w.stream, w.target)
		s.count("weir_forward_bytes_total", t.Sent, w.stream, w.target)
		s.count("weir_forward_frames_total", t.Frames, w.stream, w.target)
		s.count("weir_forward_retries_total", t.Attempts-min(t.Attempts, 1), w.stream, w.target)
		s.count("weir_forward_lost_frames_total", t.Lost, w.stream, w.target)
	}
}

// add adds another target to one of the same name, which is up while both are.
func add(one, other *stream.Target) {
	one.Sent, one.Frames, one.Lost = one.Sent+other.Sent, one.Frames+other.Frames, one.Lost+other.Lost
	one.Attempts += other.Attempts - min(other.Attempts, 1)
	if other.State != stream.Sending {
		one.State = other.State
	}
}
