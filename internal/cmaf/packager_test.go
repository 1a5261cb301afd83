package cmaf

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"weir/internal/media"
)

// TestRates cuts streams of many rates: chunks have as many frames as fit, and are about equally long.
func TestRates(t *testing.T) {
	for _, fps := range []float64{24, 24000. / 1001, 25, 30000. / 1001, 30, 50, 60000. / 1001, 60, 120} {
		for _, ms := range []int{100, 200, 330, 500, 1000} {
			part := time.Duration(ms) * time.Millisecond
			t.Run(fmt.Sprintf("%.2f by %v", fps, part), func(t *testing.T) {
				group := int(fps*4 + 0.5)
				list := pictures(0, 60*second, fps, group)
				r := newRig(t, part, avc(), sound(44100)).feed(list, tones(1, 0, 60*second, 44100, 1024, nil)).finish().check()
				fit := int((part.Seconds() + jitter.Seconds()) * fps)
				for i, c := range r.chunks {
					if c.Duration > c.Limit || c.Limit > part+2*jitter {
						t.Errorf("chunk %d: %v of %v", i, c.Duration, c.Limit)
					}
					if last := i+1 == len(r.chunks) || r.chunks[i+1].Key; !last && c.Duration < c.Limit*85/100 {
						t.Errorf("chunk %d: %v is too short for %v", i, c.Duration, c.Limit)
					}
					if c.Start > 5*second && c.Start < 6*second && c.Pictures != fit {
						t.Errorf("chunk %d: %d pictures; want %d", i, c.Pictures, fit)
					}
				}
				longest := r.chunks[len(r.chunks)-2].Limit
				for i, c := range r.chunks { // of what players are told once for all
					if last := i+1 == len(r.chunks) || r.chunks[i+1].Key; !last && c.Duration < longest*85/100 {
						t.Errorf("chunk %d: %v is too short for %v, which comes later", i, c.Duration, longest)
					}
				}
				r.wantCuts(0)
				if got := r.reads(media.Video); len(got) != len(list) {
					t.Errorf("%d pictures; want %d", len(got), len(list))
				}
			})
		}
	}
}

// TestKeyFrames begin chunks, wherever they are.
func TestKeyFrames(t *testing.T) {
	list := pictures(0, 4*second, 25, 1000)
	for _, i := range []int{0, 12, 13, 50} {
		list[i].key = true
	}
	r := newRig(t, 200*time.Millisecond, avc()).feed(list).finish().check()
	var keys, counts []int
	for _, c := range r.chunks {
		if c.Key {
			keys = append(keys, int(c.Start/(40*ms)))
		}
		counts = append(counts, c.Pictures)
	}
	if got := fmt.Sprint(keys); got != "[0 12 13 50]" {
		t.Errorf("chunks with key frames at %s", got)
	}
	if got := fmt.Sprint(counts[:13]); got != "[5 5 2 1 5 5 5 5 5 5 5 2 5]" {
		t.Errorf("chunks of %s", got)
	}
	r.wantCuts(0)
	for i, s := range r.reads(media.Video) {
		if s.IsSync() != list[i].key || !bytes.Equal(s.Data, list[i].data) || s.DecodeTime != uint64(i*3600) || s.Dur != 3600 {
			t.Errorf("picture %d: %+v", i, s)
		}
	}
}

// TestBegins with a key frame: what comes before it is left out.
func TestBegins(t *testing.T) {
	list := pictures(0, 4*second, 25, 50)[20:]
	r := newRig(t, 500*time.Millisecond, avc(), sound(48000)).feed(list, tones(1, 0, 4*second, 48000, 1024, nil)).finish().check()
	if c := r.chunks[0]; c.Start != 2*second || !c.Key || c.Audio.Base < 96000 || c.Audio.Base > 97500 {
		t.Errorf("%+v", c)
	}
	r.wantCuts(2000)
	if c := newRig(t, time.Second, avc(), sound(48000)).finish().chunks; len(c) != 0 {
		t.Errorf("%d chunks of nothing", len(c))
	}
}

func TestReordered(t *testing.T) {
	list := pictures(0, 4*second, 25, 50)
	for i := range list { // I P B B P B B
		list[i].pts += []int64{40, 120, 0, 0}[min(i%50, 1+(i%50+2)%3)] * ms
	}
	r := newRig(t, 200*time.Millisecond, avc()).feed(list).finish().check()
	for i, s := range r.reads(media.Video) {
		if want := list[i]; int64(s.DecodeTime) != want.dts/ms*90 || s.PresentationTime() != want.pts/ms*90 {
			t.Errorf("picture %d at %d, shown at %d; want %+v", i, s.DecodeTime, s.PresentationTime(), want)
		}
	}
	if c := r.chunks[0]; c.Video.First != 3600 || c.Video.Base != 0 {
		t.Errorf("first at %d, shown at %d", c.Video.Base, c.Video.First)
	}
}

