package mpegts

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/nal"
	"weir/internal/codec/opus"
	"weir/internal/media"
)

var (
	sps = []byte("\x67\x42\xc0\x28\xd9\x00\x78\x02\x27\xe5\x84\x00\x00\x03\x00\x04\x00\x00\x03\x00\xf0\x3c\x60\xc9\x20")
	pps = []byte("\x68\xee\x3c\x80")

	vps5 = []byte("\x40\x01\x0c\x01\xff\xff\x02\x20")
	sps5 = []byte("\x42\x01\x01\x02\x20\x00\x00\x03\x00\xb0\x00\x00\x03\x00\x00\x03\x00\x7b\xa0\x07\x82\x00\x88\x7d" +
		"\xb6\x71\x8b\x92\x44\x80\x53\x88\x88\x92\xcf\x24\xa6\x92\x72\xc9\x12\x49\x22\xdc\x91\xaa\x48\xfc" +
		"\xa2\x23\xff\x00\x01\x00\x01\x6a\x02\x02\x02\x01")
	pps5 = []byte("\x44\x01\xc0\x25\x2f\x05\x32\x40")
)

func avcTrack(t testing.TB) *media.Track {
	config, err := h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps})
	if err != nil {
		t.Fatal(err)
	}
	return &media.Track{Kind: media.Video, Codec: media.H264, Config: config}
}

func hevcTrack(t testing.TB) *media.Track {
	config, err := h265.AppendConfig(nil, [][]byte{vps5}, [][]byte{sps5}, [][]byte{pps5})
	if err != nil {
		t.Fatal(err)
	}
	return &media.Track{Kind: media.Video, Codec: media.H265, Config: config}
}

func aacTrack() *media.Track {
	return &media.Track{Kind: media.Audio, Codec: media.AAC, Config: aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: 44100, Layout: 2})}
}

func opusTrack() *media.Track {
	return &media.Track{Kind: media.Audio, Codec: media.Opus, Config: opus.AppendHead(nil, opus.Head{Channels: 2, Rate: 48000})}
}

// sample is what a reader is given of a frame: its times in ticks, and what it holds.
type sample struct {
	video    bool
	pts, dts int64
	data     [][]byte
}

