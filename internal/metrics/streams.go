package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"weir/internal/stream"
)

// streams is what is told of who publishes and plays, and of the busiest streams one by one.
type streams struct {
	table
	m *Metrics
}

func newStreams(m *Metrics) streams {
	t := table{}
	t.add("weir_publishers", "Sessions that publish, by the type that the API gives them.", "type")
	t.add("weir_viewers", "Sessions that play, by the type that the API gives them.", "type")
	t.add("weir_lost_frames_total", "Frames that players have missed because they were too slow.")
	t.add("weir_streams_left_out", "Streams without metrics of their own: exporter.streams bounds how many have them.")
	one := func(name, help string, more ...string) {
		t.add(name, help, append([]string{"vhost", "app", "stream"}, more...)...)
	}
	one("weir_stream_publisher_up", "1 while somebody publishes the stream.")
	one("weir_stream_bits_per_second", "Bit rate of what is published, over its last seconds.", "media")
	one("weir_stream_frames_per_second", "Pictures a second, over the last seconds.")
	one("weir_stream_video_frames_total", "Pictures that were published.")
	one("weir_stream_key_frame_interval_seconds", "Time between the newest two key frames.")
	one("weir_stream_viewers", "Sessions that play the stream, by the type that the API gives them.", "type")
	one("weir_stream_lost_frames_total", "Frames that players of the stream have missed because they were too slow.")
	one("weir_stream_repairs_total", "Times of the publisher that had to be mended: order, jump or skew.", "sort")
	one("weir_stream_receive_bytes_total", "Bytes received from who publishes and plays the stream.")
	one("weir_stream_send_bytes_total", "Bytes sent to who publishes and plays the stream.")
	return streams{t, m}
}

// Collect is part of prometheus.Collector.
func (v streams) Collect(to chan<- prometheus.Metric) {
	s := sheet{v.table, to}
	c := v.m.o.Registry.Census(v.m.o.Config().Exporter.Streams)
	for kind, n := range c.Publishers {
		s.gauge("weir_publishers", float64(n), kind)
	}
	for kind, n := range c.Viewers {
		s.gauge("weir_viewers", float64(n), kind)
	}
	s.count("weir_lost_frames_total", c.Lost)
	s.gauge("weir_streams_left_out", float64(c.Others))
	told := map[[3]string]bool{}
	for i := range c.Busiest {
		t := &c.Busiest[i]
		name := [3]string{clean(t.Vhost), clean(t.App), clean(t.Name)}
		if told[name] {
			continue // names that differ only in bytes that are no text
		}
		told[name] = true
		s.stream(t, name[:])
	}
}

func (s sheet) stream(t *stream.Tally, name []string) {
	with := func(label string) []string { return append(name[:3:3], label) }
	up := 0.0
	if t.Publisher != "" {
		up = 1
	}
	s.gauge("weir_stream_publisher_up", up, name...)
	s.gauge("weir_stream_bits_per_second", t.Health.VideoRate, with("video")...)
	s.gauge("weir_stream_bits_per_second", t.Health.AudioRate, with("audio")...)
	s.gauge("weir_stream_frames_per_second", t.Health.FrameRate, name...)
	s.count("weir_stream_video_frames_total", t.VideoFrames, name...)
	s.gauge("weir_stream_key_frame_interval_seconds", t.Health.KeyInterval.Seconds(), name...)
	for kind, n := range t.Viewers {
		s.gauge("weir_stream_viewers", float64(n), with(kind)...)
	}
	s.count("weir_stream_lost_frames_total", t.Lost, name...)
	s.count("weir_stream_repairs_total", t.Repairs.Order, with("order")...)
	s.count("weir_stream_repairs_total", t.Repairs.Jump, with("jump")...)
	s.count("weir_stream_repairs_total", t.Repairs.Skew, with("skew")...)
	s.count("weir_stream_receive_bytes_total", t.Usage.Received, name...)
	s.count("weir_stream_send_bytes_total", t.Usage.Sent, name...)
}