// TestVariableRate has pictures come as they like.
func TestVariableRate(t *testing.T) {
	var list []shot
	at := int64(0)
	for i := range 600 {
		list = append(list, shot{0, at, at, i%100 == 0, []byte{0, 0, 0, 1, byte(i)}})
		at += []int64{20, 40, 33, 90, 17, 250, 40, 5}[i%8] * ms
	}
	r := newRig(t, 500*time.Millisecond, avc(), sound(48000)).feed(list, tones(1, 0, at, 48000, 1024, nil)).finish().check()
	r.wantCuts(0)
	for i, s := range r.reads(media.Video) {
		if int64(s.DecodeTime) != list[i].dts/ms*90 || !bytes.Equal(s.Data, list[i].data) {
			t.Fatalf("picture %d at %d; want %d ms", i, s.DecodeTime, list[i].dts/ms)
		}
	}
	for i, c := range r.chunks {
		if c.Duration > 800*time.Millisecond {
			t.Errorf("chunk %d lasts %v", i, c.Duration)
		}
	}
}

func TestSoundAlone(t *testing.T) {
	for name, c := range map[string]struct {
		track         *media.Track
		rate, samples int
	}{"AAC": {sound(44100), 44100, 1024}, "Opus": {opusSound(), 48000, 960}} {
		for _, part := range []time.Duration{200 * time.Millisecond, 500 * time.Millisecond} {
			list := tones(0, 0, 30*second, c.rate, c.samples, nil)
			r := newRig(t, part, c.track).feed(list).finish().check()
			r.wantCuts(0)
			got := r.reads(media.Audio)
			if len(got) != len(list) {
				t.Errorf("%s: %d frames; want %d", name, len(got), len(list))
			}
			for i, s := range got {
				if int(s.Dur) != c.samples || int(s.DecodeTime) != i*c.samples || !s.IsSync() {
					t.Fatalf("%s: frame %d: %+v", name, i, s)
				}
			}
			for i, one := range r.chunks[:len(r.chunks)-1] {
				if !one.Key || one.Pictures != 0 || one.Duration > one.Limit || one.Duration < one.Limit*85/100 || one.Limit > part+2*jitter {
					t.Errorf("%s: chunk %d of %v: %v", name, i, one.Limit, one.Duration)
				}
			}
		}
	}
}

// TestSnapped has the stamps of sound lie off: its samples tell.
func TestSnapped(t *testing.T) {
	for name, off := range map[string]func(int) int64{
		"up and down": func(i int) int64 { return []int64{0, 10, -10, 10, -10, -7, 3}[i%7] * ms },
		"in pairs":    func(i int) int64 { return -int64(i%2) * 20 * ms },
	} {
		for _, tracks := range [][]*media.Track{{avc(), sound(48000)}, {sound(48000)}} {
			at := uint8(len(tracks) - 1)
			list := tones(at, second, 20*second, 48000, 1024, off)
			r := newRig(t, 200*time.Millisecond, tracks...)
			if at > 0 {
				r.feed(pictures(second, 20*second, 25, 50), list)
			} else {
				r.feed(list)
			}
			r.finish().check().wantCuts(r.chunks[0].Start / ms)
			for i, s := range r.reads(media.Audio) {
				if s.Dur != 1024 || s.DecodeTime != 48000+uint64(i)*1024 {
					t.Fatalf("%s: frame %d: %d for %d", name, i, s.DecodeTime, s.Dur)
				}
			}
		}
	}
}

// TestDrift has clocks of sound run otherwise than its samples, and a part of it be left out: the stamps win.
func TestDrift(t *testing.T) {
	for name, off := range map[string]func(int) int64{
		"fast":   func(i int) int64 { return int64(i) * 1024 * second / 48000 / 1000 },
		"slow":   func(i int) int64 { return -int64(i) * 1024 * second / 48000 / 1000 },
		"a gap":  func(i int) int64 { return int64(min(i/500, 1)) * 100 * ms },
		"gaps":   func(i int) int64 { return int64(i/100) * 40 * ms },
		"bursts": func(i int) int64 { return -int64(i%8) * 1024 * second / 48000 }, // eight packets with one stamp
	} {
		list := tones(1, 0, 300*second, 48000, 1024, off)
		r := newRig(t, 500*time.Millisecond, avc(), sound(48000)).feed(pictures(0, list[len(list)-1].dts, 25, 50), list).finish().check()
		r.wantCuts(0)
		got := r.reads(media.Audio)
		if len(got) != len(list) {
			t.Errorf("%s: %d frames; want %d", name, len(got), len(list))
			continue
		}
		slack := int64(tolerance * 48)
		if name == "bursts" {
			slack += 8 * 1024
		}
		for i, s := range got {
			if d := int64(s.DecodeTime) - list[i].dts/ms*48; d > slack || d < -slack {
				t.Fatalf("%s: frame %d is off by %d samples", name, i, d)
			}
		}
		if s := got[499]; name == "a gap" && (s.Dur < 1024+90*48 || got[500].DecodeTime != uint64(list[500].dts/ms*48)) {
			t.Errorf("before the gap %+v, behind it %+v", s, got[500])
		}
	}
}

