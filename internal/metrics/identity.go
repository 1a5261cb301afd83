package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// identity says who the server is. Its labels change with the configuration, so it describes
// nothing beforehand.
type identity struct{ m *Metrics }

// Describe is part of prometheus.Collector.
func (identity) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (i identity) Collect(to chan<- prometheus.Metric) {
	system, build, exporter := uname(), i.m.o.Build, i.m.o.Config().Exporter
	one(to, "srs_node_uname_info", "Labeled system information as provided by the uname system call.", prometheus.Labels{
		"sysname": system.name, "nodename": system.node, "release": system.release,
		"version": system.version, "machine": system.machine,
	})
	labels := prometheus.Labels{
		"server": build.Server, "service": build.Service, "pid": strconv.Itoa(build.Pid), "build_date": build.Date,
		"major": build.Major, "version": build.Version, "code": build.Code,
	}
	if exporter.Label != "" {
		labels["label"] = clean(exporter.Label)
	}
	if exporter.Tag != "" {
		labels["tag"] = clean(exporter.Tag)
	}
	one(to, "srs_build_info", "A metric with a constant '1' value labeled by build_date, version from which SRS was built.", labels)
	one(to, "weir_build_info", "Who answers in the name of SRS.", prometheus.Labels{"version": build.Weir})
}

func one(to chan<- prometheus.Metric, name, help string, labels prometheus.Labels) {
	to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), prometheus.GaugeValue, 1)
}

// system is what uname(2) says.
type system struct{ name, node, release, version, machine string }