// read has an independent reader take a transport stream apart, and fails on whatever it finds
// wrong in it.
func read(t testing.TB, b []byte) (tracks []*ts.Track, got []sample) {
	t.Helper()
	continuity(t, b)
	r := &ts.Reader{R: bytes.NewReader(b)}
	if err := r.Initialize(); err != nil {
		t.Fatal(err)
	}
	r.OnDecodeError(func(err error) { t.Error(err) })
	video := func(pts, dts int64, au [][]byte) error {
		got = append(got, sample{true, pts, dts, au})
		return nil
	}
	audio := func(pts int64, packets [][]byte) error {
		got = append(got, sample{false, pts, pts, packets})
		return nil
	}
	for _, track := range r.Tracks() {
		switch track.Codec.(type) {
		case *codecs.H264:
			r.OnDataH264(track, video)
		case *codecs.H265:
			r.OnDataH265(track, video)
		case *codecs.MPEG4Audio:
			r.OnDataMPEG4Audio(track, audio)
		case *codecs.MPEG1Audio:
			r.OnDataMPEG1Audio(track, audio)
		case *codecs.Opus:
			r.OnDataOpus(track, audio)
		case *codecs.AC3:
			r.OnDataAC3(track, func(pts int64, frame []byte) error { return audio(pts, [][]byte{frame}) })
		default:
			t.Errorf("track %T", track.Codec)
		}
	}
	for {
		if err := r.Read(); errors.Is(err, io.EOF) {
			return r.Tracks(), got
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// continuity checks what a reader forgives: whole packets, counters that run on.
func continuity(t testing.TB, b []byte) {
	t.Helper()
	if len(b)%astits.MpegTsPacketSize != 0 {
		t.Fatalf("%d bytes are no whole packets", len(b))
	}
	next := map[int]byte{}
	for ; len(b) > 0; b = b[astits.MpegTsPacketSize:] {
		pid := int(b[1]&0x1f)<<8 | int(b[2])
		want, seen := next[pid]
		if b[0] != 0x47 || seen && b[3]&15 != want {
			t.Fatalf("packet % x: sync or continuity is wrong, want %d", b[:4], want)
		}
		next[pid] = (b[3] + 1) & 15
	}
}

type shot struct {
	track    uint8
	pts, dts int64 // ms
	key      bool
	data     []byte
}

func frames(l *media.Layout, shots []shot) (list []*media.Frame) {
	for _, s := range shots {
		f := media.NewFrame(nil, s.data)
		f.Layout, f.Track, f.Key, f.PTS, f.DTS = l, s.track, s.key, s.pts*1e6, s.dts*1e6
		list = append(list, f)
	}
	return list
}

func write(t testing.TB, l *media.Layout, o Options, list []*media.Frame) []byte {
	t.Helper()
	m, err := NewMux(l, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.AppendTables(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if b, err = m.AppendFrame(b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

var both = Options{Audio: true, Video: true}

func slice(n int, first ...byte) []byte { return append(first, bytes.Repeat([]byte{0xab}, n)...) }

func TestH264AndAAC(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{{Kind: media.Data}, avcTrack(t), aacTrack()}}
	var shots []shot
	sizes := []int{1, 100, 150, 157, 158, 159, 160, 161, 162, 163, 164, 165, 170, 183, 184, 185, 340, 368, 5000, 70000}
	var want []sample
	for i, n := range sizes { // all amounts of stuffing, and B-frames
		key := i == 0 || i == 10
		u := slice(n, 0x41)
		au := [][]byte{u}
		if key {
			u = slice(n, 0x65)
			au = [][]byte{sps, pps, u}
		}
		dts := int64(i) * 40
		pts := dts + int64(i%3)*40
		shots = append(shots, shot{1, pts, dts, key, nal.Append(nil, u)})
		want = append(want, sample{true, pts*90 + lead, dts*90 + lead, au})
		if n < 8000 {
			shots = append(shots, shot{2, dts + 7, dts + 7, true, slice(n)})
			want = append(want, sample{false, (dts+7)*90 + lead, (dts+7)*90 + lead, [][]byte{slice(n)}})
		}
	}
	b := write(t, l, both, frames(l, shots))
	if n := bytes.Count(b, []byte{0, 0, 0, 1, 9, 0xf0}); n != len(sizes) {
		t.Errorf("%d delimiters, which the reader leaves out; want %d", n, len(sizes))
	}
	tracks, got := read(t, b)
	if len(tracks) != 2 || tracks[0].PID != 0x100 || tracks[1].PID != 0x101 {
		t.Fatalf("tracks %+v", tracks)
	}
	if c := tracks[1].Codec.(*codecs.MPEG4Audio); c.SampleRate != 44100 || c.ChannelConfig != 2 || c.Type != mpeg4audio.ObjectTypeAACLC {
		t.Errorf("AAC %+v", c)
	}
	same(t, got, want)
}

// same compares per track: a reader has no order among tracks.
func same(t *testing.T, got, want []sample) {
	t.Helper()
	pick := func(list []sample, video bool) (part []sample) {
		for _, s := range list {
			if s.video == video {
				part = append(part, s)
			}
		}
		return part
	}
	for _, video := range []bool{true, false} {
		g, w := pick(got, video), pick(want, video)
		if len(g) != len(w) {
			t.Fatalf("%d frames (video: %t); want %d", len(g), video, len(w))
		}
		for i := range g {
			if !reflect.DeepEqual(g[i], w[i]) {
				t.Fatalf("frame %d (video: %t) is %d %d %.20x...; want %d %d %.20x...", i, video,
					g[i].pts, g[i].dts, g[i].data, w[i].pts, w[i].dts, w[i].data)
			}
		}
	}
}

func TestH265KeepsItsOwnSets(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{hevcTrack(t)}}
	idr, aud := slice(300, 0x26, 1), []byte{0x46, 1, 0x50}
	_, got := read(t, write(t, l, both, frames(l, []shot{
		{0, 0, 0, true, nal.Append(nil, idr)},
		{0, 40, 40, false, nal.Append(nil, slice(3, 0x02, 1))},
		{0, 80, 80, true, nal.Append(nil, aud, vps5, sps5, pps5, idr)},
	})))
	same(t, got, []sample{
		{true, lead, lead, [][]byte{vps5, sps5, pps5, idr}},
		{true, lead + 3600, lead + 3600, [][]byte{slice(3, 0x02, 1)}},
		{true, lead + 7200, lead + 7200, [][]byte{vps5, sps5, pps5, idr}},
	})
}

func TestSound(t *testing.T) {
	mp3 := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
	low := append([]byte{0xff, 0xf3, 0x90, 0x00}, make([]byte, 413)...) // of 22 kHz
	for name, c := range map[string]struct {
		track *media.Track
		data  []byte
		kind  any
		pmt   byte
	}{
		"MP3":         {&media.Track{Kind: media.Audio, Codec: media.MP3}, mp3, &codecs.MPEG1Audio{}, byte(astits.StreamTypeMPEG1Audio)},
		"MP3, 22 kHz": {&media.Track{Kind: media.Audio, Codec: media.MP3, Info: media.Info{SampleRate: 22050}}, low, nil, byte(astits.StreamTypeMPEG2Audio)},
		"Opus":        {opusTrack(), slice(600, 0xfc), &codecs.Opus{}, byte(astits.StreamTypePrivateData)},
		"Opus of 255": {opusTrack(), slice(254, 0xfc), &codecs.Opus{}, byte(astits.StreamTypePrivateData)},
	} {
		l := &media.Layout{Tracks: []*media.Track{c.track}}
		b := write(t, l, both, frames(l, []shot{{0, 0, 0, true, c.data}, {0, 24, 24, true, c.data}}))
		if got := b[astits.MpegTsPacketSize+17]; got != c.pmt {
			t.Errorf("%s: stream type %#x; want %#x", name, got, c.pmt)
		}
		if c.kind == nil {
			continue // the reader knows no such sound
		}
		tracks, got := read(t, b)
		if len(tracks) != 1 || reflect.TypeOf(tracks[0].Codec) != reflect.TypeOf(c.kind) {
			t.Fatalf("%s: tracks %+v", name, tracks)
		}
		if len(got) != 2 || got[1].pts != lead+24*90 || !bytes.Equal(got[1].data[0], c.data) {
			t.Errorf("%s: frames %+v", name, got)
		}
	}
}

func TestTimes(t *testing.T) {
	for ns, want := range map[int64]int64{
		0: 0, 1e9: hz, 5_555: 0, 5_556: 1, 11_111: 1, -5_555: 0, -5_556: -1, 40_000_000: 3600, -1: 0, -40_000_000: -3600,
		3600 * 24 * 365 * 1e9: hz * 3600 * 24 * 365, // a year's times have not drifted
		1<<63 - 1:             830_103_483_316_930,
	} {
		if got := clock(ns) - lead; got != want {
			t.Errorf("clock(%d) = %d; want %d", ns, got, want)
		}
	}
	for n := range int64(1000) { // ticks that have come are the same again
		first, at := nanos(1_000_007), nanos(1_000_007+n)
		if got := clock(at-first) - lead; got != n {
			t.Fatalf("%d ticks behind the first are %d", n, got)
		}
	}
	// Behind 26 and a half hours the 33 bits begin again, which a reader follows.
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t), aacTrack()}}
	before := int64(1<<33-lead)/90 - 200
	var shots []shot
	for i := range int64(10) {
		at := before + i*40
		shots = append(shots, shot{0, at + 80, at, i == 0, nal.Append(nil, slice(50, 0x41))}, shot{1, at, at, true, slice(20)})
	}
	_, got := read(t, write(t, l, both, frames(l, shots)))
	var want []sample
	for _, s := range shots {
		data := s.data
		if s.track == 0 {
			data = data[4:]
			if s.key {
				want = append(want, sample{true, wrapped(s.pts), wrapped(s.dts), [][]byte{sps, pps, data}})
				continue
			}
		}
		want = append(want, sample{s.track == 0, wrapped(s.pts), wrapped(s.dts), [][]byte{data}})
	}
	same(t, got, want)
}

func wrapped(ms int64) int64 { return (ms*90 + lead) & (1<<33 - 1) }

func TestFollow(t *testing.T) {
	video, sound := avcTrack(t), aacTrack()
	l := &media.Layout{Tracks: []*media.Track{video, sound}}
	m, err := NewMux(l, both)
	if err != nil {
		t.Fatal(err)
	}
	repeat := *video
	for name, c := range map[string]struct {
		tracks  []*media.Track
		another bool
		err     error
	}{
		"repeat":         {[]*media.Track{&repeat, sound}, false, nil},
		"other order":    {[]*media.Track{sound, video}, false, nil},
		"H.265":          {[]*media.Track{hevcTrack(t), sound}, true, nil},
		"sound has gone": {[]*media.Track{video}, true, nil},
		"VP9":            {[]*media.Track{{Kind: media.Video, Codec: media.VP9}, sound}, true, nil},
		"nothing":        {[]*media.Track{{Kind: media.Video, Codec: media.AV1}}, true, ErrNothing},
		"no header yet":  {[]*media.Track{{Kind: media.Audio, Codec: media.AAC}}, true, ErrNothing},
	} {
		another, err := m.Follow(&media.Layout{Tracks: c.tracks})
		if another != c.another || !errors.Is(err, c.err) {
			t.Errorf("%s: %t, %v", name, another, err)
		}
		if another, _ := m.Follow(l); another != c.another {
			t.Errorf("%s: back again: %t", name, another)
		}
	}
	if _, err := NewMux(l, Options{}); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
	if m, err := NewMux(l, Options{Audio: true}); err != nil || m.Video() || !m.Audio() {
		t.Error("sound alone:", err)
	}
}

func TestDamageIsLeftOut(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t), aacTrack()}}
	for name, s := range map[string]shot{
		"nothing":         {data: nil},
		"length too long": {data: []byte{0, 0, 0, 9, 0x41}},
		"rest":            {data: append(nal.Append(nil, []byte{0x41}), 0, 0)},
		"no picture":      {data: nal.Append(nil, sps)},
		"AAC too long":    {track: 1, data: make([]byte, 9000)},
	} {
		if b := write(t, l, both, frames(l, []shot{s})); len(b) != 2*astits.MpegTsPacketSize {
			t.Errorf("%s: %d bytes", name, len(b)-2*astits.MpegTsPacketSize)
		}
	}
}

