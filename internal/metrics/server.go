package metrics

import "github.com/prometheus/client_golang/prometheus"

// server is what is told of the whole.
type server struct {
	table
	m *Metrics
}

func newServer(m *Metrics) server {
	t := table{}
	t.add("srs_cpu_percent", "SRS cpu used percent.")
	t.add("srs_memory", "SRS memory used.")
	t.add("srs_send_bytes_total", "SRS total sent bytes.")
	t.add("srs_receive_bytes_total", "SRS total received bytes.")
	t.add("srs_streams", "The number of SRS concurrent streams.")
	t.add("srs_clients", "The number of SRS concurrent clients.")
	t.add("srs_clients_total", "The total counts of SRS clients.")
	t.add("srs_clients_errs_total", "The total errors of SRS clients.")
	t.add("weir_cpu_ratio", "Share of the processors that this process may use which it uses, from 0 to 1.")
	t.add("weir_circuit_level", "Load of the processors: 0 normal, 1 high, 2 critical, 3 dying.")
	t.add("weir_connections", "Open TCP connections of clients.")
	t.add("weir_connections_refused_total", "Connections refused because a limit was reached.")
	t.add("weir_events_total", "What has happened to sessions.", "event")
	t.add("weir_denied_total", "Clients that were kept out, by who did it and what they wanted.", "gate", "act")
	return server{t, m}
}

// Collect is part of prometheus.Collector. What needs a look at all streams is told by streams.
func (v server) Collect(to chan<- prometheus.Metric) {
	s, o := sheet{v.table, to}, v.m.o
	totals := o.Registry.Totals()
	events := v.m.events.copy()
	s.gauge("srs_cpu_percent", 100*o.Load.Used()) // 100 is one processor
	s.gauge("srs_memory", float64(Memory()/1024))
	s.count("srs_send_bytes_total", totals.Usage.Sent)
	s.count("srs_receive_bytes_total", totals.Usage.Received)
	s.gauge("srs_streams", float64(totals.Streams))
	s.gauge("srs_clients", float64(totals.Clients))
	s.count("srs_clients_total", totals.Served)
	s.count("srs_clients_errs_total", events.failed)
	s.gauge("weir_cpu_ratio", o.Load.Share())
	s.gauge("weir_circuit_level", float64(o.Load.Level()))
	if o.Connections != nil {
		open, refused := o.Connections()
		s.gauge("weir_connections", float64(open))
		s.count("weir_connections_refused_total", refused)
	}
	for what, n := range events.events {
		s.count("weir_events_total", n, string(what))
	}
	for d, n := range events.denied {
		s.count("weir_denied_total", n, d.gate, d.act)
	}
}
