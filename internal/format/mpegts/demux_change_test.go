package mpegts

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/asticode/go-astits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	ts "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

func TestDemuxPrograms(t *testing.T) {
	b := golden(t, "two")
	for number, want := range map[int]string{
		0: "H264 High 96x64 25, AAC LC 48000 1, ",
		7: "H264 High 96x64 25, AAC LC 48000 1, ",
		9: "MP3  48000 1, ",
	} {
		list, h := take(t, b, DemuxOptions{Program: number})
		if len(list) == 0 {
			t.Errorf("program %d: no frames, %+v", number, h)
			continue
		}
		var tracks strings.Builder
		for _, track := range list[0].Layout.Tracks {
			tracks.WriteString(describe(track))
		}
		if tracks.String() != want {
			t.Errorf("program %d: %s; want %s", number, &tracks, want)
		}
	}
	_, _, err := takeFrom(messages(b), DemuxOptions{Program: 8})
	if !errors.Is(err, ErrNoProgram) || !strings.Contains(err.Error(), "[7 9]") {
		t.Error(err)
	}
}

func TestDemuxNoSync(t *testing.T) {
	d := NewDemux(&endless{b: bytes.Repeat([]byte{1, 2, 0x47}, 1000)}, DemuxOptions{})
	if _, err := d.ReadFrame(); !errors.Is(err, ErrNoSync) {
		t.Error(err)
	}
	if h := d.Health(); h.Skipped < maxGarbage || h.Packets > 0 {
		t.Errorf("%+v", h)
	}
	broken := errors.New("broken")
	list, _, err := takeFrom(io.MultiReader(bytes.NewReader(short(t)), failing{broken}), DemuxOptions{})
	if !errors.Is(err, broken) || len(list) != 16 {
		t.Error(len(list), err)
	}
	if _, err := NewDemux(failing{}, DemuxOptions{}).ReadFrame(); !errors.Is(err, io.ErrNoProgress) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestDemuxWrap(t *testing.T) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(t), aacTrack()}}
	before := int64(1<<33-lead)/90 - 400
	var shots []shot
	for i := range int64(20) {
		at := before + i*40
		shots = append(shots, shot{0, at + i%3*80, at, i == 0, nal.Append(nil, slice(50, 0x41))}, shot{1, at - 30, at - 30, true, slice(20)})
	}
	shots[0].data = nal.Append(nil, slice(50, 0x65))
	want := frames(l, shots)
	list, _ := take(t, write(t, l, both, want), DemuxOptions{})
	for n := range l.Tracks {
		g, w := of(list, n), of(want, n)
		for i := range w {
			if g[i].DTS != nanos(clock(w[i].DTS)) || g[i].PTS != nanos(clock(w[i].PTS)) {
				t.Fatalf("track %d, frame %d: %d %d; want %d %d", n, i, g[i].DTS, g[i].PTS, nanos(clock(w[i].DTS)), nanos(clock(w[i].PTS)))
			}
		}
	}
}

func TestDemuxLayouts(t *testing.T) {
	other := bytes.Clone(sps)
	other[3] = 0x1f // another level
	config, err := h264.AppendConfig(nil, [][]byte{other}, [][]byte{pps})
	if err != nil {
		t.Fatal(err)
	}
	video, sound := avcTrack(t), aacTrack()
	changed := &media.Track{Kind: media.Video, Codec: media.H264, Config: config}
	faster := &media.Track{Kind: media.Audio, Codec: media.AAC, Config: aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: 48000, Layout: 2})}
	mp3 := &media.Track{Kind: media.Audio, Codec: media.MP3}
	for name, c := range map[string]struct {
		steps [][]*media.Track // each for 8 pictures with sound
		want  []string         // codecs of each layout
	}{
		"the same again":  {[][]*media.Track{{video, sound}, {video, sound}}, []string{"H264 AAC"}},
		"SPS":             {[][]*media.Track{{video, sound}, {changed, sound}, {video, sound}}, []string{"H264 AAC", "H264 AAC", "H264 AAC"}},
		"AAC":             {[][]*media.Track{{video, sound}, {video, faster}}, []string{"H264 AAC", "H264 AAC"}},
		"sound goes":      {[][]*media.Track{{video, sound}, {video}}, []string{"H264 AAC", "H264"}},
		"sound comes":     {[][]*media.Track{{video}, {video, sound}}, []string{"H264", "H264 AAC"}},
		"another codec":   {[][]*media.Track{{video, sound}, {video, mp3}}, []string{"H264 AAC", "H264", "H264 MP3"}},
		"all are others":  {[][]*media.Track{{video, sound}, {hevcTrack(t), mp3}}, []string{"H264 AAC", "HEVC MP3"}},
		"pictures go":     {[][]*media.Track{{video, sound}, {sound}}, []string{"H264 AAC", "AAC"}},
		"with new number": {[][]*media.Track{{video}, {video, sound}, {video}}, []string{"H264", "H264 AAC", "H264"}},
	} {
		b, n := inSteps(t, c.steps)
		list, h := take(t, b, DemuxOptions{DropDamaged: true})
		var got []string
		var l *media.Layout
		for _, f := range list {
			if f.Layout != l {
				l = f.Layout
				var names []string
				for _, track := range l.Tracks {
					names = append(names, track.Codec.String())
				}
				got = append(got, strings.Join(names, " "))
			}
		}
		if !reflect.DeepEqual(got, c.want) || len(list) != n || h.Damaged+h.Dropped > 0 {
			t.Errorf("%s: layouts %q and %d frames; want %q and %d; %+v", name, got, len(list), c.want, n, h)
		}
	}
}

