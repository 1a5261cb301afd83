package cmaf

import (
	"testing"
	"time"

	"weir/internal/media"
)

// TestSilentTrack has sound be announced and not come, or come late, or leave.
func TestSilentTrack(t *testing.T) {
	whole := pictures(0, 20*second, 25, 50)
	for name, c := range map[string]struct {
		sound [][]shot
		casts []string
		cuts  []int64
	}{
		"never comes":        {nil, []string{"H264"}, []int64{0}},
		"comes with them":    {[][]shot{tones(1, 0, 20*second, 48000, 1024, nil)}, []string{"H264 AAC"}, []int64{0}},
		"comes later":        {[][]shot{tones(1, 5*second, 20*second, 48000, 1024, nil)}, []string{"H264", "H264 AAC"}, []int64{0, 6000}},
		"leaves":             {[][]shot{tones(1, 0, 5*second, 48000, 1024, nil)}, []string{"H264 AAC", "H264"}, []int64{0, 8000}},
		"is away, not long":  {[][]shot{tones(1, 0, 5*second, 48000, 1024, nil), tones(1, 7*second, 20*second, 48000, 1024, nil)}, []string{"H264 AAC"}, []int64{0}},
		"leaves and returns": {[][]shot{tones(1, 0, 5*second, 48000, 1024, nil), tones(1, 11*second, 20*second, 48000, 1024, nil)}, []string{"H264 AAC", "H264", "H264 AAC"}, []int64{0, 8000, 12000}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 200*time.Millisecond, avc(), sound(48000)).feed(append(c.sound, whole)...).finish().check()
			r.wantCasts(c.casts...)
			r.wantCuts(c.cuts...)
			if got := r.reads(media.Video); len(got) != len(whole) {
				t.Errorf("%d pictures; want %d", len(got), len(whole))
			}
		})
	}
}

// TestDark has pictures be announced and not come, or stop and return.
func TestDark(t *testing.T) {
	heard := tones(1, 0, 20*second, 48000, 1024, nil)
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000)).feed(heard).finish().check()
	r.wantCasts("AAC")
	if at := r.chunks[0].Start; at < int64(absent) || at > int64(absent)+100*ms {
		t.Errorf("sound alone begins at %v", time.Duration(at))
	}
	r = newRig(t, 200*time.Millisecond, avc(), sound(48000))
	r.feed(heard, pictures(0, 4*second, 25, 50), pictures(10*second, 20*second, 25, 50)).finish().check()
	r.wantCasts("H264 AAC", "AAC", "H264 AAC")
	if got := len(r.reads(media.Audio)); got < len(heard)-5 { // all but those at the seams
		t.Errorf("%d sounds of %d", got, len(heard))
	}
	if got := len(r.reads(media.Video)); got != 350 {
		t.Errorf("%d pictures", got)
	}
}

// TestOnlyThen has sound begin when the pictures, which it was not with, have stopped.
func TestOnlyThen(t *testing.T) {
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
	r.feed(pictures(0, 4*second, 25, 50), tones(1, 10*second, 20*second, 48000, 1024, nil)).finish().check()
	r.wantCasts("H264", "AAC")
}

// TestPause has nothing come for a while: what comes then is of the same tracks.
func TestPause(t *testing.T) {
	for name, from := range map[string]int64{"pictures first": 12 * second, "sound first": 12*second - 40*ms} {
		for _, pause := range []bool{true, false} {
			r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
			r.feed(pictures(0, 4*second, 25, 50), tones(1, 0, 4*second, 48000, 1024, nil))
			if !pause { // somebody was too slow, and the frames between were lost
				r.finish()
			}
			r.feed(pictures(12*second, 20*second, 25, 50), tones(1, from, 20*second, 48000, 1024, nil)).finish().check()
			if r.wantCasts("H264 AAC"); t.Failed() {
				t.Fatal(name, pause)
			}
			r.wantCuts(0, 12000)
		}
	}
}

