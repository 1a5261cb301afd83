package m3u8

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkAppend is a playlist of low latency of 30 s: 15 segments of 2 s, and the parts of the newest three.
func BenchmarkAppend(b *testing.B) {
	m := live()
	m.Segments = nil
	for i := range 16 {
		s := Segment{URI: fmt.Sprintf("stream-%d.m4s", i), Duration: 2 * time.Second, Map: "stream-init.mp4", Wall: wall}
		if i == 15 {
			s.URI = ""
		}
		for k := range 10 {
			if i > 11 {
				s.Parts = append(s.Parts, Part{fmt.Sprintf("stream.part%d.m4s", 10*i+k), 200 * ms, k == 0})
			}
		}
		m.Segments = append(m.Segments, s)
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = m.Append(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}
