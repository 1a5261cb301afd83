package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// publisher runs ffmpeg.
type publisher struct {
	program string
	server  string // rtmp://HOST:PORT
}

const (
	farewell = 5 * time.Second // for an ffmpeg that is told to end
	maxWords = 1 << 10         // bytes that are kept of what it says
)

// run publishes a source until that ends, or ctx does. The error says why.
func (p publisher) run(ctx context.Context, address, source string) error {
	args := append(strings.Fields("-hide_banner -loglevel error"), input(source)...)
	cmd := exec.CommandContext(ctx, p.program, append(args, "-f", "flv", p.server+address)...)
	keys, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	var said words
	cmd.Stderr = &said
	cmd.Cancel = func() error { // a key that ends it in good order, on every system
		_, err := io.WriteString(keys, "q")
		return err
	}
	cmd.WaitDelay = farewell
	if err = cmd.Run(); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	secret := strings.NewReplacer(address, "...") // the address has our token
	return fmt.Errorf("%w: %s", err, secret.Replace(strings.TrimSpace(string(said))))
}

// input returns the arguments for a source: a test picture with a tone, a file again and again, or
// an address.
func input(source string) []string {
	switch {
	case source == "test":
		return strings.Fields("-re -f lavfi -i testsrc2=size=640x360:rate=25 -re -f lavfi -i sine=frequency=440:sample_rate=44100" +
			" -c:v libx264 -preset veryfast -tune zerolatency -g 50 -pix_fmt yuv420p -c:a aac")
	case strings.Contains(source, "://"):
		return []string{"-i", source, "-c", "copy"}
	default:
		return []string{"-re", "-stream_loop", "-1", "-i", source, "-c", "copy"}
	}
}

// words keeps the end of what a program says.
type words []byte

func (w *words) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	*w = (*w)[max(0, len(*w)-maxWords):]
	return len(b), nil
}
