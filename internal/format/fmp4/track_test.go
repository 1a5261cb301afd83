package fmp4

import (
	"math/big"
	"testing"
	"time"

	"weir/internal/codec/aac"
	"weir/internal/media"
)

const years = 10 * 365 * 24 * int64(time.Hour)

// scaled is what exact arithmetic has for a time, rounded to the nearest, halves upwards.
func scaled(n, by, in int64) int64 {
	twice := new(big.Int).Mul(big.NewInt(2*by), big.NewInt(n))
	twice.Add(twice, big.NewInt(in))
	return twice.Div(twice, big.NewInt(2*in)).Int64() // rounds downwards
}

func TestTimes(t *testing.T) {
	const second = int64(time.Second)
	for _, scale := range []int64{90000, 48000, 44100, 22050, 11025, 8000, 192000} {
		n := &Track{Scale: scale}
		for _, base := range []int64{0, 1, -1, second, -second, 3600 * second, years, years + 1, -years} {
			for _, part := range []int64{0, 1, 5555, 5556, 11_111, 11_112, 33_366_667, 999_999_999, -1, -11_111} {
				ns := base + part
				if got, want := n.Ticks(ns), scaled(ns, scale, second); got != want {
					t.Errorf("Ticks(%d) at %d Hz = %d; want %d", ns, scale, got, want)
				}
			}
		}
		for _, ticks := range []int64{0, 1, 2, 1023, 1024, scale - 1, scale, scale + 1, scale * 3600 * 24 * 3650, scale*3600*24*3650 + 1, -1, -1024, -scale} {
			if got := n.Ticks(n.Time(ticks)); got != ticks {
				t.Errorf("%d ticks at %d Hz are %d after there and back", ticks, scale, got)
			}
			exact := new(big.Int).Mul(big.NewInt(ticks), big.NewInt(second))
			exact.Quo(exact, big.NewInt(scale))
			if got := n.Time(ticks); got != exact.Int64() {
				t.Errorf("Time(%d) at %d Hz = %d; want %d", ticks, scale, got, exact.Int64())
			}
		}
	}
}

func TestSamples(t *testing.T) {
	for name, want := range map[string]int64{
		"H.264": 0, "FLAC": 0, "AAC": 1024, "HE-AAC v2": 1024, "MP3": 1152, "MP3, 22 kHz": 576, "AC-3": 1536, "Opus": 960,
	} {
		if got := must(t, forms[name].track).Samples([]byte{0xfc, 0}); got != want {
			t.Errorf("%s: a frame of %d samples; want %d", name, got, want)
		}
	}
	short := audio(media.AAC, 48000, 2, aacConfig(aac.Config{Type: aac.LC, Rate: 48000, Layout: 2, Short: true}))
	if got := must(t, short).Samples(nil); got != 960 {
		t.Errorf("a short frame of %d samples", got)
	}
}

// TestOpusSamples has every configuration and every code of count. Spec: RFC 6716, table 2.
func TestOpusSamples(t *testing.T) {
	silk, hybrid, celt := []int64{480, 960, 1920, 2880}, []int64{480, 960}, []int64{120, 240, 480, 960}
	var frames []int64
	for _, group := range [][]int64{silk, silk, silk, hybrid, hybrid, celt, celt, celt, celt} {
		frames = append(frames, group...)
	}
	if len(frames) != 32 {
		t.Fatal(len(frames))
	}
	for config, frame := range frames {
		for stereo := range byte(2) {
			toc := byte(config)<<3 | stereo<<2
			for _, c := range []struct {
				data []byte
				want int64
			}{
				{[]byte{toc}, frame},
				{[]byte{toc | 1, 0xaa}, 2 * frame},
				{[]byte{toc | 2, 1, 0xaa}, 2 * frame},
				{[]byte{toc | 3, 3}, 3 * frame},
				{[]byte{toc | 3, 0xc0 | 6, 1}, 6 * frame}, // with padding, of varying size
				{[]byte{toc | 3, 0}, 0},
				{[]byte{toc | 3}, 0},
			} {
				if got := opusSamples(c.data); got != c.want {
					t.Errorf("%x: %d; want %d", c.data, got, c.want)
				}
			}
		}
	}
	if got := opusSamples(nil); got != 0 {
		t.Errorf("nothing lasts %d", got)
	}
}

func TestSame(t *testing.T) {
	first := func(name string) *Track { return must(t, forms[name].track) }
	again := *forms["H.264"].track
	again.Config, again.ID, again.Info.FPS = avcConfig(sps, pps), 7, 30
	larger := *forms["VP9"].track
	larger.Info.Width = 1920
	mono := must(t, audio(media.MP3, 44100, 1, nil))
	for name, c := range map[string]struct {
		a, b *Track
		want bool
	}{
		"nothing":         {nil, nil, true},
		"something":       {first("AAC"), nil, false},
		"a repeat":        {first("H.264"), must(t, &again), true},
		"another PPS":     {first("H.264"), must(t, video(media.H264, avcConfig(sps, pps2))), false},
		"another codec":   {first("H.264"), first("HEVC"), false},
		"another size":    {first("VP9"), must(t, &larger), false},
		"another rate":    {first("MP3"), first("MP3, 22 kHz"), false},
		"mono":            {first("MP3"), mono, false},
		"the same sound":  {first("AC-3"), first("AC-3"), true},
		"AAC of 48 kHz":   {first("AAC"), must(t, aacTrack(48000)), false},
		"another mapping": {first("Opus"), first("Opus, 5.1"), false},
	} {
		if c.a.Same(c.b) != c.want || c.b.Same(c.a) != c.want {
			t.Errorf("%s: %t, %t; want %t", name, c.a.Same(c.b), c.b.Same(c.a), c.want)
		}
	}
}
