package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// clip is a short piece of picture and sound, which publishers send.
type clip struct {
	name          string
	file          string
	codec         string // of its video, as ffprobe calls it
	width, height int
}

// gop is the distance of the clips' key frames, in frames; there are rate frames in a second.
const (
	gop  = 25
	rate = 25
)

// clips are made once a run.
var clips struct {
	mu   sync.Mutex
	dir  string
	made map[string]bool
}

// newClip returns the clip of a codec; small ones differ from large ones in their picture size.
// Heavy ones are for tests that fill buffers.
func newClip(t *testing.T, codec, size string) clip {
	t.Helper()
	c := clip{name: codec + "-" + size, codec: codec, width: 160, height: 120}
	length, video := "240", []string{} // longer than any test: GStreamer sends it once
	ffmpeg := "ffmpeg"
	switch codec {
	case "h264":
		video = strings.Fields("-c:v libx264 -preset veryfast -bf 2")
	case "hevc":
		ffmpeg, length = "ffmpeg7", "8"
		video = strings.Fields("-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=error:scenecut=0:open-gop=0")
	case "av1":
		ffmpeg, length = "ffmpeg7", "6"
		video = strings.Fields("-c:v libaom-av1 -cpu-used 8 -usage realtime -lag-in-frames 0")
	}
	switch size {
	case "large":
		c.width, c.height = 192, 144
	case "heavy":
		c.width, c.height, length = 640, 360, "4"
		video = strings.Fields("-c:v libx264 -preset ultrafast -b:v 40M -minrate 40M -maxrate 40M -bufsize 8M -vf noise=alls=60:allf=t")
	}
	clips.mu.Lock()
	defer clips.mu.Unlock()
	if clips.dir == "" {
		dir, err := os.MkdirTemp("", "weir-clips-")
		if err != nil {
			t.Fatal(err)
		}
		clips.dir, clips.made = dir, map[string]bool{}
	}
	c.file = filepath.Join(clips.dir, c.name+".flv")
	if codec != "h264" {
		c.file = filepath.Join(clips.dir, c.name+".mp4")
	}
	if clips.made[c.name] {
		return c
	}
	args := slices.Concat(
		strings.Fields("-hide_banner -loglevel error -y -f lavfi -i"),
		[]string{fmt.Sprintf("testsrc2=size=%dx%d:rate=%d", c.width, c.height, rate)},
		strings.Fields("-f lavfi -i sine=frequency=440:sample_rate=44100 -t "+length),
		video,
		strings.Fields(fmt.Sprintf("-g %d -keyint_min %d -pix_fmt yuv420p -c:a aac -b:a 64k", gop, gop)),
		[]string{c.file},
	)
	run(t, ffmpeg, args...)
	clips.made[c.name] = true
	return c
}
