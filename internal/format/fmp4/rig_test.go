package fmp4

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/opus"
	"weir/internal/codec/vp9"
	"weir/internal/media"
)

var (
	sps  = []byte("\x67\x42\xc0\x28\xd9\x00\x78\x02\x27\xe5\x84\x00\x00\x03\x00\x04\x00\x00\x03\x00\xf0\x3c\x60\xc9\x20")
	high = []byte("\x67\x64\x00\x0c\xac\x3b\x50\xb0\x4b\x42\x00\x00\x03\x00\x02\x00\x00\x03\x00\x3d\x08")
	pps  = []byte("\x68\xee\x3c\x80")
	pps2 = []byte("\x68\x5b\x8f\x20")

	vps5 = []byte("\x40\x01\x0c\x01\xff\xff\x02\x20")
	sps5 = []byte("\x42\x01\x01\x02\x20\x00\x00\x03\x00\xb0\x00\x00\x03\x00\x00\x03\x00\x7b\xa0\x07\x82\x00\x88\x7d" +
		"\xb6\x71\x8b\x92\x44\x80\x53\x88\x88\x92\xcf\x24\xa6\x92\x72\xc9\x12\x49\x22\xdc\x91\xaa\x48\xfc" +
		"\xa2\x23\xff\x00\x01\x00\x01\x6a\x02\x02\x02\x01")
	pps5 = []byte("\x44\x01\xc0\x25\x2f\x05\x32\x40")

	sequence = "81000c000a0b000000043cfeccdaf90040"
	flacInfo = "120012000000bd00055c0bb802f000002580777fc1093fe0ced99821114b41bf4818"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func avcConfig(sps []byte, pps ...[]byte) []byte {
	b, err := h264.AppendConfig(nil, [][]byte{sps}, pps)
	if err != nil {
		panic(err)
	}
	return b
}

func hevcConfig() []byte {
	b, err := h265.AppendConfig(nil, [][]byte{vps5}, [][]byte{sps5}, [][]byte{pps5})
	if err != nil {
		panic(err)
	}
	return b
}

// video returns a track of pictures of 1280x720.
func video(c media.Codec, config []byte) *media.Track {
	return &media.Track{Kind: media.Video, Codec: c, Config: config, Info: media.Info{Width: 1280, Height: 720}}
}

func audio(c media.Codec, rate, channels int, config []byte) *media.Track {
	return &media.Track{Kind: media.Audio, Codec: c, Config: config, Info: media.Info{SampleRate: rate, Channels: channels}}
}

func aacConfig(c aac.Config) []byte { return aac.AppendConfig(nil, c) }

func aacTrack(rate int) *media.Track {
	return audio(media.AAC, rate, 2, aacConfig(aac.Config{Type: aac.LC, Rate: rate, Layout: 2}))
}

func opusHead(h opus.Head) []byte { return opus.AppendHead(nil, h) }

func vp9Config() []byte {
	return vp9.AppendConfig(nil, vp9.Config{Level: 31, BitDepth: 8, Chroma: 1})
}

// must returns the form of a track that MP4 can carry.
func must(t testing.TB, s *media.Track) *Track {
	t.Helper()
	n, err := NewTrack(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func header(t testing.TB, tracks ...*Track) []byte {
	t.Helper()
	b, err := Header(tracks...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decode has another reader take bytes apart.
func decode(t testing.TB, b []byte) *mp4.File {
	t.Helper()
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// content returns what is in the only box of a name.
func content(t testing.TB, b []byte, name string) []byte {
	t.Helper()
	at := bytes.Index(b, []byte(name))
	if at < 4 || bytes.Count(b, []byte(name)) != 1 {
		t.Fatalf("%d boxes %s", bytes.Count(b, []byte(name)), name)
	}
	size := int(binary.BigEndian.Uint32(b[at-4:]))
	return b[at+4 : at-4+size]
}
