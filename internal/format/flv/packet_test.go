package flv

import (
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/internal/media"
)

const ms = time.Millisecond

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type bodyCase struct {
	wire string // in hexadecimal
	want []Packet
	head int // bytes of header: a cut inside is an error
}

// videos maps a name to a video body.
var videos = map[string]bodyCase{
	"avc start": {"17 00 000000 0164", []Packet{{Kind: media.Video, Codec: media.H264, Type: SequenceStart, Key: true, Data: []byte{1, 0x64}}}, 5},
	"avc frame": {"27 01 fffff6 aa", []Packet{{Kind: media.Video, Codec: media.H264, Type: CodedFrames, CompositionTime: -10 * ms, Data: []byte{0xaa}}}, 5},
	"avc end":   {"17 02 000000", []Packet{{Kind: media.Video, Codec: media.H264, Type: SequenceEnd, Key: true, Data: []byte{}}}, 5},
	"avc odd":   {"17 09 000000", []Packet{{Kind: media.Video, Codec: media.H264, Type: Other, Key: true, Data: []byte{}}}, 5},
	"old hevc":  {"1c 01 000028 bb", []Packet{{Kind: media.Video, Codec: media.H265, Type: CodedFrames, Key: true, CompositionTime: 40 * ms, Data: []byte{0xbb}}}, 5},
	"old av1":   {"1d 00 000000 81", []Packet{{Kind: media.Video, Codec: media.AV1, Type: SequenceStart, Key: true, Data: []byte{0x81}}}, 5},
	"h263":      {"22 0000", []Packet{{Kind: media.Video, Type: CodedFrames, Data: []byte{0, 0}}}, 1},
	"seek":      {"57 00", []Packet{{Kind: media.Video, Codec: media.H264, Type: Command, Data: []byte{0}}}, 1},

	"hvc1 start":   {"90 68766331 01", []Packet{{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: SequenceStart, Key: true, Data: []byte{1}}}, 5},
	"hvc1 frames":  {"a1 68766331 00000a cc", []Packet{{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: CodedFrames, CompositionTime: 10 * ms, Data: []byte{0xcc}}}, 8},
	"hvc1 framesx": {"93 68766331 cc", []Packet{{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: CodedFrames, Key: true, Data: []byte{0xcc}}}, 5},
	"avc1 frames":  {"a1 61766331 00000a cc", []Packet{{Kind: media.Video, Codec: media.H264, FourCC: fourAVC, Type: CodedFrames, CompositionTime: 10 * ms, Data: []byte{0xcc}}}, 8},
	"av01 frames":  {"91 61763031 12000a", []Packet{{Kind: media.Video, Codec: media.AV1, FourCC: fourAV1, Type: CodedFrames, Key: true, Data: []byte{0x12, 0, 0x0a}}}, 5},
	"vp09 frames":  {"a1 76703039 86", []Packet{{Kind: media.Video, Codec: media.VP9, FourCC: fourVP9, Type: CodedFrames, Data: []byte{0x86}}}, 5},
	"vp08 end":     {"92 76703038", []Packet{{Kind: media.Video, Codec: media.VP8, FourCC: fourVP8, Type: SequenceEnd, Key: true, Data: []byte{}}}, 5},
	"ts start":     {"95 61763031 80", []Packet{{Kind: media.Video, Codec: media.AV1, FourCC: fourAV1, Type: TSSequenceStart, Key: true, Data: []byte{0x80}}}, 5},
	"metadata":     {"94 68766331 02", []Packet{{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: Metadata, Key: true, Data: []byte{2}}}, 5},
	"reserved":     {"9f 68766331", []Packet{{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: Other, Key: true, Data: []byte{}}}, 5},
	"unknown":      {"91 76766331 dd", []Packet{{Kind: media.Video, FourCC: 0x76766331, Type: CodedFrames, Key: true, Data: []byte{0xdd}}}, 5},
	"x seek":       {"d0 01", []Packet{{Kind: media.Video, Type: Command, Data: []byte{1}}}, 1},
	"nanoseconds": {"97 02 0007d0 01 68766331 000000 ee", []Packet{{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: CodedFrames, Key: true,
		Nano: 2000, Data: []byte{0xee}}}, 13},
	"other modifier": {"97 00 ff 17 01 0000 03 61766331", []Packet{{Kind: media.Video, Codec: media.H264, FourCC: fourAVC, Type: CodedFrames, Key: true, Data: []byte{}}}, 12},
	"one track":      {"96 03 61766331 02 ab", []Packet{{Kind: media.Video, Codec: media.H264, FourCC: fourAVC, Type: CodedFrames, Key: true, Track: 2, Data: []byte{0xab}}}, 7},
	"many tracks": {"a6 11 68766331 00 000004 000001 a0 01 000004 000002 a1", []Packet{
		{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: CodedFrames, CompositionTime: ms, Data: []byte{0xa0}},
		{Kind: media.Video, Codec: media.H265, FourCC: fourHEVC, Type: CodedFrames, Track: 1, CompositionTime: 2 * ms, Data: []byte{0xa1}},
	}, 14},
	"many codecs": {"96 20 61766331 00 000001 a0 61763031 01 000001 a1", []Packet{
		{Kind: media.Video, Codec: media.H264, FourCC: fourAVC, Type: SequenceStart, Key: true, Data: []byte{0xa0}},
		{Kind: media.Video, Codec: media.AV1, FourCC: fourAV1, Type: SequenceStart, Key: true, Track: 1, Data: []byte{0xa1}},
	}, 11},
}

