package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/stream"
)

// edges is what is told of streams on their way between this server and its origins.
type edges struct {
	table
	m *Metrics
}

func newEdges(m *Metrics) edges {
	t := table{}
	t.add("weir_edge_streams", "Streams that are fetched from origins, or sought there, and those that are published here and sent there.", "way")
	t.add("weir_edge_bytes_total", "Bytes of these, those of streams that have ended too.", "way")
	return edges{t, m}
}

// Collect is part of prometheus.Collector.
func (v edges) Collect(to chan<- prometheus.Metric) {
	var fetched, sent stream.Haul
	if v.m.o.Edges != nil {
		fetched, sent = v.m.o.Edges()
	}
	s := sheet{v.table, to}
	for way, h := range map[string]stream.Haul{"fetched": fetched, "sent": sent} {
		s.gauge("weir_edge_streams", float64(h.Streams), way)
		s.count("weir_edge_bytes_total", h.Bytes, way)
	}
}