// TestLost begins anew with a key frame.
func TestLost(t *testing.T) {
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
	r.feed(pictures(0, 2500*ms, 25, 50), tones(1, 0, 2500*ms, 48000, 1024, nil)).finish()
	r.feed(pictures(3*second, 6*second, 25, 50)[7:], tones(1, 3*second, 6*second, 48000, 1024, nil)).finish().check()
	r.wantCasts("H264 AAC")
	r.wantCuts(0, 5000)
	if c := r.chunks[0].Tracks; c != r.chunks[len(r.chunks)-1].Tracks {
		t.Error("other tracks")
	}
}

// TestRepublish has another publisher with the same headers: the tracks stay, and there is a cut.
func TestRepublish(t *testing.T) {
	for name, c := range map[string]struct {
		tracks []*media.Track
		casts  []string
	}{
		"the same headers": {[]*media.Track{avc(), sound(48000)}, []string{"H264 AAC"}},
		"in other order":   {[]*media.Track{sound(48000), avc()}, []string{"H264 AAC"}},
		"another codec":    {[]*media.Track{hevc(), sound(48000)}, []string{"H264 AAC", "HEVC AAC"}},
		"another sound":    {[]*media.Track{avc(), sound(44100)}, []string{"H264 AAC", "H264 AAC"}},
		"without sound":    {[]*media.Track{avc()}, []string{"H264 AAC", "H264"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
			r.feed(pictures(0, 3*second, 25, 50), tones(1, 0, 3*second, 48000, 1024, nil))
			r.follow(2, c.tracks...)
			lists := [][]shot{pictures(3*second, 9*second, 25, 50)}
			at := r.layout.First(media.Audio)
			for i := range lists[0] {
				lists[0][i].track = uint8(r.layout.First(media.Video))
			}
			if at >= 0 {
				rate := 48000
				if name == "another sound" {
					rate = 44100
				}
				lists = append(lists, tones(uint8(at), 3*second, 9*second, rate, 1024, nil))
			}
			r.feed(lists...).finish().check()
			r.wantCasts(c.casts...)
			r.wantCuts(0, 3000)
		})
	}
}

// TestRepublishWithoutSound has one who announces sound and sends none be followed by another.
func TestRepublishWithoutSound(t *testing.T) {
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000)).feed(pictures(0, 3*second, 25, 50))
	r.follow(2, avc(), sound(48000)).feed(pictures(3*second, 6*second, 25, 50)).finish().check()
	r.wantCasts("H264")
	r.wantCuts(0, 3000)
}

// TestRepeat has headers be sent again, with which nothing begins anew.
func TestRepeat(t *testing.T) {
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
	for n := range int64(10) {
		r.follow(0, avc(), sound(48000))
		r.feed(pictures(n*second, n*second+second, 25, 25), tones(1, n*second, n*second+second, 48000, 1024, nil))
	}
	r.finish().check()
	r.wantCasts("H264 AAC")
	r.wantCuts(0)
	if got := len(r.reads(media.Video)); got != 250 {
		t.Errorf("%d pictures", got)
	}
}

// TestData has tracks of data come and go, which no chunk tells.
func TestData(t *testing.T) {
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
	cues := &media.Track{Kind: media.Data, Codec: media.SCTE35}
	video, audio := r.layout.Tracks[0], r.layout.Tracks[1]
	for n := range int64(10) {
		at := n * second
		if n%3 == 1 {
			r.follow(0, video, audio, cues, cues)
			r.feed([]shot{{2, at, at, true, []byte("cue")}, {3, at + 500*ms, at + 500*ms, true, []byte("cue")}})
		} else {
			r.follow(0, video, audio)
		}
		r.feed(pictures(at, at+second, 25, 25), tones(1, at, at+second, 48000, 1024, nil))
	}
	r.finish().check()
	r.wantCasts("H264 AAC")
	r.wantCuts(0)
	if got := len(r.reads(media.Video)); got != 250 {
		t.Errorf("%d pictures", got)
	}
}