// audios maps a name to an audio body.
var audios = map[string]bodyCase{
	"aac start":    {"af 00 1210", []Packet{{Kind: media.Audio, Codec: media.AAC, Type: SequenceStart, Key: true, Data: []byte{0x12, 0x10}}}, 2},
	"aac frame":    {"af 01 21", []Packet{{Kind: media.Audio, Codec: media.AAC, Type: CodedFrames, Key: true, Data: []byte{0x21}}}, 2},
	"mp3":          {"2f fffb", []Packet{{Kind: media.Audio, Codec: media.MP3, Type: CodedFrames, Key: true, Data: []byte{0xff, 0xfb}}}, 1},
	"mp3 at 8 kHz": {"e2 ff", []Packet{{Kind: media.Audio, Codec: media.MP3, Type: CodedFrames, Key: true, Data: []byte{0xff}}}, 1},
	"a-law":        {"72 d5", []Packet{{Kind: media.Audio, Codec: media.G711A, Type: CodedFrames, Key: true, Data: []byte{0xd5}}}, 1},
	"u-law":        {"82 ff", []Packet{{Kind: media.Audio, Codec: media.G711U, Type: CodedFrames, Key: true, Data: []byte{0xff}}}, 1},
	"speex":        {"b2 01", []Packet{{Kind: media.Audio, Codec: media.Speex, Type: CodedFrames, Key: true, Data: []byte{1}}}, 1},
	"pcm":          {"3f 01", []Packet{{Kind: media.Audio, Codec: media.PCM, Type: CodedFrames, Key: true, Data: []byte{1}}}, 1},
	"nellymoser":   {"6f 01", []Packet{{Kind: media.Audio, Type: CodedFrames, Key: true, Data: []byte{1}}}, 1},

	"opus start":   {"90 4f707573 4f", []Packet{{Kind: media.Audio, Codec: media.Opus, FourCC: fourOpus, Type: SequenceStart, Key: true, Data: []byte{0x4f}}}, 5},
	"flac frames":  {"91 664c6143 ff", []Packet{{Kind: media.Audio, Codec: media.FLAC, FourCC: fourFLAC, Type: CodedFrames, Key: true, Data: []byte{0xff}}}, 5},
	"ac-3 frames":  {"91 61632d33 0b", []Packet{{Kind: media.Audio, Codec: media.AC3, FourCC: fourAC3, Type: CodedFrames, Key: true, Data: []byte{0x0b}}}, 5},
	"ec-3 frames":  {"91 65632d33 0b", []Packet{{Kind: media.Audio, Codec: media.EAC3, FourCC: fourEAC3, Type: CodedFrames, Key: true, Data: []byte{0x0b}}}, 5},
	".mp3 frames":  {"91 2e6d7033 ff", []Packet{{Kind: media.Audio, Codec: media.MP3, FourCC: fourMP3, Type: CodedFrames, Key: true, Data: []byte{0xff}}}, 5},
	"mp4a end":     {"92 6d703461", []Packet{{Kind: media.Audio, Codec: media.AAC, FourCC: fourAAC, Type: SequenceEnd, Key: true, Data: []byte{}}}, 5},
	"channels":     {"94 4f707573 0102", []Packet{{Kind: media.Audio, Codec: media.Opus, FourCC: fourOpus, Type: MultichannelConfig, Key: true, Data: []byte{1, 2}}}, 5},
	"video's code": {"91 61766331 01", []Packet{{Kind: media.Audio, FourCC: fourAVC, Type: CodedFrames, Key: true, Data: []byte{1}}}, 5},
	"reserved":     {"93 4f707573", []Packet{{Kind: media.Audio, Codec: media.Opus, FourCC: fourOpus, Type: Other, Key: true, Data: []byte{}}}, 5},
	"one track":    {"95 01 6d703461 03 21", []Packet{{Kind: media.Audio, Codec: media.AAC, FourCC: fourAAC, Type: CodedFrames, Key: true, Track: 3, Data: []byte{0x21}}}, 7},
	"many codecs": {"95 21 4f707573 00 000001 a0 6d703461 01 000000", []Packet{
		{Kind: media.Audio, Codec: media.Opus, FourCC: fourOpus, Type: CodedFrames, Key: true, Data: []byte{0xa0}},
		{Kind: media.Audio, Codec: media.AAC, FourCC: fourAAC, Type: CodedFrames, Key: true, Track: 1, Data: []byte{}},
	}, 11},
}