// inSteps writes eight frames of each track of each step.
func inSteps(t *testing.T, steps [][]*media.Track) (b []byte, n int) {
	m := &Mux{options: both, packets: newPackets()}
	for step, tracks := range steps {
		var shots []shot
		for i := range int64(8) {
			at := int64(step)*320 + i*40
			for k, track := range tracks {
				shots = append(shots, shot{uint8(k), at, at, i == 0 || track.Kind != media.Video, unitOf(track, i == 0)})
			}
		}
		n += len(shots)
		for i, f := range frames(&media.Layout{Tracks: tracks}, shots) {
			var err error
			if b, err = m.AppendFrame(b, f); err != nil {
				t.Fatal(err)
			}
			if i == 4 {
				b, _ = m.AppendTables(b)
			}
		}
	}
	return b, n
}

// unitOf returns an access unit of a track.
func unitOf(track *media.Track, key bool) []byte {
	switch {
	case track.Codec == media.SCTE35:
		return splice(0, 0)
	case track.Kind == media.Data:
		return slice(300)
	case track.Codec == media.MP3:
		return append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
	case track.Codec == media.H265:
		return nal.Append(nil, slice(300, 0x26, 1))
	case track.Kind == media.Video && key:
		return nal.Append(nil, slice(301, 0x65))
	case track.Kind == media.Video:
		return nal.Append(nil, slice(300, 0x41))
	}
	return slice(300, 0x41)
}

// A track that is listed and does not come is waited for, but not longer than a second.
func TestDemuxLateTrack(t *testing.T) {
	s := newElementaryStream(t,
		astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS},
		astits.PMTElementaryStream{ElementaryPID: 301, StreamType: astits.StreamTypeH264Video})
	picture := slices.Concat([]byte{0, 0, 0, 1}, sps, []byte{0, 0, 0, 1}, pps, []byte{0, 0, 1}, slice(50, 0x65))
	for i := range int64(200) {
		s.pes(300, idAudio, i*2090, adtsFrame(t, 20))
		if i == 150 {
			s.pes(301, idVideo, i*2090, picture)
		}
	}
	d := NewDemux(messages(s.b.Bytes()), DemuxOptions{})
	f, err := d.ReadFrame()
	if err != nil || len(f.Layout.Tracks) != 1 {
		t.Fatal(err)
	}
	if at := d.Health().Packets; at < 40 || at > 70 {
		t.Errorf("the first frame came behind %d packets", at)
	}
	n := 1
	var last *media.Frame
	for ; ; n++ {
		f, err := d.ReadFrame()
		if err != nil {
			break
		}
		last = f
	}
	if n != 201 || len(last.Layout.Tracks) != 2 || last.Layout.Tracks[1].Codec != media.H264 {
		t.Errorf("%d frames, the last of %+v", n, last.Layout)
	}
}

func TestDemuxPicturesWithoutTimes(t *testing.T) {
	s := newElementaryStream(t, astits.PMTElementaryStream{ElementaryPID: 301, StreamType: astits.StreamTypeH264Video})
	picture := slices.Concat([]byte{0, 0, 0, 1}, sps, []byte{0, 0, 0, 1}, pps, []byte{0, 0, 1}, slice(50, 0x65))
	for _, at := range []int64{-1, 0, 3600, -1, -1, 14400} {
		s.pes(301, idVideo, at, picture)
	}
	list, _ := take(t, s.b.Bytes(), DemuxOptions{})
	var got []int64
	for _, f := range list {
		got = append(got, f.DTS/1e6)
	}
	if want := []int64{0, 40, 80, 120, 160}; !slices.Equal(got, want) {
		t.Errorf("times %v; want %v", got, want)
	}
}

func TestDemuxScrambled(t *testing.T) {
	b := slices.Clone(golden(t, "h264-aac"))
	whole, _ := take(t, b, DemuxOptions{})
	for at := 0; at < len(b); at += packetSize {
		if p := b[at:]; int(p[1]&0x1f)<<8|int(p[2]) == 0x101 {
			p[3] |= 0x80
		}
	}
	list, h := take(t, b, DemuxOptions{})
	within(t, "scrambled", list, whole)
	if h.Scrambled == 0 || h.Problem != "AAC of PID 0x101 is encrypted" || len(list) != 50 || len(list[0].Layout.Tracks) != 1 {
		t.Errorf("%d frames, %+v", len(list), h)
	}
}

