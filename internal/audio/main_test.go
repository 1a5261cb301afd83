package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/internal/codec/aac"
	"weir/internal/codec/mp3"
	"weir/internal/media"
	"weir/internal/testkit/leak"
)

// TestMain fails if tests leave goroutines behind; a fuzzer has its own.
func TestMain(m *testing.M) { leak.Main(m) }

// clip is a file of testdata: testdata/make.sh says what is in it.
type clip struct {
	track *media.Track
	rate  int
	size  int // samples of a unit
	early int // samples before time zero at which the first unit begins
	units [][]byte
}

// open reads a clip by its file's extension.
func open(t testing.TB, name string) clip {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	switch filepath.Ext(name) {
	case ".aac":
		return openADTS(t, b)
	case ".mp3":
		return openMP3(t, b)
	}
	return openOgg(t, b)
}

func openADTS(t testing.TB, b []byte) clip {
	t.Helper()
	c := clip{size: 1024, early: 1024}
	for len(b) > 7 {
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		if c.track == nil {
			c.rate = [...]int{3: 48000, 4: 44100, 5: 32000, 6: 24000, 7: 22050, 8: 16000}[b[2]>>2&15]
			config := aac.Config{Type: aac.LC, Rate: c.rate, FullRate: c.rate, Layout: int(b[2]&1)<<2 | int(b[3])>>6}
			c.track = &media.Track{Kind: media.Audio, Codec: media.AAC, Config: aac.AppendConfig(nil, config)}
		}
		c.units, b = append(c.units, b[7:size]), b[size:]
	}
	return c
}

func openMP3(t testing.TB, b []byte) clip {
	t.Helper()
	info, err := mp3.FrameInfo(b)
	if err != nil {
		t.Fatal(err)
	}
	c := clip{track: &media.Track{Kind: media.Audio, Codec: media.MP3}, rate: info.SampleRate, size: 1152, early: 1105}
	kbits := [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	if c.rate <= 24000 {
		kbits = [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
		c.size = 576
	}
	for len(b) > 4 {
		size := c.size/8*1000*kbits[b[2]>>4]/c.rate + int(b[2]>>1&1)
		size = min(size, len(b))
		c.units, b = append(c.units, b[:size]), b[size:]
	}
	return c
}

func openOgg(t testing.TB, b []byte) clip {
	t.Helper()
	c := clip{rate: 48000, size: 960, early: 312}
	var packet []byte
	for len(b) > 27 && string(b[:4]) == "OggS" {
		laces := b[27:][:b[26]]
		b = b[27+len(laces):]
		for _, n := range laces {
			packet, b = append(packet, b[:n]...), b[n:]
			if n == 255 {
				continue
			}
			switch {
			case bytes.HasPrefix(packet, []byte("OpusHead")):
				c.track = &media.Track{Kind: media.Audio, Codec: media.Opus, Config: packet}
			case !bytes.HasPrefix(packet, []byte("OpusTags")):
				c.units = append(c.units, packet)
			}
			packet = nil
		}
	}
	return c
}

// frames are the clip's units at their times, moved by start.
func (c clip) frames(start time.Duration) []*media.Frame {
	layout := &media.Layout{Tracks: []*media.Track{c.track}, Publisher: 1}
	out := make([]*media.Frame, len(c.units))
	for i, unit := range c.units {
		f := media.NewFrame(nil, unit)
		f.Layout, f.Key = layout, true
		f.PTS = int64(start) + int64(i*c.size-c.early)*int64(time.Second)/int64(c.rate)
		f.DTS = f.PTS
		out[i] = f
	}
	return out
}

// transcode takes frames through a new transcoder.
func transcode(t testing.TB, frames []*media.Frame, to media.Codec) ([]*media.Frame, Stats) {
	t.Helper()
	tr, err := NewTranscoder(to, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	var out []*media.Frame
	for _, f := range frames {
		if out, err = tr.Append(out, f); err != nil {
			t.Fatal(err)
		}
	}
	if out, err = tr.Flush(out); err != nil {
		t.Fatal(err)
	}
	return out, tr.Stats()
}

// sound decodes frames of one track, and returns their PCM and the time of its first sample.
func sound(t testing.TB, frames []*media.Frame) (pcm []float32, rate int, start int64) {
	t.Helper()
	d, err := NewDecoder(frames[0].Source())
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		one, err := d.Decode(f.Data())
		if err != nil {
			t.Fatalf("unit %d: %v", i, err)
		}
		pcm = append(pcm, one...)
	}
	return pcm, d.Rate(), frames[0].PTS
}

// channel returns one of the two channels.
func channel(pcm []float32, c int) []float64 {
	out := make([]float64, len(pcm)/channels)
	for i := range out {
		out[i] = float64(pcm[channels*i+c])
	}
	return out
}

// toneSNR returns by how many dB a tone is louder than all else.
func toneSNR(x []float64, hz float64, rate int) float64 {
	var ss, cc, sc, xs, xc, xx float64
	for i, v := range x {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		ss, cc, sc, xs, xc, xx = ss+s*s, cc+c*c, sc+s*c, xs+v*s, xc+v*c, xx+v*v
	}
	det := ss*cc - sc*sc
	a, b := (xs*cc-xc*sc)/det, (xc*ss-xs*sc)/det
	tone := a*xs + b*xc
	return 10 * math.Log10(tone/max(xx-tone, 1e-30))
}

// snr returns by how many dB want is louder than what got differs by.
func snr(got, want []float64) float64 {
	var signal, noise float64
	for i, w := range want {
		signal += w * w
		noise += (got[i] - w) * (got[i] - w)
	}
	return 10 * math.Log10(signal/max(noise, 1e-30))
}

// bursts returns the times around which there is sound, by its energy. Silence is 50 ms.
func bursts(x []float64, rate int, start int64) []time.Duration {
	var out []time.Duration
	var weight, moment float64
	quiet := 0
	end := func() {
		if weight > 1 {
			out = append(out, time.Duration(start)+time.Duration(moment/weight*float64(time.Second)/float64(rate)))
		}
		weight, moment = 0, 0
	}
	for i, v := range x {
		if math.Abs(v) > 0.05 {
			quiet = 0
			weight += v * v
			moment += v * v * float64(i)
		} else if quiet++; quiet == rate/20 {
			end()
		}
	}
	end()
	return out
}

// s16 reads PCM of testdata.
func s16(t testing.TB, name string) []float32 {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, len(b)/2)
	for i := range out {
		out[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:]))) / (1 << 15)
	}
	return out
}
