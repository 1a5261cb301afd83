package audio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/internal/codec/opus"
	"weir/internal/media"
)

// inputs are the clips of a kind that this build decodes.
func inputs(kind string) []string {
	all := []string{kind + ".opus", kind + ".mp3", kind + ".aac"}
	if kind == "tone" {
		all = []string{"tone.opus", "tone-44100.mp3", "tone-44100.aac", "tone-48000.aac", "tone-16000.aac", "tone-mono.aac"}
	}
	if withAAC {
		return all
	}
	var out []string
	for _, name := range all {
		if !strings.HasSuffix(name, "aac") {
			out = append(out, name)
		}
	}
	return out
}

// even checks that frames follow each other without a gap.
func even(t *testing.T, name string, frames []*media.Frame) {
	t.Helper()
	size := 960
	if frames[0].Source().Codec == media.AAC {
		size = 1024
	}
	for i, f := range frames {
		want := frames[0].PTS + int64(i*size)*int64(time.Second)/outRate
		if d := f.PTS - want; d > 1 || d < -1 || f.DTS != f.PTS || !f.Key {
			t.Fatalf("%s: frame %d at %d, want %d", name, i, f.PTS, want)
		}
	}
}

func TestTranscoderTones(t *testing.T) {
	for _, name := range inputs("tone") {
		for _, to := range targets() {
			frames, stats := transcode(t, open(t, name).frames(time.Second), to)
			even(t, name, frames)
			if stats != (Stats{}) {
				t.Errorf("%s to %v: %+v", name, to, stats)
			}
			pcm, _, _ := sound(t, frames)
			for side, hz := range []float64{997, 1499} {
				if name == "tone-mono.aac" {
					hz = 997
				}
				db := toneSNR(channel(pcm, side)[outRate/3:outRate], hz, outRate)
				t.Logf("%s to %v: %v Hz: %.1f dB", name, to, hz, db)
				if db < 18 {
					t.Errorf("%s to %v: %v Hz: %.1f dB", name, to, hz, db)
				}
			}
		}
	}
}

// TestTranscoderTimes holds that what is heard at a time stays there.
func TestTranscoderTimes(t *testing.T) {
	const start = 7 * time.Second
	for _, name := range inputs("burst") {
		c := open(t, name)
		check := func(what string, frames []*media.Frame) {
			t.Helper()
			pcm, rate, at := sound(t, frames)
			got := bursts(channel(pcm, 1), rate, at)
			t.Logf("%s %s: %v", name, what, got)
			for i, want := range []time.Duration{start + 500*time.Millisecond, start + 1100*time.Millisecond} {
				if len(got) != 2 || (got[i]-want).Abs() > 5*time.Millisecond {
					t.Errorf("%s %s: bursts at %v, want number %d at %v", name, what, got, i, want)
					break
				}
			}
		}
		check("as it is", c.frames(start))
		for _, to := range targets() {
			frames, _ := transcode(t, c.frames(start), to)
			check("to "+to.String(), frames)
			for _, back := range targets() {
				again, _ := transcode(t, frames, back)
				check(fmt.Sprintf("to %v and %v", to, back), again)
			}
		}
	}
}