// TestCodecChange has one publisher go on with something else.
func TestCodecChange(t *testing.T) {
	for name, c := range map[string]struct {
		tracks []*media.Track
		rate   int
		group  int // of the pictures behind the change
		casts  []string
		cuts   []int64
	}{
		"pictures":             {[]*media.Track{hevc(), sound(48000)}, 48000, 50, []string{"H264 AAC", "HEVC AAC"}, []int64{0, 3000}},
		"sound":                {[]*media.Track{avc(), sound(44100)}, 44100, 50, []string{"H264 AAC", "H264 AAC"}, []int64{0, 4000}},
		"sound, another codec": {[]*media.Track{avc(), opusSound()}, 48000, 50, []string{"H264 AAC", "H264 Opus"}, []int64{0, 4000}},
		"sound goes":           {[]*media.Track{avc()}, 0, 50, []string{"H264 AAC", "H264"}, []int64{0, 4000}},
		"pictures go":          {[]*media.Track{sound(48000)}, 48000, 0, []string{"H264 AAC", "AAC"}, []int64{0, 3008}},
		"all goes":             {[]*media.Track{{Kind: media.Video, Codec: media.VP8}}, 0, 0, []string{"H264 AAC"}, []int64{0}},
	} {
		t.Run(name, func(t *testing.T) {
			list := pictures(0, 9*second, 25, 50)
			r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
			r.feed(list[:75], tones(1, 0, 3*second, 48000, 1024, nil))
			r.follow(0, c.tracks...)
			behind := list[75:]
			if c.tracks[0].Codec == media.H265 {
				behind = pictures(3*second, 9*second, 25, 50)
			}
			if c.group == 0 {
				behind = nil
			}
			var heard []shot
			if c.rate > 0 {
				heard = tones(uint8(r.layout.First(media.Audio)), 3*second, 9*second, c.rate, 1024, nil)
			}
			for i := range heard {
				heard[i].data = append([]byte{0x0c, 0xcc}, heard[i].data...)
			}
			r.feed(behind, heard).finish().check()
			r.wantCasts(c.casts...)
			r.wantCuts(c.cuts...)
			first := r.chunks[0].Tracks
			for _, one := range r.chunks { // no sound under the wrong header
				if one.Tracks.Audio == nil {
					continue
				}
				old := one.Tracks.Audio.Same(first.Audio)
				for _, s := range read(t, one.Tracks.Audio, &one.Audio) {
					if fresh := s.Data[0] == 0x0c; fresh && old && !one.Tracks.Audio.Same(r.p.offered.Audio) {
						t.Fatalf("at %v: sound of another kind among the old", time.Duration(one.Start))
					}
				}
			}
		})
	}
}

// TestRateAfterAbsence has sound return with another clock, in which its times are others.
func TestRateAfterAbsence(t *testing.T) {
	for _, rates := range [][2]int{{48000, 44100}, {44100, 48000}} {
		for _, none := range []bool{false, true} {
			r := newRig(t, 200*time.Millisecond, avc(), sound(rates[0]))
			r.feed(pictures(100*second, 110*second, 25, 50), tones(1, 100*second, 104*second, rates[0], 1024, nil))
			if none {
				r.follow(0, &media.Track{Kind: media.Video, Codec: media.VP8}).feed([]shot{{0, 110 * second, 110 * second, true, []byte{1}}})
			}
			r.follow(0, avc(), sound(rates[1]))
			r.feed(pictures(110*second, 116*second, 25, 50), tones(1, 110*second, 116*second, rates[1], 1024, nil)).finish().check()
			for _, c := range r.chunks[:len(r.chunks)-1] {
				if len(c.Audio.Data) == 0 || c.Tracks.Audio.Scale != int64(rates[1]) {
					if c.Start >= 113*second {
						t.Fatalf("no sound at %v", time.Duration(c.Start))
					}
					continue
				}
				if at := c.Tracks.Audio.Time(int64(c.Audio.Base)); at < c.Start-100*ms || at > c.Start+300*ms {
					t.Fatalf("%d behind %d: sound of %v with pictures of %v", rates[1], rates[0], time.Duration(at), time.Duration(c.Start))
				}
			}
		}
	}
}

// TestDarkWhileSoundChanges has sound change its codec, and pictures not come any more to begin with.
func TestDarkWhileSoundChanges(t *testing.T) {
	r := newRig(t, 200*time.Millisecond, avc(), sound(48000))
	r.feed(pictures(0, 3*second, 25, 500), tones(1, 0, 3*second, 48000, 1024, nil))
	r.follow(0, avc(), opusSound()).feed(tones(1, 3*second, 12*second, 48000, 960, nil)).finish().check()
	r.wantCasts("H264 AAC", "Opus")
}
