package mpegts

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"weir/internal/codec/h264"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".ts")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The streams are ffmpeg's, of its test sources; numbers are ffprobe's.
var goldens = map[string]struct {
	frames []int // of each track
	keys   []int
	first  []int64 // DTS of the first one, 90 kHz
	tracks string
	others string
}{
	"h264-aac": {[]int{50, 95}, []int{2, 95}, []int64{126000, 131280}, "H264 High 96x64 25, AAC LC 48000 1, ", "[]"},
	"h265-mp2": {[]int{30, 50}, []int{2, 50}, []int64{126000, 132298}, "HEVC Main 96x64 25, MP3  48000 1, ", "[]"},
	"mp3":      {[]int{43}, []int{43}, []int64{126000}, "MP3  48000 1, ", "[]"},
	"ac3":      {[]int{32}, []int{32}, []int64{126000}, "AC3  48000 1, ", "[]"},
	"eac3":     {[]int{32}, []int{32}, []int64{126000}, "EAC3  48000 1, ", "[]"},
	"opus":     {[]int{51}, []int{51}, []int64{126000}, "Opus  48000 1, ", "[]"},
	"latm":     {[]int{48}, []int{48}, []int64{126000}, "AAC LC 48000 1, ", "[]"},
	"open":     {[]int{50}, []int{6}, []int64{126000}, "H264 High 96x64 25, ", "[]"},
	"mpeg2":    {nil, nil, nil, "", "[MPEG-2 video]"},
}

func TestDemuxGolden(t *testing.T) {
	for name, c := range goldens {
		b := golden(t, name)
		list, h := take(t, b, DemuxOptions{DropDamaged: true})
		if h.Packets != uint64(len(b)/packetSize) || h.Damaged+h.Dropped+h.Lost+h.Corrupt+h.Skipped > 0 || fmt.Sprint(h.Others) != c.others {
			t.Errorf("%s: %+v", name, h)
		}
		if len(list) == 0 {
			if c.frames != nil || h.Unknown == 0 {
				t.Errorf("%s: no frames; %+v", name, h)
			}
			continue
		}
		l := list[len(list)-1].Layout
		tracks := ""
		for i, track := range l.Tracks {
			tracks += describe(track)
			part := of(list, i)
			keys := 0
			for k, f := range part {
				if f.Key {
					keys++
				}
				if f.Layout != l {
					t.Errorf("%s: frame %d is of another layout", name, k)
				}
				if k > 0 && f.DTS <= part[k-1].DTS || f.PTS < f.DTS {
					t.Errorf("%s: frame %d of track %d has times %d %d, after %d", name, k, i, f.DTS, f.PTS, part[k-1].DTS)
				}
			}
			if len(part) != c.frames[i] || keys != c.keys[i] || part[0].DTS != nanos(c.first[i]) {
				t.Errorf("%s: track %d: %d frames, %d keys from %d; want %d, %d from %d", name, i, len(part), keys, part[0].DTS,
					c.frames[i], c.keys[i], nanos(c.first[i]))
			}
		}
		if tracks != c.tracks {
			t.Errorf("%s: tracks %q; want %q", name, tracks, c.tracks)
		}
	}
}

func describe(t *media.Track) string {
	i := t.Info
	if t.Kind == media.Video {
		return fmt.Sprintf("%s %s %dx%d %v, ", t.Codec, i.Profile, i.Width, i.Height, i.FPS)
	}
	return fmt.Sprintf("%s %s %d %d, ", t.Codec, i.Profile, i.SampleRate, i.Channels)
}

// Another reader finds the same bytes and times.
func TestDemuxAsOthersDo(t *testing.T) {
	for _, name := range []string{"h264-aac", "h265-mp2", "opus"} {
		b := golden(t, name)
		list, _ := take(t, b, DemuxOptions{})
		_, want := read(t, b)
		for kind, video := range map[media.Kind]bool{media.Video: true, media.Audio: false} {
			var got [][]byte
			var times [][2]int64
			for _, f := range list {
				if f.Source().Kind == kind {
					got, times = append(got, f.Data()), append(times, [2]int64{f.PTS, f.DTS})
				}
			}
			for _, s := range want {
				if s.video != video {
					continue
				}
				if !video { // several frames at once, of which the first has the time
					if times[0][0] != nanos(s.pts) {
						t.Fatalf("%s: sound at %d; want %d", name, times[0][0], nanos(s.pts))
					}
					for _, u := range s.data {
						if !bytes.Equal(got[0], u) {
							t.Fatalf("%s: frame %.20x; want %.20x", name, got[0], u)
						}
						got, times = got[1:], times[1:]
					}
					continue
				}
				var units [][]byte
				for _, u := range s.data {
					if r := avcRole(u); name == "h264-aac" && r != filling && (r == slicing || r == beside) {
						units = append(units, u)
					} else if r := hevcRole(u); name != "h264-aac" && (r == slicing || r == beside) {
						units = append(units, u)
					}
				}
				if !bytes.Equal(got[0], nal.Append(nil, units...)) || times[0] != [2]int64{nanos(s.pts), nanos(s.dts)} {
					t.Fatalf("%s: picture %d %.20x; want %d %d %.20x", name, times[0], got[0], nanos(s.pts), nanos(s.dts), units)
				}
				got, times = got[1:], times[1:]
			}
			if len(got) > 0 {
				t.Errorf("%s: %d frames more than others find", name, len(got))
			}
		}
	}
}

// In a stream with open groups of pictures decoding can start at I pictures that are said to be
// entries; those that are shown before the first one lean on what has not come.
func TestDemuxOpenGroups(t *testing.T) {
	b := golden(t, "open")
	whole, _ := take(t, b, DemuxOptions{})
	var late []*media.Frame
	for _, f := range whole[1:] {
		if f.Key && h264.IsKey(f.Data()) {
			t.Fatal("a second IDR picture")
		}
		if f.Key && late == nil || late != nil {
			late = append(late, f)
		}
	}
	list, h := take(t, b[len(b)/6/packetSize*packetSize:], DemuxOptions{})
	if len(list) == 0 || !list[0].Key {
		t.Fatalf("%d frames; %+v", len(list), h)
	}
	for _, f := range list {
		if f.PTS < list[0].PTS {
			t.Errorf("a picture of %d after the first one of %d", f.PTS, list[0].PTS)
		}
	}
	if len(list) != len(late)-int(h.Dropped) || h.Dropped == 0 {
		t.Errorf("%d pictures and %d left out of %d", len(list), h.Dropped, len(late))
	}
}
