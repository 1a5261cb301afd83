package rtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"weir/internal/media"
)

// ffmpeg returns the path of an ffmpeg; only on systems where none is installed a test goes without.
func ffmpeg(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("WEIR_FFMPEG7"); path != "" {
		return path
	}
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Fatal("ffmpeg is missing: make test installs it")
		}
		t.Skip("no ffmpeg here")
	}
	return path
}

// spoken are the clips that ffmpeg 7 sends over RTP and takes from there.
var spoken = map[string]string{
	"h264": "video %d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1",
	"h265": "video %d RTP/AVP 96\r\na=rtpmap:96 H265/90000",
	"vp8":  "video %d RTP/AVP 96\r\na=rtpmap:96 VP8/90000",
	"vp9":  "video %d RTP/AVP 96\r\na=rtpmap:96 VP9/90000",
	"opus": "audio %d RTP/AVP 96\r\na=rtpmap:96 opus/48000/2",
}

// TestFFmpegSends puts together what ffmpeg sends, and finds what it has read.
func TestFFmpegSends(t *testing.T) {
	program := ffmpeg(t)
	for name := range spoken {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			kind := "v"
			if name == "opus" {
				kind = "a"
			}
			send := exec.CommandContext(ctx, program, "-v", "error", "-i", clips[name].file, "-map", "0:"+kind, "-c", "copy", "-strict", "experimental",
				"-f", "rtp", fmt.Sprintf("rtp://%v?rtcpport=9&pkt_size=1200", socket.LocalAddr()))
			var said bytes.Buffer
			send.Stderr = &said
			over := make(chan error, 1)
			go func() { over <- send.Run() }()

			d := depacketizer(t, DepacketizerOptions{Codec: clips[name].codec})
			frames := clip(t, name)
			units := receive(t, socket, d, len(frames))
			if err := <-over; err != nil {
				t.Fatalf("%v: %s", err, said.Bytes())
			}
			compare(t, frames, units)
		})
	}
}

// receive reads packets until so many access units have come, or nothing more does.
func receive(t *testing.T, socket *net.UDPConn, d *Depacketizer, frames int) (units []Unit) {
	t.Helper()
	order := Reorder{Hold: time.Second}
	room := make([]byte, 2048)
	for len(units) < frames {
		if err := socket.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := socket.Read(room)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var p rtp.Packet
		if err := p.Unmarshal(bytes.Clone(room[:n])); err != nil {
			t.Fatal(err)
		}
		if p.PayloadType >= 64 && p.PayloadType < 96 {
			continue // RTCP
		}
		order.Push(time.Duration(media.Now()), packetOf(&p, media.Now()))
		for {
			p, ok := order.Pop(time.Duration(media.Now()))
			if !ok {
				break
			}
			units = d.Take(units, &p)
		}
	}
	return d.End(units)
}

// compare holds that units are frames, but for their times, and for what ffmpeg's own filters leave
// out or add.
func compare(t *testing.T, frames []*media.Frame, units []Unit) {
	t.Helper()
	if len(units) != len(frames) {
		t.Fatalf("%d units of %d frames", len(units), len(frames))
	}
	rate := Rate(frames[0].Source().Codec)
	for i, f := range frames {
		if !bytes.Equal(units[i].Data, f.Data()) || units[i].Key != f.Key {
			t.Fatalf("unit %d: %d bytes, key %v; want %d, %v", i, len(units[i].Data), units[i].Key, len(f.Data()), f.Key)
		}
		got := int64(int32(units[i].Time - units[0].Time))
		want := (f.PTS - frames[0].PTS) * rate / second
		if diff := got - want; diff < -rate/100 || diff > rate/100 {
			t.Errorf("unit %d is %d ticks behind the first; want %d", i, got, want)
		}
	}
}

// TestFFmpegReceives sends what is cut here to ffmpeg, and compares the pictures with those of the file.
func TestFFmpegReceives(t *testing.T) {
	program := ffmpeg(t)
	for name, line := range spoken {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			frames := clip(t, name)
			port := freePort(t)
			sdp := filepath.Join(t.TempDir(), "in.sdp")
			text := "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=weir\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=" + fmt.Sprintf(line, port) + "\r\n"
			if err := os.WriteFile(sdp, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			how := []string{"-fps_mode", "passthrough", "-f", "framemd5", "-"}
			if name == "opus" { // is decoded with a state, which begins with what is left out
				how = append([]string{"-c", "copy"}, how[2:]...)
			}
			want := decoded(ctx, t, program, append([]string{"-i", clips[name].file, "-map", kindOf(name)}, how...), nil)
			got := decoded(ctx, t, program, append([]string{
				"-protocol_whitelist", "file,udp,rtp", "-max_delay", "0", "-reorder_queue_size", "0", "-i", sdp, "-map", kindOf(name),
			}, how...), func() { send(ctx, t, frames, port) })
			if len(want) < 10 || !slices.Equal(got, want) {
				t.Errorf("%d frames are not those of the file, %d", len(got), len(want))
			}
		})
	}
}

func kindOf(name string) string {
	if name == "opus" {
		return "0:a"
	}
	return "0:v"
}

// decoded runs ffmpeg and returns the sums of frames; meanwhile runs beside it.
func decoded(ctx context.Context, t *testing.T, program string, args []string, meanwhile func()) (sums []string) {
	t.Helper()
	run := exec.CommandContext(ctx, program, append([]string{"-v", "error"}, args...)...)
	var said bytes.Buffer
	run.Stderr = &said
	if meanwhile != nil {
		over := make(chan struct{})
		go func() { defer close(over); meanwhile() }()
		defer func() { <-over }()
	}
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); !strings.HasPrefix(line, "#") && len(words) > 5 {
			sums = append(sums, strings.TrimSuffix(words[5], ",")) // | stream, DTS, PTS, duration, size, sum |
		}
	}
	return sums
}

// send sends the frames as soon as somebody listens, twice as fast as they are played.
func send(ctx context.Context, t *testing.T, frames []*media.Frame, port int) {
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	for ctx.Err() == nil {
		probe, err := net.ListenUDP("udp4", to)
		if err != nil {
			break // it listens
		}
		probe.Close()
		time.Sleep(20 * time.Millisecond)
	}
	socket, err := net.DialUDP("udp4", nil, to)
	if err != nil {
		t.Error(err)
		return
	}
	defer socket.Close()
	p, _ := NewPacketizer(frames[0].Source().Codec, PacketizerOptions{})
	number := uint16(65530)
	defer func() {
		time.Sleep(500 * time.Millisecond)
		_, _ = socket.Write([]byte{0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7}) // RR, BYE
	}()
	for i, f := range frames {
		for _, payload := range p.Pack(f) {
			payload.Time += 1 << 31
			_, _ = socket.Write(wire(number, payload)) // refused once ffmpeg has had enough
			number++
		}
		if i > 0 {
			time.Sleep(min(max(time.Duration(f.DTS-frames[i-1].DTS)/2, 0), 100*time.Millisecond))
		}
	}
}

// freePort returns a port that is free, and the next one too, for RTCP.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		a, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		b, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port + 1})
		a.Close()
		if err == nil {
			b.Close()
			if port%2 == 0 {
				return port
			}
		}
	}
	t.Fatal("no ports")
	return 0
}
