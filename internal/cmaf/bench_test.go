//go:build unix

package cmaf

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"weir/internal/media"
)

// BenchmarkSecond is a second of 2 Mbit/s of H.264 and AAC, made into chunks.
func BenchmarkSecond(b *testing.B) {
	for _, part := range []time.Duration{200 * time.Millisecond, 500 * time.Millisecond} {
		b.Run(fmt.Sprint(part), func(b *testing.B) {
			l := layout(avc(), sound(44100))
			chunks := 0
			p := newPackager(func() time.Duration { return part }, func(*Chunk) { chunks++ })
			key, delta, tone := make([]byte, 40000), make([]byte, 7800), make([]byte, 370)
			write := func(track uint8, ms int64, key bool, data []byte) {
				f := media.NewFrame(nil, data)
				f.Layout, f.Track, f.Key, f.DTS = l, track, key, ms*int64(time.Millisecond)
				f.PTS = f.DTS
				p.frame(f)
			}
			var n int64
			before := cpu()
			b.ReportAllocs()
			for b.Loop() {
				write(0, n*1000, true, key)
				for i := range int64(43) {
					if i > 0 && i < 25 {
						write(0, n*1000+i*40, false, delta)
					}
					write(1, n*1000+i*23, true, tone)
				}
				n++
			}
			b.ReportMetric(float64(cpu()-before)/float64(n)/float64(time.Millisecond), "cpu-ms/media-s")
			b.ReportMetric(float64(chunks)/float64(n), "chunks/media-s")
		})
	}
}

// cpu returns the time that the process has worked.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it always can of itself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
