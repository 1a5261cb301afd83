package audio

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/internal/codec/aac"
	"weir/internal/media"
)

// TestEncodersByFFmpeg has ffmpeg decode what comes out, and compares that with what is decoded here.
func TestEncodersByFFmpeg(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		if runtime.GOOS == "linux" {
			t.Fatal("ffmpeg is missing: make test installs it")
		}
		t.Skip("no ffmpeg")
	}
	for _, name := range append(inputs("source"), inputs("tone")...) {
		for _, to := range targets() {
			frames, _ := transcode(t, open(t, name).frames(time.Second), to)
			file, form, least := adtsOf(frames), "aac", 90.0
			if to == media.Opus {
				file, form, least = oggOf(frames), "ogg", 55
			}
			cmd := exec.Command(ffmpeg, "-v", "error", "-flags2", "+skip_manual", "-f", form, "-i", "-", "-f", "s16le", "-")
			cmd.Stdin = bytes.NewReader(file)
			var errs strings.Builder
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if err != nil || errs.Len() > 0 {
				t.Fatalf("%s to %v: ffmpeg: %v\n%s", name, to, err, errs.String())
			}
			want, _, _ := sound(t, frames)
			got := appendPCM(nil, out, channels)
			if len(got) != len(want) {
				t.Fatalf("%s to %v: ffmpeg decodes %d values, not %d", name, to, len(got), len(want))
			}
			db := snr(channel(got, 0), channel(want, 0))
			t.Logf("%s to %v: %.1f dB", name, to, db)
			if db < least {
				t.Errorf("%s to %v differs by %.1f dB from ffmpeg's decoding", name, to, db)
			}
		}
	}
}

// adtsOf is a file of AAC frames.
func adtsOf(frames []*media.Frame) []byte {
	var out []byte
	c, _ := aac.ParseConfig(frames[0].Source().Config)
	for _, f := range frames {
		out, _ = c.AppendADTS(out, len(f.Data()))
		out = append(out, f.Data()...)
	}
	return out
}

// oggOf is a file of Opus frames, a page for each. Spec: RFC 3533 and RFC 7845.
func oggOf(frames []*media.Frame) []byte {
	var out []byte
	number := uint32(0)
	page := func(kind byte, granule int, packet []byte) {
		start := len(out)
		out = append(out, "OggS\x00"...)
		out = append(out, kind)
		out = binary.LittleEndian.AppendUint64(out, uint64(granule))
		out = binary.LittleEndian.AppendUint32(out, 1) // serial number
		out = binary.LittleEndian.AppendUint32(out, number)
		out = binary.LittleEndian.AppendUint32(out, 0) // check sum
		out = append(out, byte(len(packet)/255+1))
		for range len(packet) / 255 {
			out = append(out, 255)
		}
		out = append(out, byte(len(packet)%255))
		out = append(out, packet...)
		binary.LittleEndian.PutUint32(out[start+22:], oggSum(out[start:]))
		number++
	}
	page(2, 0, frames[0].Source().Config)
	page(0, 0, []byte("OpusTags\x04\x00\x00\x00test\x00\x00\x00\x00"))
	for i, f := range frames {
		page(0, (i+1)*960, f.Data())
	}
	return out
}

// oggSum is the CRC of Ogg: polynomial 04c11db7, not reflected, nothing inverted.
func oggSum(p []byte) uint32 {
	sum := uint32(0)
	for _, b := range p {
		sum ^= uint32(b) << 24
		for range 8 {
			sum = sum<<1 ^ sum>>31*0x04c11db7
		}
	}
	return sum
}
