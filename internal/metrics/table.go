package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// table is a set of metrics by their names.
type table map[string]*prometheus.Desc

func (t table) add(name, help string, labels ...string) {
	t[name] = prometheus.NewDesc(name, help, labels, nil)
}

// Describe is part of prometheus.Collector.
func (t table) Describe(to chan<- *prometheus.Desc) {
	for _, d := range t {
		to <- d
	}
}

// sheet is where the values of one request go.
type sheet struct {
	table table
	to    chan<- prometheus.Metric
}

func (s sheet) gauge(name string, value float64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(s.table[name], prometheus.GaugeValue, value, labels...)
}

func (s sheet) count(name string, value uint64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(s.table[name], prometheus.CounterValue, float64(value), labels...)
}

// clean makes a label of what came from a client: a name is any bytes, a label is text.
func clean(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