func TestParseVideo(t *testing.T) { testParse(t, videos, ParseVideo) }
func TestParseAudio(t *testing.T) { testParse(t, audios, ParseAudio) }

func testParse(t *testing.T, cases map[string]bodyCase, parse func([]Packet, []byte) ([]Packet, error)) {
	for name, c := range cases {
		body := unhex(t, c.wire)
		got, err := parse(nil, body)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
		for n := range c.head {
			if _, err := parse(nil, body[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
		}
		for n := range body { // behind the header a cut may show or not
			_, _ = parse(nil, body[:n])
		}
	}
}

func TestParseDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		wire    string
		packets int
		want    error
	}{
		"multitrack type":   {"96 30 61766331 00", 0, ErrMalformed},
		"too many tracks":   {"96 11 61763031" + strings.Repeat("00 000000", maxPackets+1), maxPackets, ErrMalformed},
		"track's size lies": {"96 11 61763031 00 000001 aa 01 ffffff bb", 1, io.ErrUnexpectedEOF},
		"long modifier":     {"97 ff ffff 00", 0, io.ErrUnexpectedEOF},
	} {
		got, err := ParseVideo(nil, unhex(t, c.wire))
		if len(got) != c.packets || !errors.Is(err, c.want) {
			t.Errorf("%s: %d packets, %v", name, len(got), err)
		}
	}
}

func FuzzParseVideo(f *testing.F) { fuzzParse(f, videos, ParseVideo) }
func FuzzParseAudio(f *testing.F) { fuzzParse(f, audios, ParseAudio) }

func fuzzParse(f *testing.F, cases map[string]bodyCase, parse func([]Packet, []byte) ([]Packet, error)) {
	for _, c := range cases {
		f.Add(unhex(f, c.wire))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		packets, _ := parse(nil, body)
		if len(packets) > maxPackets {
			t.Fatalf("%d packets", len(packets))
		}
		for _, p := range packets {
			track, _ := NewTrack(p, body)
			l := &media.Layout{Tracks: []*media.Track{track}}
			fr := media.NewFrame(Form, body)
			fr.Layout = l
			data := fr.Data()
			if len(data) == 0 {
				continue
			}
			made := media.NewFrame(nil, data)
			made.Layout, made.Key = l, p.Key
			b := Body(made)
			if b == nil {
				continue // a codec that is known only by what it came with
			}
			again := media.NewFrame(Form, b)
			again.Layout = l
			if string(again.Data()) != string(data) {
				t.Fatalf("%+v: %x is made into %x", p, data, b)
			}
		}
	})
}

func BenchmarkParseVideo(b *testing.B) {
	body := append(unhex(b, "27 01 00000a"), make([]byte, 4000)...)
	var dst [4]Packet
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseVideo(dst[:0], body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAudio(b *testing.B) {
	body := append(unhex(b, "95 01 6d703461 03"), make([]byte, 400)...)
	var dst [4]Packet
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseAudio(dst[:0], body); err != nil {
			b.Fatal(err)
		}
	}
}
