package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The picture of wallClock has 8 by 4 squares of so many pixels, white or black, and below them a
// strip of grey.
const square, glassWidth, glassHeight = 80, 640, 360

// wallClock publishes a picture that tells when it was made: in its squares are the lowest 32
// bits of the time in ms, the highest first. With it goes a tone.
func wallClock(t *testing.T, url string, more ...string) *process {
	t.Helper()
	args := strings.Fields(fmt.Sprintf("-hide_banner -loglevel error -f rawvideo -pix_fmt gray -video_size %dx%d -framerate 25 "+
		"-probesize 32 -i pipe:0 -re -f lavfi -i sine=frequency=440:sample_rate=44100 "+
		"-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -c:a aac", glassWidth, glassHeight))
	cmd := exec.Command(tool(t, "ffmpeg"), append(append(args, more...), "-f", "flv", url)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { <-ended })
	p := begin(t, cmd)
	go func() {
		defer close(ended)
		// A ticker leaves out what is late, and then the stream would be slower than the clock.
		for due := time.Now(); p.running(); due = due.Add(40 * time.Millisecond) {
			time.Sleep(time.Until(due))
			if _, err := in.Write(glass(uint32(time.Now().UnixMilli()))); err != nil {
				return // it has ended
			}
		}
	}()
	return p
}

// glass draws a picture of a time.
func glass(ms uint32) []byte {
	picture := make([]byte, glassWidth*glassHeight)
	for i := range picture {
		x, y := i%glassWidth/square, i/glassWidth/square
		switch {
		case y == 4:
			picture[i] = 128
		case ms>>(31-8*y-x)&1 == 1:
			picture[i] = 255
		}
	}
	return picture
}

// readGlass says how many seconds ago the pictures were made that videos show.
const readGlass = `[...document.querySelectorAll(%q)].map((video) => {
	const canvas = document.createElement('canvas');
	canvas.width = 64; canvas.height = 36;
	const context = canvas.getContext('2d');
	context.drawImage(video, 0, 0, 64, 36);
	const now = Date.now() %% 2**32;
	let ms = 0;
	for (let y = 4; y < 32; y += 8) {
		for (let x = 4; x < 64; x += 8) ms = ms * 2 + (context.getImageData(x, y, 1, 1).data[0] > 127 ? 1 : 0);
	}
	return ((now - ms + 2**32) %% 2**32) / 1000;
})`

// behind returns how old the pictures are that videos show, from the encoder's input to the
// screen, in seconds.
func (b *browser) behind(videos string) []float64 {
	b.t.Helper()
	return ask[[]float64](b, fmt.Sprintf(readGlass, videos))
}
