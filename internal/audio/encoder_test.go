package audio

import (
	"errors"
	"testing"

	"github.com/thesyncim/gopus"

	"weir/internal/codec/aac"
	"weir/internal/codec/opus"
	"weir/internal/media"
)

// targets are the codecs that this build encodes.
func targets() []media.Codec {
	if withAAC {
		return []media.Codec{media.Opus, media.AAC}
	}
	return []media.Codec{media.Opus}
}

func TestEncoderTracks(t *testing.T) {
	e, err := NewEncoder(media.Opus, 0)
	if err != nil {
		t.Fatal(err)
	}
	head, err := opus.ParseHead(e.Track().Config)
	if err != nil || head.Channels != 2 || head.PreSkip != e.Delay() || e.Track().Info.SampleRate != 48000 {
		t.Errorf("Opus: %+v, %v, %+v", head, err, e.Track().Info)
	}
	codec, err := newOpusEncoder(64000)
	if err != nil {
		t.Fatal(err)
	}
	if n := codec.(*opusEncoder).enc.Lookahead(); n != opusDelay {
		t.Errorf("Opus looks %d samples ahead, not %d", n, opusDelay)
	}
	if n := codec.(*opusEncoder).enc.Application(); n != gopus.ApplicationAudio {
		t.Errorf("Opus for application %v", n)
	}
	if !withAAC {
		return
	}
	if e, err = NewEncoder(media.AAC, 0); err != nil {
		t.Fatal(err)
	}
	c, err := aac.ParseConfig(e.Track().Config)
	if err != nil || c.Type != aac.LC || c.Rate != 48000 || c.Layout != 2 || e.Track().Info.Profile != "LC" {
		t.Errorf("AAC: %+v, %v, %+v", c, err, e.Track().Info)
	}
}

func TestEncoderRefuses(t *testing.T) {
	for _, rate := range []int{-1, MinBitrate - 1, MaxBitrate + 1} {
		if _, err := NewEncoder(media.Opus, rate); err == nil {
			t.Errorf("bit rate %d is taken", rate)
		}
	}
	if _, err := NewEncoder(media.MP3, 0); !errors.Is(err, ErrUnsupported) {
		t.Errorf("MP3: %v", err)
	}
	e, _ := NewEncoder(media.Opus, 0)
	if _, err := e.Encode(nil, make([]float32, 10)); err == nil {
		t.Error("half a frame is taken")
	}
}

const leastAAC = 48000 // the encoder does not go below, whatever it is asked for

// TestEncoderBitrates encodes a tone and decodes it.
func TestEncoderBitrates(t *testing.T) {
	for _, to := range targets() {
		for bitrate, db := range map[int]float64{MinBitrate: -20, 64000: 15, 128000: 25, MaxBitrate: 30} {
			e, err := NewEncoder(to, bitrate)
			if err != nil {
				t.Fatal(err)
			}
			d, err := NewDecoder(e.Track())
			if err != nil {
				t.Fatal(err)
			}
			in := sine(997, outRate, 2*outRate)
			var pcm []float32
			size := 0
			for n := channels * e.FrameSize(); len(in) >= n; in = in[n:] {
				unit, err := e.Encode(nil, in[:n])
				if err != nil {
					t.Fatalf("%v at %d: %v", to, bitrate, err)
				}
				if size += len(unit); len(unit) == 0 {
					continue
				}
				one, err := d.Decode(unit)
				if err != nil {
					t.Fatalf("%v at %d: %v", to, bitrate, err)
				}
				pcm = append(pcm, one...)
			}
			got := toneSNR(channel(pcm, 0)[outRate/2:3*outRate/2], 997, outRate)
			t.Logf("%v at %d: %.1f dB, %d bits/s", to, bitrate, got, size*4)
			if got < db || size*4 > max(bitrate*11/10, leastAAC) {
				t.Errorf("%v at %d: %.1f dB, want %v; %d bits/s", to, bitrate, got, db, size*4)
			}
		}
	}
}