// TestDamage leaves out frames that cannot be read, and those of tracks that nobody knows.
func TestDamage(t *testing.T) {
	list := pictures(0, 4*second, 25, 50)
	list[10].data, list[51].data, list[50].data = nil, nil, []byte{}
	heard := tones(1, 0, 4*second, 48000, 1024, nil)
	heard[20].data = nil
	other := tones(2, 0, 4*second, 48000, 1024, nil)
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000), &media.Track{Kind: media.Data, Codec: media.AMF})
	r.feed(list, heard, other).finish().check().wantCuts(0)
	got := r.reads(media.Video)
	if len(got) != len(list)-3 || got[9].Dur != 7200 || len(r.reads(media.Audio)) != len(heard)-1 {
		t.Errorf("%d pictures, %d sounds; one lasts %d", len(got), len(r.reads(media.Audio)), got[9].Dur)
	}
	if got := r.reads(media.Audio)[19].Dur; got != 1024 && got != 2048 {
		t.Errorf("the sound before a damaged one lasts %d", got)
	}
}

// TestFinish flushes the last frames, for as long as they last by themselves or the ones before did.
func TestFinish(t *testing.T) {
	r := newRig(t, 500*time.Millisecond, avc(), sound(48000)).feed(pictures(0, 700*ms, 25, 50), tones(1, 0, 700*ms, 48000, 1024, nil)).finish().check()
	n := len(r.chunks)
	if got, heard := r.reads(media.Video), r.reads(media.Audio); len(got) != 18 || got[17].Dur != 3600 || len(heard) != 33 || heard[32].Dur != 1024 {
		t.Errorf("%d pictures, %d sounds", len(got), len(heard))
	}
	if r.finish(); len(r.chunks) != n {
		t.Error("the end comes twice")
	}
	one := newRig(t, 500*time.Millisecond, avc()).feed([]shot{{0, 0, 0, true, []byte{1}}}).finish().check()
	if len(one.chunks) != 1 || one.chunks[0].Duration != 40*time.Millisecond || one.chunks[0].Limit != 500*time.Millisecond {
		t.Errorf("one picture: %+v", one.chunks)
	}
}

// TestLargest cuts what would be too much to keep.
func TestLargest(t *testing.T) {
	list := pictures(0, 2*second, 25, 50)
	for i := range list {
		list[i].data = make([]byte, 12<<20)
	}
	r := newRig(t, time.Second, avc()).feed(list[:12]).finish()
	for i, c := range r.chunks {
		if c.Size() > maxBytes+13<<20 {
			t.Errorf("chunk %d has %d bytes", i, c.Size())
		}
	}
	r.wantCuts(0)
}

// TestPart is asked again at each group of pictures.
func TestPart(t *testing.T) {
	r := newRig(t, 500*time.Millisecond, avc()).feed(pictures(0, 10*second, 25, 50))
	r.part = 200 * time.Millisecond
	r.feed(pictures(10*second, 20*second, 25, 50)).finish().check().wantCuts(0)
	for _, c := range r.chunks {
		want := 12
		switch {
		case c.Start >= 10*second:
			want = 5
		case c.Start%(2*second) == 48*40*ms:
			want = 2
		}
		if c.Pictures != want {
			t.Errorf("at %v: %d pictures; want %d", time.Duration(c.Start), c.Pictures, want)
		}
	}
}

func TestWall(t *testing.T) {
	r := newRig(t, 500*time.Millisecond, avc())
	r.layout.Wall = time.Unix(1000, 0)
	r.feed(pictures(0, 4*second, 25, 50)).finish().check()
	for _, c := range r.chunks {
		if want := r.layout.Wall.Add(time.Duration(c.Start)); !c.Wall.Equal(want) {
			t.Errorf("at %v: %v; want %v", time.Duration(c.Start), c.Wall, want)
		}
	}
	if c := newRig(t, time.Second, avc()).feed(pictures(0, second, 25, 50)).finish().chunks[0]; !c.Wall.IsZero() {
		t.Errorf("a time of the day that nobody told: %v", c.Wall)
	}
}

// TestLong has times over ten years not drift.
func TestLong(t *testing.T) {
	const from = 10 * 365 * 24 * 3600 * second
	r := newRig(t, 500*time.Millisecond, avc(), sound(44100))
	r.feed(pictures(from, from+10*second, 25, 50), tones(1, from, from+10*second, 44100, 1024, nil)).finish().check()
	if c := r.chunks[0]; c.Start != from || int64(c.Video.Base) != from/second*90000 || int64(c.Audio.Base) != from/second*44100 {
		t.Errorf("%+v", c)
	}
}
