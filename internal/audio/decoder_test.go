package audio

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"weir/internal/codec/aac"
	"weir/internal/codec/opus"
	"weir/internal/media"
)

// TestDecoderTones decodes what ffmpeg has encoded.
func TestDecoderTones(t *testing.T) {
	for name, db := range map[string]float64{
		"tone-16000.aac": 30, "tone-22050.aac": 30, "tone-32000.aac": 30, "tone-44100.aac": 30, "tone-48000.aac": 30,
		"tone-mono.aac": 30, "tone-24000.mp3": 30, "tone-44100.mp3": 30, "tone-48000.mp3": 30, "tone.opus": 20,
	} {
		if strings.HasSuffix(name, "aac") && !withAAC {
			continue
		}
		c := open(t, name)
		pcm, rate, _ := sound(t, c.frames(0))
		if rate != c.rate || len(pcm) != channels*c.size*len(c.units) {
			t.Errorf("%s: %d values at %d Hz of %d units", name, len(pcm), rate, len(c.units))
		}
		for side, hz := range []float64{997, 1499} {
			if name == "tone-mono.aac" {
				hz = 997
			}
			x := channel(pcm, side)
			got := toneSNR(x[rate/4:rate], hz, rate)
			t.Logf("%s: %v Hz: %.1f dB", name, hz, got)
			if got < db {
				t.Errorf("%s: %v Hz: %.1f dB, want %v", name, hz, got, db)
			}
		}
	}
}

// TestDecoderAsFFmpeg compares PCM with what ffmpeg makes of the same units.
func TestDecoderAsFFmpeg(t *testing.T) {
	for name, db := range map[string]float64{"aac": 90, "mp3": 70, "opus": 80} {
		if name == "aac" && !withAAC {
			continue
		}
		pcm, rate, _ := sound(t, open(t, "source."+name).frames(0))
		want := s16(t, "source-"+name+".s16")
		best := 0.0
		for shift := -4; shift <= 2400; shift++ { // ffmpeg may leave out what is primed
			from := channels * (rate/2 + shift)
			best = max(best, snr(channel(pcm[from:from+len(want)], 0), channel(want, 0)))
		}
		t.Logf("%s: %.1f dB", name, best)
		if best < db {
			t.Errorf("%s differs from ffmpeg's by %.1f dB, want %v", name, best, db)
		}
	}
}

func TestDecoderUnsupported(t *testing.T) {
	lc := func(c aac.Config) *media.Track {
		c.Rate, c.FullRate = 24000, 48000
		return &media.Track{Codec: media.AAC, Config: aac.AppendConfig(nil, c)}
	}
	for name, track := range map[string]*media.Track{
		"HE-AAC":   lc(aac.Config{Type: aac.LC, Layout: 2, SBR: true}),
		"HEv2":     lc(aac.Config{Type: aac.LC, Layout: 1, SBR: true, PS: true}),
		"5.1":      lc(aac.Config{Type: aac.LC, Layout: 6}),
		"elements": lc(aac.Config{Type: aac.LC}),
		"Main":     lc(aac.Config{Type: aac.Main, Layout: 2}),
		"short":    lc(aac.Config{Type: aac.LC, Layout: 2, Short: true}),
		"bare":     {Codec: media.AAC},
		"garbage":  {Codec: media.AAC, Config: []byte{0xff}},
		"opus 5.1": {Codec: media.Opus, Config: opus.AppendHead(nil, opus.Head{Channels: 6, Family: 1, Mapping: []byte{4, 2, 0, 1, 2, 3, 4, 5}})},
		"opus cut": {Codec: media.Opus, Config: []byte("OpusHe")},
		"G711":     {Codec: media.G711A},
	} {
		_, err := NewDecoder(track)
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDecoderOddUnits holds that MPEG audio of another layer or rate, and HE-AAC whose configuration
// does not say so, are told from damage.
func TestDecoderOddUnits(t *testing.T) {
	for name, unit := range map[string][]byte{
		"layer 2": {0xff, 0xfd, 0x90, 0}, "22050 Hz": {0xff, 0xf3, 0x90, 0}, "11025 Hz": {0xff, 0xe3, 0x90, 0},
		"HE-AAC": {0xc3, 0xa1, 0xc0}, // a fill element u3 of 1 byte u4: SBR, type 13 u4; the end u3
	} {
		track := &media.Track{Codec: media.MP3}
		if name == "HE-AAC" {
			if !withAAC {
				continue
			}
			track = open(t, "tone-44100.aac").track
		}
		d, err := NewDecoder(track)
		if err != nil {
			t.Fatal(err)
		}
		for i := range maxOdd {
			_, err := d.Decode(unit)
			if last := i == maxOdd-1; errors.Is(err, ErrUnsupported) != last || errors.Is(err, ErrDamaged) == last {
				t.Errorf("%s: unit %d: %v", name, i, err)
			}
		}
	}
}

// TestDecoderDamage damages units in all ways: they are counted, and the sound goes on.
func TestDecoderDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"tone-44100.aac", "tone-44100.mp3", "tone.opus"} {
		if strings.HasSuffix(name, "aac") && !withAAC {
			continue
		}
		c := open(t, name)
		d, err := NewDecoder(c.track)
		if err != nil {
			t.Fatal(err)
		}
		failed := int64(0)
		bad := func(unit []byte) {
			if _, err := d.Decode(unit); errors.Is(err, ErrDamaged) {
				failed++
			} else if err != nil && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for i, unit := range c.units[:12] {
			for n := range unit {
				bad(unit[:n])
			}
			for range 40 {
				noise := make([]byte, 1+random.IntN(900))
				for j := range noise {
					noise[j] = byte(random.Uint32())
				}
				bad(noise)
				flipped := append([]byte(nil), unit...)
				flipped[random.IntN(len(flipped))] ^= byte(1 << random.IntN(8))
				bad(flipped)
			}
			bad(nil)
			_, _ = d.Decode(c.units[i]) // may still be what the damage did
		}
		if failed == 0 || d.Damaged() != failed {
			t.Errorf("%s: %d damaged units counted, %d seen", name, d.Damaged(), failed)
		}
		var pcm []float32
		for _, unit := range c.units[12:] {
			one, err := d.Decode(unit)
			if err != nil && len(pcm) > 0 {
				t.Errorf("%s: %v after the damage", name, err)
			}
			pcm = append(pcm, one...)
		}
		x := channel(pcm, 0)
		if db := toneSNR(x[c.rate/4:c.rate/2], 997, c.rate); db < 20 {
			t.Errorf("%s: %.1f dB after the damage", name, db)
		}
	}
}
