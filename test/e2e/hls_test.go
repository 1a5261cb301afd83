package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHLSEncrypted has ffmpeg publish, and play HLS of which every segment is encrypted, from its
// first frame on.
func TestHLSEncrypted(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"disk", "memory"} {
		f := serve(t, conf{vhost: "hls { enabled on; hls_fragment 1; hls_window 10; hls_keys on; hls_fragments_per_key 2; hls_serve_from " + from + "; hls_path " + t.TempDir() + "; }"})
		pub := hlsSource(t, f, "s", "-c:v libx264 -preset ultrafast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac")
		address := httpHLS(t, f.url("s")) + "?hls_ctx=encrypted-" + from
		awaitHLS(t, f, address)
		file := filepath.Join(t.TempDir(), "record.ts")
		p := launch(t, "ffmpeg7", append(strings.Fields("-hide_banner -loglevel warning -nostdin -i"), address, "-map", "0", "-c", "copy", "-t", "5", "-f", "mpegts", file)...)
		if err := p.wait(); err != nil || p.shown() != "" {
			t.Errorf("ffmpeg: %v\n%s", err, p.shown())
		}
		if n := decodes(t, file); n < 120 || n > 130 {
			t.Errorf("%d pictures in 5 s", n)
		}
		pub.stop()
		f.kick("encrypted-" + from)
	}
}

// TestHLSSegments decodes each segment alone: it begins with a key frame, and nothing is missing
// between it and the next.
func TestHLSSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := serve(t, conf{vhost: "hls { enabled on; hls_fragment 1; hls_window 60; hls_ctx off; hls_path " + dir + "; }"})
	pub := hlsSource(t, f, "s", "-c:v libx264 -preset ultrafast -bf 2 -g 30 -pix_fmt yuv420p -c:a aac")
	address := httpHLS(t, f.url("s"))
	var list string
	waitFor(t, "some segments", func() bool { _, list = f.get(address); return strings.Contains(list, "s-4.ts") })
	pub.stop()
	for _, d := range extinf.FindAllStringSubmatch(list, -1) {
		if d[1][:4] != "1.20" && d[1][:4] != "1.19" { // 30 pictures of 40 ms
			t.Errorf("EXTINF %s", d[1])
		}
	}
	pictures := 0
	for n, name := range entry.FindAllString(list, -1) {
		status, body := f.get(strings.TrimSuffix(address, "s.m3u8") + name)
		if status != http.StatusOK {
			t.Fatalf("%s: %d", name, status)
		}
		file := filepath.Join(t.TempDir(), "segment.ts")
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		got := decodes(t, file)
		if got != 30 {
			t.Errorf("segment %d has %d pictures", n, got)
		}
		pictures += got
	}
	if pictures == 0 {
		t.Error("no pictures")
	}
}

// hlsSource publishes a test picture with a tone.
func hlsSource(t *testing.T, f *fixture, name, options string) *process {
	t.Helper()
	args := strings.Fields("-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=160x120:rate=25 -f lavfi -i sine=frequency=440:sample_rate=44100 " + options + " -f flv")
	return launch(t, "ffmpeg", append(args, f.url(name))...)
}

func awaitHLS(t *testing.T, f *fixture, address string) {
	t.Helper()
	waitFor(t, "a playlist", func() bool { status, _ := f.get(address); return status == http.StatusOK })
}

// decodes decodes a file from its first frame, without one complaint, and returns how many pictures
// it has.
func decodes(t *testing.T, file string) (pictures int) {
	t.Helper()
	out, said := run(t, "ffmpeg7", append(strings.Fields("-hide_banner -loglevel warning -xerror -i"), file, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framecrc", "-")...)
	if _, sound := run(t, "ffmpeg7", append(strings.Fields("-hide_banner -loglevel warning -xerror -i"), file, "-map", "0:a", "-f", "null", "-")...); said+sound != "" {
		t.Errorf("decoding complains:\n%s%s", said, sound)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			pictures++
		}
	}
	raw, _ := run(t, "ffprobe7", "-loglevel", "error", "-select_streams", "v", "-read_intervals", "%+#1", "-show_entries", "packet=flags", "-of", "csv=p=0", file)
	if !strings.HasPrefix(string(raw), "K") {
		t.Errorf("the first picture is no key frame: %s", fmt.Sprintf("%q", raw))
	}
	return pictures
}
