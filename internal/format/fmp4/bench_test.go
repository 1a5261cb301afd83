package fmp4

import "testing"

// BenchmarkFragment is a chunk of 200 ms of 2 Mbit/s: pictures, and sound.
func BenchmarkFragment(b *testing.B) {
	for name, c := range map[string]struct {
		track *Track
		n     int
		size  int
	}{
		"pictures": {must(b, forms["H.264"].track), 5, 9000},
		"sound":    {must(b, aacTrack(48000)), 9, 370},
	} {
		b.Run(name, func(b *testing.B) {
			samples := make([]Sample, c.n)
			for i := range samples {
				samples[i] = Sample{Data: make([]byte, c.size), Duration: 3600, Key: i == 0}
			}
			b.ReportAllocs()
			b.SetBytes(int64(c.n * c.size))
			for b.Loop() {
				if _, err := c.track.Fragment(1, 1<<40, samples); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