// What is encrypted and leaves the program is no problem any more.
func TestDemuxScrambledLeaves(t *testing.T) {
	b, _ := inSteps(t, [][]*media.Track{{avcTrack(t), aacTrack()}, {avcTrack(t)}})
	for at := 0; at < len(b); at += packetSize {
		if p := b[at:]; int(p[1]&0x1f)<<8|int(p[2]) == pidAudio {
			p[3] |= 0x80
		}
	}
	if _, h := take(t, b, DemuxOptions{}); h.Scrambled == 0 || h.Problem != "" {
		t.Errorf("%+v", h)
	}
}

// A packet of what no output can carry that is cut short costs no frame.
func TestDemuxOthersCut(t *testing.T) {
	s := newElementaryStream(t,
		astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS},
		astits.PMTElementaryStream{ElementaryPID: 500, StreamType: astits.StreamTypeDTSAudio})
	s.pes(300, idAudio, 0, adtsFrame(t, 20))
	s.pes(500, idPrivate, 0, slice(150))
	head := slices.Clone(s.b.Bytes())
	s.pes(300, idAudio, 2090, adtsFrame(t, 20))
	rest := s.b.Bytes()[len(head):]
	n := len(head)
	src := &pieces{b: slices.Concat(head[:n-40], rest, rest), next: func() int { return n }}
	if _, h, err := takeFrom(src, DemuxOptions{}); err != nil || h.Damaged > 0 || h.Corrupt == 0 {
		t.Errorf("%v, %+v", err, h)
	}
}

func TestDemuxLATMAndKLV(t *testing.T) {
	var b bytes.Buffer
	config := &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 2}
	latm := &ts.Track{PID: 300, Codec: &codecs.MPEG4AudioLATM{}}
	klv := &ts.Track{PID: 301, Codec: &codecs.KLV{Synchronous: true}}
	async := &ts.Track{PID: 302, Codec: &codecs.KLV{}}
	w := &ts.Writer{W: &b, Tracks: []*ts.Track{latm, klv, async}}
	if err := w.Initialize(); err != nil {
		t.Fatal(err)
	}
	mux := &mpeg4audio.StreamMuxConfig{Programs: []*mpeg4audio.StreamMuxConfigProgram{{
		Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: config, LatmBufferFullness: 255}},
	}}}
	for i := range int64(20) {
		e := mpeg4audio.AudioMuxElement{
			MuxConfigPresent: true, UseSameStreamMux: i%5 != 2, StreamMuxConfig: mux,
			Payloads: [][][][]byte{{{slice(300, byte(i))}}},
		}
		element, err := e.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteMPEG4AudioLATM(latm, i*1920, [][]byte{element}); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteKLV(klv, i*1920, slice(30)); err != nil {
			t.Fatal(err)
		}
		if err := w.WriteKLV(async, i*1920, slice(30)); err != nil {
			t.Fatal(err)
		}
	}
	list, h := take(t, b.Bytes(), DemuxOptions{})
	if h.Unknown+h.Damaged > 0 || len(h.Others) > 0 || !slices.Equal(h.Tracks, []string{"AAC", "KLV", "KLV"}) {
		t.Errorf("%+v", h)
	}
	for n, times := range map[int]bool{1: true, 2: false} { // of which one has no times
		part := of(list, n)
		if len(part) != 20 {
			t.Fatalf("%d of track %d", len(part), n)
		}
		for i, f := range part {
			if !bytes.Equal(f.Data(), slice(30)) || times && i > 2 && f.PTS != nanos(int64(i)*1920) || !times && f.PTS != f.DTS {
				t.Errorf("track %d, frame %d: % x at %d %d", n, i, f.Data(), f.DTS, f.PTS)
			}
		}
	}
	if list = of(list, 0); len(list) != 18 || list[0].Data()[0] != 2 || list[0].DTS != nanos(2*1920) || len(list[0].Data()) != 301 {
		t.Fatalf("%d frames", len(list))
	}
	if got := describe(list[0].Source()); got != "AAC LC 48000 2, " {
		t.Error(got)
	}
}

// What never ends takes no more memory than its bound.
func TestDemuxBoundsUnits(t *testing.T) {
	s := newElementaryStream(t, astits.PMTElementaryStream{ElementaryPID: 301, StreamType: astits.StreamTypeH264Video})
	s.pes(301, idVideo, 0, slice(100, 0, 0, 1, 0x65))
	b := s.b.Bytes()
	last := slices.Clone(b[len(b)-packetSize:])
	more := make([]byte, 0, packetSize*100_000)
	for i := range 100_000 {
		p := [packetSize]byte{syncByte, last[1] &^ 0x40, last[2], 0x10 | (last[3]+1+byte(i))&15, byte(i)}
		more = append(more, p[:]...)
	}
	d := NewDemux(io.MultiReader(bytes.NewReader(b), bytes.NewReader(more)), DemuxOptions{})
	if _, err := d.ReadFrame(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if h := d.Health(); h.Damaged != 1 || h.Lost > 0 || d.pending != 0 {
		t.Errorf("%+v, %d pending", h, d.pending)
	}
}
