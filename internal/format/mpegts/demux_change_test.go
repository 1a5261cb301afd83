package mpegts

import (
	"bytes"
	"context"
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
		steps  [][]*media.Track // each for 8 pictures with sound
		want   []string         // codecs of each layout
		layout int
	}{
		"the same again":  {[][]*media.Track{{video, sound}, {video, sound}}, []string{"H264 AAC"}, 1},
		"SPS":             {[][]*media.Track{{video, sound}, {changed, sound}, {video, sound}}, []string{"H264 AAC", "H264 AAC", "H264 AAC"}, 3},
		"AAC":             {[][]*media.Track{{video, sound}, {video, faster}}, []string{"H264 AAC", "H264 AAC"}, 2},
		"sound goes":      {[][]*media.Track{{video, sound}, {video}}, []string{"H264 AAC", "H264"}, 2},
		"sound comes":     {[][]*media.Track{{video}, {video, sound}}, []string{"H264", "H264 AAC"}, 2},
		"another codec":   {[][]*media.Track{{video, sound}, {video, mp3}}, []string{"H264 AAC", "H264", "H264 MP3"}, 3},
		"all are others":  {[][]*media.Track{{video, sound}, {hevcTrack(t), mp3}}, []string{"H264 AAC", "HEVC MP3"}, 2},
		"pictures go":     {[][]*media.Track{{video, sound}, {sound}}, []string{"H264 AAC", "AAC"}, 2},
		"with new number": {[][]*media.Track{{video}, {video, sound}, {video}}, []string{"H264", "H264 AAC", "H264"}, 3},
	} {
		var b []byte
		m := &Mux{options: both, packets: newPackets()}
		n := 0
		for step, tracks := range c.steps {
			l := &media.Layout{Tracks: tracks}
			var shots []shot
			for i := range int64(8) {
				at := int64(step)*320 + i*40
				for k, track := range tracks {
					u := slice(300, 0x41)
					if i == 0 {
						u = slice(301, 0x65)
					}
					switch track.Codec {
					case media.H265:
						u = slice(300, 0x26, 1)
					case media.MP3:
						u = append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
					}
					if track.Kind == media.Video {
						u = nal.Append(nil, u)
					}
					shots = append(shots, shot{uint8(k), at, at, i == 0 || track.Kind == media.Audio, u})
				}
			}
			for i, f := range frames(l, shots) {
				if b, err = m.AppendFrame(b, f); err != nil {
					t.Fatal(err)
				}
				if i == 4 {
					b, _ = m.AppendTables(b)
				}
			}
			n += len(shots)
		}
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

// elementaryStream writes PES packets as they are told, for what a mux does not do.
type elementaryStream struct {
	t   testing.TB
	b   bytes.Buffer
	mux *astits.Muxer
}

func newElementaryStream(t testing.TB, streams ...astits.PMTElementaryStream) *elementaryStream {
	s := &elementaryStream{t: t}
	s.mux = astits.NewMuxer(context.Background(), &s.b, astits.WithPMTPID(pidPMT), astits.MuxerOptTablesRetransmitPeriod(never))
	for _, e := range streams {
		if err := s.mux.AddElementaryStream(e); err != nil {
			t.Fatal(err)
		}
	}
	s.mux.SetPCRPID(streams[0].ElementaryPID)
	return s
}

// pes writes a PES packet; a time below zero is left out.
func (s *elementaryStream) pes(pid uint16, id byte, pts int64, data []byte) {
	s.t.Helper()
	head := &astits.PESOptionalHeader{MarkerBits: 2, PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS, PTS: reference(pts)}
	if pts < 0 {
		head.PTS, head.PTSDTSIndicator = nil, astits.PTSDTSIndicatorNoPTSOrDTS
	}
	_, err := s.mux.WriteData(&astits.MuxerData{PID: pid, PES: &astits.PESData{
		Header: &astits.PESHeader{OptionalHeader: head, StreamID: id}, Data: data,
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

func adtsFrame(t testing.TB, n int) []byte {
	b, ok := aac.Config{Type: aac.LC, Rate: 44100, Layout: 2}.AppendADTS(nil, n)
	if !ok {
		t.Fatal(n)
	}
	return append(b, slice(n)...)
}

// Frames of sound that lie across PES packets, packets without a time, and times that are counted.
func TestDemuxSoundInPieces(t *testing.T) {
	s := newElementaryStream(t, astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS})
	var all []byte
	const n = 200
	for i := range n {
		all = append(all, adtsFrame(t, 100+i)...)
	}
	r, first := all, true
	for len(r) > 0 {
		k := min(len(r), 777)
		pts := int64(-1)
		if first {
			pts = 5000
		}
		s.pes(300, idAudio, pts, r[:k])
		r, first = r[k:], false
	}
	list, h := take(t, s.b.Bytes(), DemuxOptions{})
	if len(list) != n || h.Damaged > 0 {
		t.Fatalf("%d frames, %+v", len(list), h)
	}
	for i, f := range list {
		if want := nanos(5000) + int64(i)*1024*1e9/44100; f.DTS != want && f.DTS != want-1 || len(f.Data()) != 100+i {
			t.Fatalf("frame %d: %d bytes at %d; want %d at %d", i, len(f.Data()), f.DTS, 100+i, want)
		}
	}
	for at := 8 * packetSize; at < s.b.Len(); at += packetSize { // and without any one packet
		b := append(slices.Clone(s.b.Bytes()[:at]), s.b.Bytes()[at+packetSize:]...)
		few, _ := take(t, b, DemuxOptions{})
		i := 0
		for _, f := range few {
			for i < len(list) && !bytes.Equal(list[i].Data(), f.Data()) {
				i++
			}
			if i == len(list) {
				t.Fatalf("without packet %d: a frame of %d bytes that was not sent", at/packetSize, len(f.Data()))
			}
		}
		if len(few) < n-20 {
			t.Fatalf("without packet %d: only %d frames", at/packetSize, len(few))
		}
	}
}

func TestDemuxADTSWithCheckSum(t *testing.T) {
	s := newElementaryStream(t, astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS})
	f := adtsFrame(t, 102)
	f[1] &^= 1 // two of the bytes are the sum
	s.pes(300, idAudio, 0, append(f, f...))
	list, h := take(t, s.b.Bytes(), DemuxOptions{})
	if len(list) != 2 || len(list[0].Data()) != 100 {
		t.Errorf("%d frames, %+v", len(list), h)
	}
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
	if h.Unknown != 40 || !slices.Equal(h.Others, []string{"KLV"}) || !slices.Equal(h.Tracks, []string{"AAC"}) {
		t.Errorf("%+v", h)
	}
	if len(list) != 18 || list[0].Data()[0] != 2 || list[0].DTS != nanos(2*1920) || len(list[0].Data()) != 301 {
		t.Fatalf("%d frames", len(list))
	}
	if got := describe(list[0].Source()); got != "AAC LC 48000 2, " {
		t.Error(got)
	}
}

func TestDemuxSCTE35(t *testing.T) {
	s := newElementaryStream(t,
		astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS},
		astits.PMTElementaryStream{ElementaryPID: 500, StreamType: astits.StreamTypeSCTE35})
	s.pes(300, idAudio, 0, adtsFrame(t, 20))
	b := append(s.b.Bytes(), appendSection(nil, 500, bytes.Repeat([]byte{0xfc}, 40))...)
	list, h := take(t, b, DemuxOptions{})
	if len(list) != 1 || h.Unknown != 1 || !slices.Equal(h.Others, []string{"SCTE-35"}) {
		t.Errorf("%d frames, %+v", len(list), h)
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
