package flv

import (
	"bytes"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

const (
	avcConfig  = "0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800"
	hevcConfig = "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959809" +
		"a10001002b42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c840" +
		"a2000100074401c172b46240"
	av1Config  = "81000c000a0b000000043cfeccdaf90040"
	vp9Config  = "000b820202020000"
	opusConfig = "4f707573486561640102380180bb0000000000"
	flacConfig = "12001200" + "0000bd00055c" + "0bb802f000002580" + "777fc1093fe0ced99821114b41bf4818"
)

// units are NAL units, alone and as they are sent.
var (
	units   = [][]byte{{0x65, 0x88, 0x84, 0x21}, {0x41, 0x9a, 3}}
	lengths = nal.Append(nil, units...)
	codes   = []byte("\x00\x00\x00\x01\x65\x88\x84\x21\x00\x00\x01\x41\x9a\x03")
	short   = []byte("\x00\x04\x65\x88\x84\x21\x00\x03\x41\x9a\x03")
)

func frame(form media.Form, t *media.Track, wire []byte) *media.Frame {
	f := media.NewFrame(form, wire)
	f.Layout = &media.Layout{Tracks: []*media.Track{t}}
	f.Key = true
	return f
}

func TestData(t *testing.T) {
	four := unhex(t, avcConfig)
	two := bytes.Clone(four)
	two[4] = 0xfd
	avc := &media.Track{Kind: media.Video, Codec: media.H264, Config: four}
	second := &media.Track{ID: 1, Kind: media.Video, Codec: media.H264, Config: four}
	head := "\x17\x01\x00\x00\x00"
	many := append([]byte("\x96\x11avc1\x00\x00\x00\x01\xaa\x01\x00\x00\x0f"), lengths...)
	many[len(many)-len(lengths)-1] = byte(len(lengths)) // its size
	for name, c := range map[string]struct {
		track *media.Track
		body  string
		want  string
	}{
		"lengths":        {avc, head + string(lengths), string(lengths)},
		"start codes":    {avc, head + string(codes), string(lengths)},
		"short lengths":  {&media.Track{Kind: media.Video, Codec: media.H264, Config: two}, head + string(short), string(lengths)},
		"hevc":           {&media.Track{Kind: media.Video, Codec: media.H265}, "\x93hvc1" + string(lengths), string(lengths)},
		"second track":   {second, "\x96\x03avc1\x01" + string(lengths), string(lengths)},
		"a third track":  {second, "\x96\x03avc1\x02" + string(lengths), ""},
		"among many":     {second, "\x96\x13" + string(many[2:]), string(lengths)},
		"damaged":        {avc, head + "\x00\x00\x00\x09\x65", ""},
		"cut":            {avc, head[:3], ""},
		"header":         {avc, "\x17\x00\x00\x00\x00" + string(four), ""},
		"another codec":  {avc, "\x93hvc1" + string(lengths), ""},
		"av1":            {&media.Track{Kind: media.Video, Codec: media.AV1}, "\x91av01\x12\x00\x0a\x01\x00", "\x0a\x01\x00"},
		"aac":            {&media.Track{Kind: media.Audio, Codec: media.AAC}, "\xaf\x01\x21\x10", "\x21\x10"},
		"unknown fourcc": {&media.Track{Kind: media.Video}, "\x91vvc1abc", "abc"},
		"nothing":        {avc, "", ""},
		"data":           {&media.Track{Kind: media.Data, Codec: media.AMF}, "\x02\x00\x01x", "\x02\x00\x01x"},
	} {
		f := frame(Form, c.track, []byte(c.body))
		for range 2 { // the second comes from the memo
			if got := f.Data(); string(got) != c.want {
				t.Errorf("%s: Data = %x; want %x", name, got, c.want)
			}
		}
		if b := Body(f); string(b) != c.body {
			t.Errorf("%s: Body = %x; want the wire", name, b)
		}
	}
}

func TestShortLengths(t *testing.T) {
	for codec, header := range map[media.Codec]string{
		media.H264: "\x17\x00\x00\x00\x00" + string(unhex(t, avcConfig)),
		media.H265: "\x90hvc1" + string(unhex(t, hevcConfig)),
	} {
		want := []byte(header)[5:]
		sent := []byte(header)
		if codec == media.H264 {
			sent[5+4] = 0xfd
		} else {
			sent[5+21] = 0x0d
		}
		packets, err := ParseVideo(nil, sent)
		if err != nil {
			t.Fatal(err)
		}
		track, err := NewTrack(packets[0], sent)
		if err != nil || !bytes.Equal(track.Config, want) || !bytes.Equal(Header(track), sent) {
			t.Errorf("%v: %x, %v; want %x", codec, track.Config, err, want)
		}
		body := "\x17\x01\x00\x00\x00" + string(short)
		if codec == media.H265 {
			body = "\x93hvc1" + string(short)
		}
		if got := frame(Form, track, []byte(body)).Data(); !bytes.Equal(got, lengths) {
			t.Errorf("%v: Data = %x", codec, got)
		}
	}
}

func TestDataIsNoCopy(t *testing.T) {
	body := append([]byte("\x17\x01\x00\x00\x00"), lengths...)
	f := frame(Form, &media.Track{Kind: media.Video, Codec: media.H264}, body)
	if got := f.Data(); &got[0] != &body[5] {
		t.Error("copied")
	}
	if n := testing.AllocsPerRun(100, func() { f.Data() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestFile reads what ffmpeg wrote with x264 and its AAC encoder.
func TestFile(t *testing.T) {
	tracks := map[TagType]*media.Track{}
	frames, keys := 0, 0
	for _, tag := range readFile(t, "h264-aac.flv") {
		if tag.Type == TagScript {
			continue
		}
		kind := media.Audio
		if tag.Type == TagVideo {
			kind = media.Video
		}
		packets, err := parse(kind, tag.Body)
		if err != nil || len(packets) != 1 {
			t.Fatalf("%x: %v", tag.Body, err)
		}
		switch p := packets[0]; p.Type {
		case SequenceStart:
			if tracks[tag.Type], err = NewTrack(p, tag.Body); err != nil {
				t.Error(err)
			}
		case CodedFrames:
			f := frame(Form, tracks[tag.Type], tag.Body)
			if !bytes.HasSuffix(tag.Body, f.Data()) || len(f.Data()) == 0 {
				t.Errorf("no data in %x", tag.Body)
			}
			frames++
			if p.Key && kind == media.Video {
				keys++
			}
		}
	}
	video, audio := tracks[TagVideo].Info, tracks[TagAudio].Info
	if video.Width != 64 || video.Height != 48 || video.FPS != 25 || video.Profile != "High(444+Predictive)" {
		t.Errorf("video %+v", video)
	}
	if audio.SampleRate != 44100 || audio.Channels != 1 || audio.Profile != "LC" {
		t.Errorf("audio %+v", audio)
	}
	if frames < 20 || keys != 1 {
		t.Errorf("%d frames, %d keys", frames, keys)
	}
}

func BenchmarkData(b *testing.B) {
	body := append([]byte("\x17\x01\x00\x00\x00"), nal.Append(nil, make([]byte, 3000), make([]byte, 3000))...)
	f := frame(Form, &media.Track{Kind: media.Video, Codec: media.H264}, body)
	b.ReportAllocs()
	for b.Loop() {
		f.Data()
	}
}
