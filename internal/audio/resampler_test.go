package audio

import (
	"fmt"
	"math"
	"testing"
)

// sine is stereo, the right channel a quarter of a period ahead.
func sine(hz float64, rate, n int) []float32 {
	pcm := make([]float32, 0, channels*n)
	for i := range n {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		pcm = append(pcm, float32(s/2), float32(c/2))
	}
	return pcm
}

// TestResampler compares tones with what they are at the other rate, sample by sample, so that a
// delay would show too.
func TestResampler(t *testing.T) {
	for _, c := range []struct {
		from, to int
		hz, db   float64
	}{
		{44100, 48000, 997, 100}, {44100, 48000, 10000, 100}, {44100, 48000, 15000, 95}, {44100, 48000, 18000, 85},
		{22050, 48000, 997, 100}, {22050, 48000, 8000, 90},
		{16000, 48000, 997, 100}, {16000, 48000, 6000, 90},
		{24000, 48000, 997, 100}, {32000, 48000, 997, 100}, {32000, 48000, 12000, 90},
		{48000, 48000, 15000, 120},
		{48000, 44100, 997, 100}, {48000, 44100, 15000, 90}, {48000, 16000, 997, 100}, {96000, 48000, 10000, 90},
	} {
		r := NewResampler(c.from, c.to)
		in := sine(c.hz, c.from, c.from/2)
		var got []float32
		for rest := in; len(rest) > 0; {
			n := min(channels*(1+len(rest)%1999), len(rest))
			got, rest = r.Append(got, rest[:n]), rest[n:]
		}
		if ahead := float64(len(got)/channels) + r.Pending() - float64(c.to)/2; math.Abs(ahead) > 0.01 {
			t.Errorf("%d to %d: the end of the input is %.3f samples off", c.from, c.to, ahead)
		}
		want := sine(c.hz, c.to, len(got)/channels)
		for side := range channels {
			skip := c.to / 50 // where it begins
			db := snr(channel(got, side)[skip:], channel(want, side)[skip:])
			t.Logf("%d to %d, %v Hz: %.1f dB", c.from, c.to, c.hz, db)
			if db < c.db {
				t.Errorf("%d to %d, %v Hz: %.1f dB, want %v", c.from, c.to, c.hz, db, c.db)
			}
		}
	}
}

// TestResamplerBand holds that what fewer samples cannot have is not heard as something else.
func TestResamplerBand(t *testing.T) {
	r := NewResampler(48000, 16000)
	got := channel(r.Append(nil, sine(9000, 48000, 24000)), 0)[400:]
	var power float64
	for _, v := range got {
		power += v * v
	}
	if db := 10 * math.Log10(power/float64(len(got))/0.125); db > -60 {
		t.Errorf("9 kHz at a rate of 16 kHz is heard at %.1f dB", db)
	}
}

func TestResamplerTune(t *testing.T) {
	for _, part := range []float64{0.0001, -0.0001, 0.005} {
		r := NewResampler(48000, 48000)
		r.Tune(part)
		got := r.Append(nil, sine(997, 48000, 480000))
		if n, want := float64(len(got)/channels)+r.Pending(), 480000*(1+part); math.Abs(n-want) > 0.01 {
			t.Errorf("tuned by %v: %.2f samples, want %.2f", part, n, want)
		}
		if db := toneSNR(channel(got, 0)[4800:52800], 997/(1+part), 48000); db < 90 {
			t.Errorf("tuned by %v: %.1f dB", part, db)
		}
	}
}

func TestResamplerAllocates(t *testing.T) {
	r := NewResampler(44100, 48000)
	in, out := sine(997, 44100, 1024), make([]float32, 0, 4096)
	r.Append(out, in)
	if n := testing.AllocsPerRun(100, func() { r.Append(out, in) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, from := range []int{16000, 44100, 48000} {
		b.Run(fmt.Sprint(from), func(b *testing.B) {
			r := NewResampler(from, outRate)
			in, out := sine(997, from, from/50), make([]float32, 0, 4096)
			b.ReportAllocs()
			for b.Loop() { // one op is a second
				for range 50 {
					r.Append(out, in)
				}
			}
		})
	}
}