// TestTranscoderDelays checks the constants that say how late frames are.
func TestTranscoderDelays(t *testing.T) {
	for to, want := range map[media.Codec]time.Duration{media.Opus: DelayToOpus, media.AAC: DelayToAAC} {
		if to == media.AAC && !withAAC {
			continue
		}
		for _, name := range inputs("tone") {
			tr, err := NewTranscoder(to, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c := open(t, name)
			length := time.Duration(c.size) * time.Second / time.Duration(c.rate)
			least, most := time.Hour, time.Duration(0)
			for _, f := range c.frames(time.Second) {
				out, err := tr.Append(nil, f)
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range out {
					late := time.Duration(f.PTS-o.PTS) + length
					least, most = min(least, late), max(most, late)
				}
			}
			tr.Close()
			t.Logf("%s to %v: %v to %v", name, to, least, most)
			if most > want+length {
				t.Errorf("%s to %v: %v late, want at most %v and %v more", name, to, most, want, length)
			}
			if c.rate == 44100 && least < want-2*time.Millisecond {
				t.Errorf("%s to %v: only %v late, not %v", name, to, least, want)
			}
		}
	}
}

// TestTranscoderLate begins in the middle of a stream.
func TestTranscoderLate(t *testing.T) {
	for _, name := range inputs("tone") {
		frames := open(t, name).frames(time.Minute)
		frames, _ = transcode(t, frames[len(frames)/4:], media.Opus)
		even(t, name, frames)
		pcm, _, _ := sound(t, frames)
		x := channel(pcm, 0)
		for _, v := range x {
			if math.Abs(v) > 0.75 {
				t.Fatalf("%s: noise of %.2f", name, v)
			}
		}
		if db := toneSNR(x[outRate/4:outRate/2], 997, outRate); db < 18 {
			t.Errorf("%s: %.1f dB", name, db)
		}
	}
}

// TestTranscoderDamage takes the stream through losses and noise.
func TestTranscoderDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, name := range inputs("tone") {
		for _, to := range targets() {
			c := open(t, name)
			frames := c.frames(time.Second)
			bad := int64(0)
			for i := 8; i < len(frames)-24; i += 5 {
				noise := []byte{0xff, 0xfb, 0x90}
				for range random.IntN(300) {
					noise = append(noise, byte(random.Uint32()))
				}
				if i%2 == 0 {
					noise = frames[i].Data()[:len(frames[i].Data())/3]
				}
				was := frames[i]
				frames[i] = media.NewFrame(nil, noise)
				frames[i].Layout, frames[i].PTS, frames[i].DTS = was.Layout, was.PTS, was.PTS
				bad++
			}
			out, stats := transcode(t, frames, to)
			even(t, name, out)
			t.Logf("%s to %v: %+v of %d", name, to, stats, bad)
			if stats.Jumps != 0 || c.track.Codec == media.AAC && stats.Damaged != bad {
				t.Errorf("%s: %+v", name, stats)
			}
			pcm, _, _ := sound(t, out)
			x := channel(pcm, 0)
			if db := toneSNR(x[len(x)-outRate/4:len(x)-outRate/8], 997, outRate); db < 15 {
				t.Errorf("%s to %v: %.1f dB after the damage", name, to, db)
			}
		}
	}
}

// TestTranscoderSource compares the sound of a stream before and after.
func TestTranscoderSource(t *testing.T) {
	for _, name := range inputs("source") {
		in := open(t, name).frames(time.Second)
		pcm, rate, start := sound(t, in)
		want := NewResampler(rate, outRate).Append(nil, pcm)
		for _, to := range targets() {
			out, _ := transcode(t, in, to)
			got, _, begin := sound(t, out)
			early := channels * int((start-begin+span(1)/2)*outRate/int64(time.Second))
			for side := range channels {
				x, y := channel(got[early:], side)[outRate/4:outRate], channel(want, side)[outRate/4:outRate]
				db := snr(x, y)
				t.Logf("%s to %v: %.1f dB", name, to, db)
				if db < 12 {
					t.Errorf("%s to %v: %.1f dB", name, to, db)
				}
			}
		}
	}
}

// TestTranscoderLayouts changes publishers, rates and codecs.
func TestTranscoderLayouts(t *testing.T) {
	now := time.Second
	var frames []*media.Frame
	for i, name := range append(inputs("tone"), inputs("tone")...) {
		part := open(t, name).frames(now)[3:]
		part = part[:len(part)/2]
		layout := *part[0].Layout
		layout.Publisher, layout.Offset = uint64(i), int64(i)
		now = time.Duration(part[len(part)-1].PTS)
		for _, f := range part {
			f.Layout = &layout
		}
		frames = append(frames, part...)
	}
	for _, to := range targets() {
		out, stats := transcode(t, frames, to)
		even(t, to.String(), out)
		if stats.Jumps != 0 {
			t.Errorf("%+v", stats)
		}
		newest := out[len(out)-1].Layout
		if want := frames[len(frames)-1].Layout; newest.Publisher != want.Publisher || newest.Offset != want.Offset ||
			len(newest.Tracks) != 1 || newest.Tracks[0] != out[0].Source() {
			t.Errorf("layout %+v", newest)
		}
	}
}

