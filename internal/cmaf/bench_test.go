//go:build unix

package cmaf

import (
	"fmt"
	"testing"
	"time"

	"weir/internal/testkit/studio"
)

// BenchmarkSecond is a second of 2 Mbit/s of H.264 and AAC, made into chunks.
func BenchmarkSecond(b *testing.B) {
	for _, part := range []time.Duration{200 * time.Millisecond, 500 * time.Millisecond} {
		b.Run(fmt.Sprint(part), func(b *testing.B) {
			chunks := 0
			p := newPackager(func() time.Duration { return part }, func(*Chunk) { chunks++ })
			n := studio.Seconds(b, make([]byte, 40000), make([]byte, 7800), p.frame)
			b.ReportMetric(float64(chunks)/float64(n), "chunks/media-s")
		})
	}
}
