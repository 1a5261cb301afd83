package relay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"weir/internal/media"
)

// show is a stream of pictures, and sounds between them, that several servers send.
type show struct {
	layout *media.Layout
	gop    int // pictures
}

func newShow() show {
	return show{&media.Layout{Tracks: []*media.Track{{Kind: media.Video, Codec: media.H264}, {Kind: media.Audio, Codec: media.AAC}}}, 10}
}

// frames are the pictures from one number on to another, as a server sends them whose clock has so much more, and the sound
// after each.
func (s show) frames(from, to int, clock time.Duration) (list []*media.Frame) {
	for n := from; n < to; n++ {
		at := time.Duration(n)*40*time.Millisecond + clock
		picture := media.NewFrame(nil, fmt.Appendf(nil, "picture %d", n))
		picture.Layout, picture.Key, picture.DTS, picture.PTS = s.layout, n%s.gop == 0, int64(at), int64(at+40*time.Millisecond)
		sound := media.NewFrame(nil, fmt.Appendf(nil, "sound %d", n))
		sound.Layout, sound.Track, sound.Key = s.layout, 1, true
		sound.DTS = int64(at + 20*time.Millisecond)
		sound.PTS = sound.DTS
		list = append(list, picture, sound)
	}
	return list
}

// told renders frames: the first and the last, and how many there are.
func told(list []*media.Frame) string {
	if len(list) == 0 {
		return "nothing"
	}
	name := func(f *media.Frame) string {
		return strings.NewReplacer("picture ", "p", "sound ", "s").Replace(string(f.Raw())) + "@" + time.Duration(f.DTS).String()
	}
	return fmt.Sprintf("%s %s %d", name(list[0]), name(list[len(list)-1]), len(list))
}

// TestSeam has a stream come by another way, which begins in the past: it goes on where it broke off, without a gap and
// without anything twice, by the clock that it had.
func TestSeam(t *testing.T) {
	s := newShow()
	for name, c := range map[string]struct {
		broke  int // the picture behind the last that has come
		from   int // where the other way begins
		clock  time.Duration
		batch  int
		first  string // what goes on first
		splice bool
	}{
		"same clock":                {35, 30, 0, 5, "p35@1.4s", false},
		"another clock":             {35, 30, -time.Second, 5, "p35@1.4s", false},
		"one by one":                {35, 30, time.Hour, 1, "p35@1.4s", false},
		"all at once":               {35, 30, time.Hour, 1000, "p35@1.4s", false},
		"from a GOP before":         {35, 20, time.Hour, 7, "p35@1.4s", false},
		"the newest is a key frame": {31, 30, time.Hour, 3, "p31@1.24s", false},
		"no picture in common":      {35, 40, 0, 5, "p40@1.6s", true},
		"none, and another clock":   {35, 40, -time.Hour, 5, "p40@-59m58.4s", true},
		"it is behind":              {35, 0, 0, 5, "p35@1.4s", false},
		"far behind":                {200, 100, 0, 1000, "p200@8s", false},
		"it is ahead, in one GOP":   {35, 38, 0, 5, "p38@1.52s", true},
	} {
		t.Run(name, func(t *testing.T) {
			var x seam
			x.open()
			if out, splice := x.pass(s.frames(0, c.broke, 0)); len(out) != 2*c.broke || splice {
				t.Fatalf("before: %s, %v", told(out), splice)
			}
			x.open()
			var got []*media.Frame
			spliced := false
			all := s.frames(c.from, c.broke+50, c.clock)
			for at := int64(1); len(all) > 0; at += int64(100 * time.Millisecond) {
				n := min(c.batch, len(all))
				for _, f := range all[:n] {
					f.At = at
				}
				out, splice := x.pass(all[:n:n])
				got, spliced, all = append(got, out...), spliced || splice, all[n:]
			}
			if !strings.HasPrefix(told(got), c.first+" ") || spliced != c.splice {
				t.Errorf("it goes on with %s, splice %v; want %s, %v", told(got), spliced, c.first, c.splice)
			}
			var last [2]int64
			for i := range last {
				last[i] = -1 << 62
			}
			for _, f := range got {
				if f.DTS <= last[f.Track] {
					t.Fatalf("%s comes after %d", told([]*media.Frame{f}), last[f.Track])
				}
				last[f.Track] = f.DTS
			}
			if !c.splice && len(got) < 100 {
				t.Errorf("%d frames", len(got))
			}
		})
	}
}

// TestSeamOfLayouts has the other way name its tracks one by one, so that their places change.
func TestSeamOfLayouts(t *testing.T) {
	s := newShow()
	var x seam
	x.open()
	x.pass(s.frames(0, 35, 0))
	x.open()
	again := s.frames(30, 60, 0)
	alone := &media.Layout{Tracks: s.layout.Tracks[:1]}
	both := &media.Layout{Tracks: []*media.Track{s.layout.Tracks[1], s.layout.Tracks[0]}}
	for i, f := range again {
		if f.Layout = both; i == 0 {
			f.Layout = alone
			continue
		}
		f.Track = 1 - f.Track
	}
	out, splice := x.pass(again)
	if !strings.HasPrefix(told(out), "p35@1.4s ") || len(out) != 50 || splice {
		t.Errorf("%s, splice %v", told(out), splice)
	}
}

// TestSeamOfSounds has a stream without pictures, whose silence is always the same: it is known by its times.
func TestSeamOfSounds(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{{Kind: media.Audio, Codec: media.AAC}}}
	silence := func(from, to int) (list []*media.Frame) {
		for n := from; n < to; n++ {
			f := media.NewFrame(nil, []byte("silence"))
			f.Layout, f.Key, f.DTS = l, true, int64(n)*int64(20*time.Millisecond)
			list = append(list, f)
		}
		return list
	}
	var x seam
	x.open()
	x.pass(silence(0, 100))
	for _, c := range []struct {
		from   int
		want   string
		splice bool
	}{
		{100, "silence@2s silence@2.38s 20", false},
		{110, "silence@2.4s silence@2.58s 10", false}, // ten of them have come already
		{5000, "silence@1m40s silence@1m40.38s 20", true},
		{5, "silence@100ms silence@480ms 20", true},
	} {
		x.open()
		if out, splice := x.pass(silence(c.from, c.from+20)); told(out) != c.want || splice != c.splice {
			t.Errorf("from %d: %s, splice %v; want %s, %v", c.from, told(out), splice, c.want, c.splice)
		}
	}
}