// TestTranscoderClose holds that memory and goroutines go.
func TestTranscoderClose(t *testing.T) {
	before := runtime.NumGoroutine()
	tr, err := NewTranscoder(media.Opus, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tr.enc.codec != nil || tr.dec != nil || tr.res != nil {
		t.Error("there is memory before the first frame")
	}
	frames := open(t, inputs("tone")[0]).frames(0)
	if _, err := tr.Append(nil, frames[0]); err != nil {
		t.Fatal(err)
	}
	tr.Close()
	tr.Close()
	if tr.enc.codec != nil || tr.dec != nil || tr.res != nil || runtime.NumGoroutine() > before {
		t.Error("something is left")
	}
	if _, err := tr.Append(nil, frames[1]); err == nil {
		t.Error("a closed transcoder takes frames")
	}
}

// FuzzTranscoder gives it units of any bytes, at any times.
func FuzzTranscoder(f *testing.F) {
	for i, name := range inputs("tone") {
		var in []byte
		for _, unit := range open(f, name).units[4:6] {
			in = append(append(in, 20, byte(len(unit)), byte(len(unit)>>8)), unit...)
		}
		f.Add(uint8(i), in)
	}
	f.Fuzz(func(t *testing.T, kind uint8, in []byte) {
		track := &media.Track{Kind: media.Audio, Codec: []media.Codec{media.Opus, media.MP3, media.AAC}[kind%3]}
		switch track.Codec {
		case media.AAC:
			track.Config = [][]byte{{0x12, 0x10}, {0x11, 0x88}, {0x14, 0x08}}[kind/3%3]
		case media.Opus:
			track.Config = opus.AppendHead(nil, opus.Head{Channels: 1 + int(kind/3%2), Rate: 48000})
		}
		tr, err := NewTranscoder(targets()[int(kind/9)%len(targets())], Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		if kind < 200 { // what decodes is what has to withstand; encoders take most of the time
			tr.enc.codec = &marks{}
		}
		layout := &media.Layout{Tracks: []*media.Track{track}}
		now := time.Second
		for units := 0; len(in) >= 3 && units < 32; units++ {
			now += time.Duration(int8(in[0])) * time.Millisecond
			if int8(in[0]) < -120 {
				now += 3 * time.Second
			}
			n := min(int(in[1])|int(in[2])<<8, len(in)-3)
			frame := media.NewFrame(nil, in[3:3+n])
			frame.Layout, frame.PTS, frame.DTS = layout, int64(now), int64(now)
			in = in[3+n:]
			out, err := tr.Append(nil, frame)
			if err != nil {
				return // not supported
			}
			for _, o := range out {
				if len(o.Data()) == 0 {
					t.Fatal("an empty unit")
				}
			}
		}
		if _, err := tr.Flush(nil); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkTranscoder transcodes a second of sound in each op.
func BenchmarkTranscoder(b *testing.B) {
	for _, name := range inputs("tone") {
		for _, to := range targets() {
			b.Run(fmt.Sprintf("%s,%v", name, to), func(b *testing.B) {
				tr, err := NewTranscoder(to, Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer tr.Close()
				c := open(b, name)
				units := c.units[4:]
				layout := &media.Layout{Tracks: []*media.Track{c.track}}
				length := time.Second * time.Duration(c.size) / time.Duration(c.rate)
				var now time.Duration
				var out []*media.Frame
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					for end := now + time.Second; now < end; now += length {
						f := media.NewFrame(nil, units[i%len(units)])
						f.Layout, f.PTS = layout, int64(now)
						i++
						if out, err = tr.Append(out[:0], f); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}
