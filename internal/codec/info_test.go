package codec

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"testing"

	"weir/internal/codec/flac"
	"weir/internal/codec/opus"
	"weir/internal/codec/vp8"
	"weir/internal/codec/vp9"
	"weir/internal/media"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// configs are of codecs whose packages have no test of their own.
var configs = map[string]struct {
	codec media.Codec
	wire  string
	want  media.Info
}{
	"opus":       {media.Opus, "4f707573486561640102380180bb0000000000", media.Info{SampleRate: 48000, Channels: 2}},
	"opus 5.1":   {media.Opus, "4f707573486561640106380180bb0000000001" + "0402000401020305", media.Info{SampleRate: 48000, Channels: 6}},
	"vp9":        {media.VP9, "000b820202020000", media.Info{Profile: "0", Level: "1.1"}},
	"vp9 in box": {media.VP9, "01000000" + "021fa20202020000", media.Info{Profile: "2", Level: "3.1"}},
	"vp8":        {media.VP8, "0000800202020000", media.Info{Profile: "0"}},
	"flac":       {media.FLAC, "120012000000bd00055c0bb802f000002580777fc1093fe0ced99821114b41bf4818" + "0000", media.Info{SampleRate: 48000, Channels: 2}},
}

// frames are first frames as encoders write them.
var frames = map[string]struct {
	codec media.Codec
	wire  string
	want  media.Info
}{
	"mp3":      {media.MP3, "fffb90640000026b", media.Info{SampleRate: 44100, Channels: 2}},
	"mp3 mono": {media.MP3, "fff390c4", media.Info{SampleRate: 22050, Channels: 1}},
	"mp3 2.5":  {media.MP3, "ffe31864", media.Info{SampleRate: 8000, Channels: 2}},
	"ac-3":     {media.AC3, "0b77d0f81e40ebf8403eff99", media.Info{SampleRate: 48000, Channels: 6}},
	"e-ac-3":   {media.EAC3, "0b7701a07487c00020840100", media.Info{SampleRate: 44100, Channels: 2}},
	"vp8":      {media.VP8, "3051009d012a4001b40000470885", media.Info{Width: 320, Height: 180}},
	"vp9":      {media.VP9, "824983420013f00b360c38241c18", media.Info{Profile: "0", Width: 320, Height: 180}},
}

func TestInfo(t *testing.T) {
	for name, c := range configs {
		b := unhex(t, c.wire)
		if got, err := Info(c.codec, b); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
		for n := range b[:8] {
			if _, err := Info(c.codec, b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
	}
	for name, c := range frames {
		b := unhex(t, c.wire)
		if got, err := FrameInfo(c.codec, b); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
		for n := range b {
			_, _ = FrameInfo(c.codec, b[:n])
		}
		if _, err := FrameInfo(c.codec, make([]byte, 20)); err == nil {
			t.Errorf("%s: no error for zeros", name)
		}
	}
	if _, err := Info(media.MP3, nil); !errors.Is(err, ErrNone) {
		t.Errorf("mp3: %v", err)
	}
	if _, err := FrameInfo(media.AAC, nil); !errors.Is(err, ErrNone) {
		t.Errorf("aac: %v", err)
	}
}

func TestConfigs(t *testing.T) {
	for name, c := range configs {
		b := unhex(t, c.wire)
		switch c.codec {
		case media.Opus:
			h, err := opus.ParseHead(b)
			if got := opus.AppendHead(nil, h); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s: AppendHead = %x, %v", name, got, err)
			}
		case media.VP8, media.VP9:
			v, err := vp9.ParseConfig(b)
			if got := vp9.AppendConfig(nil, v); err != nil || !bytes.Equal(got, vp9.TrimBox(b)) {
				t.Errorf("%s: AppendConfig = %x, %v", name, got, err)
			}
		case media.FLAC:
			want := b[:34]
			file := flac.AppendMagic(nil, want)
			for _, sent := range [][]byte{b, file, file[4:]} {
				if got := flac.TrimMagic(sent); !bytes.Equal(got, want) {
					t.Errorf("%s: TrimMagic(%x) = %x", name, sent, got)
				}
			}
		}
	}
	for name, wire := range map[string]string{
		"magic": "4f707573486561650102380180bb0000000000", "version": "4f707573486561641002380180bb0000000000",
		"no channels": "4f707573486561640100380180bb0000000000",
	} {
		if _, err := opus.ParseHead(unhex(t, wire)); !errors.Is(err, opus.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := vp9.ParseConfig(unhex(t, "040b820202020000")); !errors.Is(err, vp9.ErrConfig) {
		t.Errorf("vp9 profile: %v", err)
	}
}

func TestKeys(t *testing.T) {
	if !vp8.IsKey([]byte{0x30}) || vp8.IsKey([]byte{0x31}) || vp8.IsKey(nil) {
		t.Error("vp8.IsKey is wrong")
	}
	key := unhex(t, frames["vp9"].wire)
	if !vp9.IsKey(key) || vp9.IsKey([]byte{0x86, 0}) || vp9.IsKey(nil) {
		t.Error("vp9.IsKey is wrong")
	}
	want := vp9.Config{BitDepth: 8, Chroma: 1}
	if got, err := vp9.FrameConfig(key); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("FrameConfig = %+v, %v", got, err)
	}
}

func FuzzInfo(f *testing.F) {
	for _, c := range configs {
		f.Add(byte(c.codec), unhex(f, c.wire))
	}
	for _, c := range frames {
		f.Add(byte(c.codec), unhex(f, c.wire))
	}
	f.Fuzz(func(_ *testing.T, c byte, b []byte) {
		_, _ = Info(media.Codec(c), b)
		_, _ = FrameInfo(media.Codec(c), b)
	})
}
