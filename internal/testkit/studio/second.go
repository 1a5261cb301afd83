//go:build unix

package studio

import (
	"syscall"
	"testing"
	"time"

	"weir/internal/media"
)

// Seconds gives a packager one second of 2 Mbit/s after the other, for as long as the benchmark goes on: a key
// picture, 24 others and 43 sounds. It returns how many they were.
func Seconds(b *testing.B, key, delta []byte, packager func(*media.Frame)) (n int64) {
	b.Helper()
	l := &media.Layout{Tracks: []*media.Track{Pictures(), Sound(44100)}}
	tone := make([]byte, 370)
	write := func(track uint8, ms int64, key bool, data []byte) {
		f := media.NewFrame(nil, data)
		f.Layout, f.Track, f.Key, f.DTS = l, track, key, ms*int64(time.Millisecond)
		f.PTS = f.DTS
		packager(f)
	}
	before := CPU()
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
	b.ReportMetric(float64(CPU()-before)/float64(n)/float64(time.Millisecond), "cpu-ms/media-s")
	return n
}

// CPU returns the time that the process has worked.
func CPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it always can of itself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
