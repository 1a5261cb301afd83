package flv

import (
	"bytes"
	"testing"
	"time"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// tracks maps a codec to a configuration and an access unit.
var tracks = map[media.Codec]struct {
	kind   media.Kind
	config string
	data   []byte
	info   media.Info
}{
	media.H264:  {media.Video, avcConfig, lengths, media.Info{Profile: "High", Level: "1.2", Width: 320, Height: 180, FPS: 25}},
	media.H265:  {media.Video, hevcConfig, lengths, media.Info{Profile: "Main", Level: "2", Width: 320, Height: 180, FPS: 25}},
	media.AV1:   {media.Video, av1Config, []byte{0x0a, 1, 0}, media.Info{Profile: "Main", Level: "2.0", Width: 320, Height: 180}},
	media.VP9:   {media.Video, vp9Config, []byte{0x82, 0x49}, media.Info{Profile: "0", Level: "1.1"}},
	media.VP8:   {media.Video, vp9Config, []byte{0x30, 0x51}, media.Info{Profile: "0", Level: "1.1"}},
	media.AAC:   {media.Audio, "121056e500", []byte{0x21, 0x10}, media.Info{Profile: "LC", SampleRate: 44100, Channels: 2}},
	media.Opus:  {media.Audio, opusConfig, []byte{0xfc, 1}, media.Info{SampleRate: 48000, Channels: 2}},
	media.FLAC:  {media.Audio, flacConfig, []byte{0xff, 0xf8}, media.Info{SampleRate: 48000, Channels: 2}},
	media.MP3:   {media.Audio, "", []byte{0xff, 0xfb, 0x90, 0x64, 0}, media.Info{SampleRate: 44100, Channels: 2}},
	media.AC3:   {media.Audio, "", []byte{0x0b, 0x77, 0xd0, 0xf8, 0x1e, 0x40, 0xeb, 0xf8}, media.Info{SampleRate: 48000, Channels: 6}},
	media.EAC3:  {media.Audio, "", []byte{0x0b, 0x77, 1, 0xa0, 0x74, 0x87, 0xc0, 0}, media.Info{SampleRate: 44100, Channels: 2}},
	media.G711A: {media.Audio, "", []byte{0xd5, 0xd5}, media.Info{}},
	media.G711U: {media.Audio, "", []byte{0xff, 0xff}, media.Info{}},
	media.Speex: {media.Audio, "", []byte{1, 2}, media.Info{}},
}

func parse(kind media.Kind, body []byte) ([]Packet, error) {
	if kind == media.Video {
		return ParseVideo(nil, body)
	}
	return ParseAudio(nil, body)
}

func TestRoundTrip(t *testing.T) {
	for c, want := range tracks {
		for id := range 2 {
			made := &media.Track{ID: id, Kind: want.kind, Codec: c, Config: unhex(t, want.config)}
			got := made
			if header := Header(made); header != nil {
				packets, err := parse(want.kind, header)
				if err != nil || len(packets) != 1 || packets[0].Type != SequenceStart || !packets[0].Key {
					t.Fatalf("%v: header %x: %+v, %v", c, header, packets, err)
				}
				if got, err = NewTrack(packets[0], header); err != nil {
					t.Errorf("%v: NewTrack: %v", c, err)
				}
				if got.ID != id || got.Codec != c || !bytes.Equal(got.Config, made.Config) || got.Info != want.info {
					t.Errorf("%v: track %+v", c, got)
				}
				if !bytes.Equal(Header(got), header) {
					t.Errorf("%v: the header differs when it is sent on", c)
				}
			} else if want.config != "" {
				t.Errorf("%v: no header", c)
			}
			testBody(t, got, want.data, want.info)
		}
	}
}

func testBody(t *testing.T, track *media.Track, data []byte, info media.Info) {
	f := frame(nil, track, data)
	f.DTS, f.PTS = int64(10500*time.Microsecond), int64(50600*time.Microsecond)
	f.Key = track.Kind == media.Audio
	body := Body(f)
	if body == nil && track.ID > 0 && FourCC(track.Codec) == 0 {
		return // there is no header with both
	}
	packets, err := parse(track.Kind, body)
	if err != nil || len(packets) != 1 {
		t.Fatalf("%v: %x: %+v, %v", track.Codec, body, packets, err)
	}
	p := packets[0]
	var offset time.Duration
	if track.Codec == media.H264 || track.Codec == media.H265 {
		offset = 40 * ms
	}
	if p.Codec != track.Codec || p.Track != track.ID || p.Key != f.Key || p.CompositionTime != offset {
		t.Errorf("%v: packet %+v", track.Codec, p)
	}
	if got := frame(Form, track, body).Data(); !bytes.Equal(got, data) {
		t.Errorf("%v: %x comes back as %x", track.Codec, data, got)
	}
	if len(track.Config) == 0 {
		if got, err := NewTrack(p, body); err != nil || got.Info != info || got.Header != nil {
			t.Errorf("%v: track of a frame: %+v, %v", track.Codec, got, err)
		}
	}
}

func TestBody(t *testing.T) {
	track := &media.Track{Kind: media.Video, Codec: media.H264}
	for name, c := range map[string]struct {
		pts  int64
		want string
	}{
		"none":     {0, "\x17\x01\x00\x00\x00"},
		"negative": {-int64(ms), "\x17\x01\xff\xff\xff"},
		"rounded":  {-1, "\x17\x01\xff\xff\xff"},
		"huge":     {int64(10 * time.Hour), "\x17\x01\x7f\xff\xff"},
	} {
		f := frame(nil, track, lengths)
		f.PTS = c.pts
		if got := Body(f); string(got) != c.want+string(lengths) {
			t.Errorf("%s: Body = %x", name, got)
		}
	}
	hevc := frame(nil, &media.Track{Kind: media.Video, Codec: media.H265}, lengths)
	if got := Body(hevc); string(got[:5]) != "\x93hvc1" {
		t.Errorf("without composition time: %x", got)
	}
	for name, f := range map[string]*media.Frame{
		"id3":           frame(nil, &media.Track{Kind: media.Data, Codec: media.ID3}, []byte("ID3")),
		"unknown video": frame(nil, &media.Track{Kind: media.Video}, []byte{1}),
		"damaged":       frame(nil, track, nil),
	} {
		if got := Body(f); got != nil {
			t.Errorf("%s: Body = %x", name, got)
		}
	}
	rider := frame(Form, track, []byte{1})
	rider.Ride()
	if got := Body(rider); len(got) != 0 {
		t.Errorf("rider: Body = %x", got)
	}
	amf := frame(nil, &media.Track{Kind: media.Data, Codec: media.AMF}, []byte{2})
	if got := Body(amf); string(got) != "\x02" {
		t.Errorf("amf: Body = %x", got)
	}
}

func TestMP3Head(t *testing.T) {
	for hz, want := range map[int]byte{44100: 0x2e, 22050: 0x2a, 11025: 0x26, 8000: 0xe2, 5512: 0x22} {
		track := &media.Track{Kind: media.Audio, Codec: media.MP3, Info: media.Info{SampleRate: hz, Channels: 1}}
		if got := Body(frame(nil, track, []byte{1})); got[0] != want {
			t.Errorf("%d Hz: %#x; want %#x", hz, got[0], want)
		}
	}
}

func TestNewTrackDamaged(t *testing.T) {
	for name, wire := range map[string]string{
		"avc":        "17 00 000000 0164",
		"aac":        "af 00",
		"hvc1":       "90 68766331 01",
		"descriptor": "95 61763031 80",
		"opus":       "90 4f707573 4f",
	} {
		body := unhex(t, wire)
		packets, err := ParseVideo(nil, body)
		if name == "aac" || name == "opus" {
			packets, err = ParseAudio(nil, body)
		}
		if err != nil {
			t.Fatal(err)
		}
		track, err := NewTrack(packets[0], body)
		if err == nil || track == nil || !bytes.Equal(Header(track), body) || !bytes.Equal(track.Config, packets[0].Data) {
			t.Errorf("%s: %+v, %v", name, track, err)
		}
	}
	if track, err := NewTrack(Packet{Kind: media.Video, Type: SequenceStart}, []byte{1}); err != nil || track.Codec != media.Unknown {
		t.Errorf("unknown codec: %+v, %v", track, err)
	}
}

func BenchmarkBody(b *testing.B) {
	data := nal.Append(nil, make([]byte, 3000), make([]byte, 3000))
	track := &media.Track{Kind: media.Video, Codec: media.H264}
	layout := &media.Layout{Tracks: []*media.Track{track}}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		f := media.NewFrame(nil, data)
		f.Layout = layout
		Body(f)
	}
}

// What came in a transport stream beside video and audio has no body.
func TestBodyOfData(t *testing.T) {
	for _, codec := range []media.Codec{media.SCTE35, media.ID3, media.KLV} {
		f := media.NewFrame(nil, []byte("data"))
		f.Layout = &media.Layout{Tracks: []*media.Track{{Kind: media.Data, Codec: codec, Header: []byte{0x15}}}}
		if b := Body(f); b != nil {
			t.Errorf("%s: %q", codec, b)
		}
		if b := Header(f.Source()); b != nil {
			t.Errorf("%s: header %q", codec, b)
		}
	}
}