func TestRebuild(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{aacTrack()}}
	var shots []shot
	for i := range int64(500) {
		at := i*1024*1000/44100 + i%3*4 // jitter
		if i >= 400 {
			at += 5000 // sound was left out
		}
		shots = append(shots, shot{0, at, at, true, slice(20)})
	}
	_, got := read(t, write(t, l, Options{Audio: true, Rebuild: true}, frames(l, shots)))
	for i := range int64(500) {
		want := lead + i*1024*hz/44100
		if i >= 400 {
			want = wrapped(shots[400].pts) + (i-400)*1024*hz/44100
		}
		if got[i].pts != want {
			t.Fatalf("frame %d at %d; want %d", i, got[i].pts, want)
		}
	}
}

// Pictures keep their order where samples of sound are counted.
func TestRebuildLeavesPictures(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t), aacTrack()}}
	o := both
	o.Rebuild = true
	want := frames(l, []shot{
		{0, 80, 0, true, nal.Append(nil, slice(50, 0x65))},
		{0, 200, 40, false, nal.Append(nil, slice(50, 0x41))},
		{0, 120, 80, false, nal.Append(nil, slice(50, 0x01))},
	})
	got, _ := take(t, write(t, l, o, want), DemuxOptions{})
	for i, f := range want {
		if g := got[i]; g.PTS != f.PTS+1e9 || g.DTS != f.DTS+1e9 {
			t.Errorf("picture %d at %d %d; want %d %d", i, g.PTS, g.DTS, f.PTS+1e9, f.DTS+1e9)
		}
	}
}

func FuzzAppendFrame(f *testing.F) {
	f.Add(nal.Append(nil, slice(300, 0x65)), true, int64(0), uint8(0))
	f.Add(nal.Append(nil, sps, pps, slice(30, 0x41)), false, int64(1<<62), uint8(0))
	f.Add([]byte{0, 0, 0, 0}, false, int64(-5), uint8(0))
	f.Add(slice(183), true, int64(1e18), uint8(1))
	f.Add(slice(255, 0xfc), true, int64(1), uint8(2))
	l := &media.Layout{Tracks: []*media.Track{avcTrack(f), aacTrack()}}
	o := &media.Layout{Tracks: []*media.Track{hevcTrack(f), opusTrack()}}
	f.Fuzz(func(t *testing.T, data []byte, key bool, at int64, track uint8) {
		layout := l
		if track&2 != 0 {
			layout = o
		}
		list := frames(layout, []shot{{track & 1, 0, 0, key, data}, {track & 1, 0, 0, key, data}})
		list[0].DTS, list[0].PTS, list[1].DTS, list[1].PTS = at, at+1e6, at+1e6, at
		continuity(t, write(t, layout, both, list))
	})
}
