package e2e

import (
	"cmp"
	"math"
	"strconv"
	"testing"
)

// expectation is what a recording must have.
type expectation struct {
	clip   clip
	frames int     // of video, at least
	gap    float64 // the longest step between two frames, in seconds; 0 is one second
	absent bool    // there was no publisher for a while
}

type probed struct {
	Streams []struct {
		Type   string `json:"codec_type"`
		Codec  string `json:"codec_name"`
		Width  int    `json:"width"`
		Height int    `json:"height"`
	} `json:"streams"`
	Packets []packet `json:"packets"`
}

type packet struct {
	Type  string `json:"codec_type"`
	DTS   string `json:"dts_time"`
	PTS   string `json:"pts_time"`
	Flags string `json:"flags"`
}

func (p *packet) dts() float64 {
	v, err := strconv.ParseFloat(p.DTS, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// check holds a recording against what is expected: the codecs, that it starts with a key
// frame, that time flows evenly, that sound and picture belong together, and that all of it
// decodes into pictures of something.
func check(t *testing.T, r recording, want expectation) {
	t.Helper()
	frames, pictures := 0, 0
	switch {
	case r.wall && want.absent:
		want.gap = patience.Seconds()
	case r.wall: // sound of half a second ago is not sent any more, which a slow machine may bring about
		want.gap = max(want.gap, 3)
	}
	apart := 0.5
	switch {
	case r.peeks: // up to the next key frame
		apart += float64(gop) / rate
	case r.wall: // there is no sound before it has caught up with the pictures, which takes a slow machine a while
		apart = 10
	}
	see := func(raw []byte) {
		var p probed
		unmarshal(t, raw, &p)
		checkStreams(t, &p, want, cmp.Or(r.sound, "aac"))
		frames += checkTimes(t, &p, want, apart)
	}
	if r.probe != nil {
		see(r.probe)
	}
	for _, file := range r.list() {
		raw, complaints := run(t, modern("ffprobe", want.clip.codec), "-loglevel", "error", "-show_entries", probeEntries, "-of", "json", file)
		if complaints != "" {
			t.Errorf("ffprobe complains about the recording:\n%s", complaints)
		}
		see(raw)
		pictures += decode(t, file, want)
	}
	if frames < want.frames {
		t.Errorf("%d frames, want %d", frames, want.frames)
	}
	if r.probe == nil && pictures < want.frames-2 { // the last ones may wait for what never came
		t.Errorf("%d frames decoded, want %d", pictures, want.frames)
	}
}

func checkStreams(t *testing.T, p *probed, want expectation, sound string) {
	t.Helper()
	var video, audio int
	for _, s := range p.Streams {
		switch s.Type {
		case "video":
			video++
			if s.Codec != want.clip.codec || s.Width != want.clip.width || s.Height != want.clip.height {
				t.Errorf("the video is %s %dx%d, want %s", s.Codec, s.Width, s.Height, want.clip.name)
			}
		case "audio":
			audio++
			if s.Codec != sound {
				t.Errorf("the audio is %s", s.Codec)
			}
		}
	}
	if video != 1 || audio != 1 {
		t.Errorf("%d video and %d audio streams", video, audio)
	}
}

// checkTimes returns how many frames there are. Sound and pictures may begin so many seconds apart.
func checkTimes(t *testing.T, p *probed, want expectation, apart float64) int {
	t.Helper()
	gap := want.gap
	if gap == 0 {
		gap = 1
	}
	first, last, count := map[string]float64{}, map[string]float64{}, map[string]int{}
	for i := range p.Packets {
		k := &p.Packets[i]
		if k.Type != "video" && k.Type != "audio" {
			continue // metadata that came again
		}
		at := k.dts()
		if count[k.Type]++; count[k.Type] == 1 {
			first[k.Type] = at
			if k.Type == "video" && k.Flags[:1] != "K" {
				t.Error("the first frame is no key frame")
			}
		} else if step := at - last[k.Type]; math.IsNaN(step) || step < 0 || step > gap {
			t.Errorf("%s packet %d: time goes from %.3f to %.3f", k.Type, count[k.Type], last[k.Type], at)
		}
		last[k.Type] = at
	}
	if d := first["audio"] - first["video"]; math.Abs(d) > apart {
		t.Errorf("sound starts %.3f s behind the picture", d)
	}
	if d := last["audio"] - last["video"]; math.Abs(d) > 1 {
		t.Errorf("sound ends %.3f s behind the picture", d)
	}
	return count["video"]
}

const thumb = 16 * 12 // bytes of a decoded picture, grey and small

// decode decodes a file of a recording, which must work without a complaint and give pictures. It returns
// how many.
func decode(t *testing.T, file string, want expectation) int {
	t.Helper()
	raw, complaints := run(t, modern("ffmpeg", want.clip.codec), "-hide_banner", "-loglevel", "error", "-xerror", "-i", file,
		"-map", "0:v:0", "-vf", "setpts=N/TB,scale=16:12", "-pix_fmt", "gray", "-fps_mode", "passthrough", "-f", "rawvideo", "-")
	if complaints != "" {
		t.Errorf("decoding complains:\n%s", complaints)
	}
	n := len(raw) / thumb
	for i := range n {
		if contrast(raw[i*thumb:(i+1)*thumb]) < 10 {
			t.Errorf("picture %d is empty", i)
			break
		}
	}
	return n
}

// contrast is the standard deviation of a picture's brightness.
func contrast(picture []byte) float64 {
	var sum, squares float64
	for _, b := range picture {
		sum += float64(b)
		squares += float64(b) * float64(b)
	}
	n := float64(len(picture))
	return math.Sqrt(max(0, squares/n-sum/n*sum/n))
}
