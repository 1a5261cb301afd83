package audio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"weir/internal/media"
)

// marks is a codec of marks: a unit is a number of samples of silence, or one sample that is not.
type marks struct {
	rate, size int
	in         int64 // samples decoded
	every      int64 // samples from mark to mark
}

func (m *marks) decode(dst []float32, unit []byte) ([]float32, int, error) {
	if unit[0] == 1 { // lost, but it was there
		m.in += int64(m.size)
		return dst, 0, ErrDamaged
	}
	for range m.size {
		v := float32(0)
		if m.in++; m.in%m.every == 0 {
			v = 1
		}
		dst = append(dst, v, v)
	}
	return dst, m.rate, nil
}

// encode returns a byte that tells the place of the loudest sample.
func (m *marks) encode(dst []byte, pcm []float32) ([]byte, error) {
	best, at := float32(0.4), -1
	for i := 0; i < len(pcm); i += channels {
		if pcm[i] > best {
			best, at = pcm[i], i/channels
		}
	}
	return append(dst, byte(at), byte(at>>8)), nil
}

// marked returns a transcoder of marks to marks, and the times at which it puts them.
func marked(t *testing.T, m *marks) (tr *Transcoder, layout *media.Layout) {
	t.Helper()
	tr, err := NewTranscoder(media.Opus, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tr.reach = 2 // times are what counts
	layout = &media.Layout{Tracks: []*media.Track{{Kind: media.Audio, Codec: media.Opus}}}
	f := media.NewFrame(nil, []byte{0})
	f.Layout = layout
	tr.adopt(f)
	tr.dec.codec, tr.enc.codec, tr.enc.delay = m, m, 0
	return tr, layout
}

// markTimes returns the times of marks in frames.
func markTimes(frames []*media.Frame) []int64 {
	var out []int64
	for _, f := range frames {
		if at := int16(uint16(f.Data()[0]) | uint16(f.Data()[1])<<8); at >= 0 {
			out = append(out, f.PTS+span(int64(at)))
		}
	}
	return out
}

// TestTranscoderDrift holds that an hour of sound keeps to its times, which have been rounded to
// milliseconds by a clock that is not that of the sound.
func TestTranscoderDrift(t *testing.T) {
	for _, c := range []struct {
		rate, size int
		ppm        float64
	}{
		{44100, 1024, 0}, {44100, 1024, 100}, {44100, 1024, -100}, {48000, 1024, 100}, {48000, 960, -100}, {48000, 1024, 0},
	} {
		t.Run(fmt.Sprintf("%d,%v", c.rate, c.ppm), func(t *testing.T) {
			t.Parallel()
			m := &marks{rate: c.rate, size: c.size, every: int64(10 * c.rate)}
			tr, layout := marked(t, m)
			defer tr.Close()
			second := float64(c.rate) * (1 + c.ppm/1e6) // samples
			var out []*media.Frame
			var worst time.Duration
			last, marks := int64(-1), int64(0)
			length := 3600.0 // seconds
			if raced {
				length /= 10 // which takes as long
			}
			for i := 0; float64(i*c.size) < length*second; i++ {
				f := media.NewFrame(nil, []byte{0})
				f.Layout = layout
				f.PTS = int64(float64(i*c.size)/second*1000) * int64(time.Millisecond)
				var err error
				if out, err = tr.Append(out[:0], f); err != nil {
					t.Fatal(err)
				}
				for _, o := range out {
					if step := o.PTS - last; last >= 0 && step != int64(20*time.Millisecond) {
						t.Fatalf("a step of %d", step)
					}
					last = o.PTS
				}
				for _, at := range markTimes(out) { // one between two frames may be seen in both
					marks++
					sample := float64(at) / float64(time.Second) * second
					off := math.Remainder(sample+1, float64(m.every)) / second
					worst = max(worst, time.Duration(off*float64(time.Second)).Abs())
				}
			}
			t.Logf("worst %v of %d marks", worst, marks)
			if worst > 3*time.Millisecond || float64(marks) < length/10-2 || tr.Stats() != (Stats{}) {
				t.Errorf("%v off, %d marks, %+v", worst, marks, tr.Stats())
			}
		})
	}
}

// TestTranscoderGaps loses frames, pauses and jumps.
func TestTranscoderGaps(t *testing.T) {
	const (
		none  = iota
		lost  // units that never came
		noise // units that are damaged
		pause // the sound stops
		back  // times step back
	)
	for name, c := range map[string]struct {
		what    int
		length  time.Duration
		silence bool
		jumps   int64
	}{
		"one lost":     {lost, 20 * time.Millisecond, true, 0},
		"five damaged": {noise, 100 * time.Millisecond, true, 0},
		"DTX":          {pause, 400 * time.Millisecond, true, 0},
		"most":         {pause, MaxSilence - 20*time.Millisecond, true, 0},
		"jump":         {pause, 5 * time.Second, false, 1},
		"back":         {back, 5 * time.Second, false, 1},
		"long loss":    {noise, 3 * time.Second, false, 1},
		"repeated":     {back, 200 * time.Millisecond, false, 0},
	} {
		m := &marks{rate: 48000, size: 960, every: 48000}
		tr, layout := marked(t, m)
		var out []*media.Frame
		var err error
		now := 10 * time.Second
		first := now
		shift := time.Duration(0) // of marks behind the gap
		put := func(n int, kind byte) {
			for range n {
				f := media.NewFrame(nil, []byte{kind})
				f.Layout, f.PTS = layout, int64(now)
				if out, err = tr.Append(out, f); err != nil {
					t.Fatal(err)
				}
				now += 20 * time.Millisecond
			}
		}
		put(155, 0)
		switch c.what {
		case lost:
			m.in += int64(c.length * 48000 / time.Second)
			now += c.length
		case noise:
			put(int(c.length/(20*time.Millisecond)), 1)
		case pause:
			now += c.length
			shift = c.length
		case back:
			now -= c.length
			if shift = -c.length; c.jumps == 0 {
				m.in -= int64(c.length * 48000 / time.Second)
			}
		}
		put(200, 0)
		if out, err = tr.Flush(out); err != nil {
			t.Fatal(err)
		}
		stats := tr.Stats()
		if got := stats.Silence.Round(time.Microsecond); c.silence && got != c.length || !c.silence && got != 0 || stats.Jumps != c.jumps {
			t.Errorf("%s: %+v", name, stats)
		}
		if c.jumps == 0 {
			even(t, name, out)
		}
		times := markTimes(out)
		if len(times) < 6 {
			t.Errorf("%s: marks at %v", name, times)
		}
		for _, at := range times {
			into := (time.Duration(at) - first + span1) % time.Second
			moved := (time.Duration(at) - first - shift + span1 + 10*time.Second) % time.Second
			off := func(d time.Duration) time.Duration { return min(d, time.Second-d) }
			if min(off(into), off(moved)) > 5*time.Millisecond {
				t.Errorf("%s: a mark %v after the start", name, time.Duration(at)-first)
			}
		}
		tr.Close()
	}
}

// TestTranscoderTogether has encoders give several frames one time, or times that are not quite true.
func TestTranscoderTogether(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for name, together := range map[string]int{"pairs": 2, "threes": 3, "shaking": 1} {
		m := &marks{rate: 48000, size: 1024, every: 48000}
		tr, layout := marked(t, m)
		var out []*media.Frame
		for i := range 60 * 48000 / 1024 {
			f := media.NewFrame(nil, []byte{0})
			f.Layout, f.PTS = layout, span(int64(i/together*together*1024))
			if name == "shaking" {
				f.PTS += random.Int64N(int64(15 * time.Millisecond))
			}
			var err error
			if out, err = tr.Append(out, f); err != nil {
				t.Fatal(err)
			}
		}
		even(t, name, out)
		if s := tr.Stats(); s != (Stats{}) {
			t.Errorf("%s: %+v", name, s)
		}
		tr.Close()
	}
}

const span1 = time.Second / 48000 // a mark is the last sample of its second
