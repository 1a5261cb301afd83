package mpegts

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/asticode/go-astits"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// splice is a splice_info_section that inserts a break at a time, with an adjustment.
func splice(pts, adjustment uint64) []byte {
	b := []byte{
		tableSplice, 0x30, 0, 0, byte(adjustment >> 32 & 1), byte(adjustment >> 24), byte(adjustment >> 16), byte(adjustment >> 8), byte(adjustment),
		0, 0xff, 0xf0, 20, 5, // a command of 20 bytes
		0, 0, 0, 1, 0x7f, 0xef,
		0xfe | byte(pts>>32&1), byte(pts >> 24), byte(pts >> 16), byte(pts >> 8), byte(pts),
		0xfe, 0, 0, 0, 0, 0, 1, 0, 0,
		0, 0, // descriptors
	}
	b[2] = byte(len(b) + 4 - 3)
	return signed(b)
}

// spliceAt is the time that a section of splice means, by the clock of the stream that it is in.
func spliceAt(t testing.TB, b []byte) uint64 {
	t.Helper()
	if !isSplice(b) {
		t.Fatalf("no section: % x", b)
	}
	five := func(b []byte) uint64 {
		return uint64(b[0]&1)<<32 | uint64(b[1])<<24 | uint64(b[2])<<16 | uint64(b[3])<<8 | uint64(b[4])
	}
	return (five(b[4:]) + five(b[20:])) & (1<<33 - 1)
}

// id3Tag is a tag of ID3v2 with a text.
func id3Tag(text string) []byte {
	frame := append([]byte{'T', 'X', 'X', 'X', 0, 0, 0, byte(len(text) + 3), 0, 0, 3, 0}, text...)
	frame = append(frame, 0)
	return append([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, 0, byte(len(frame))}, frame...)
}

// klvUnit is a unit of KLV with a value of n bytes.
func klvUnit(n int) []byte {
	b := []byte("\x06\x0e\x2b\x34\x02\x0b\x01\x01\x0e\x01\x03\x01\x01\x00\x00\x00\x82")
	return append(append(b, byte(n>>8), byte(n)), slices.Repeat([]byte{7}, n)...)
}

// cell is a KLV unit in a cell of metadata.
func cell(number byte, unit []byte) []byte {
	return append([]byte{0, number, 0xdf, byte(len(unit) >> 8), byte(len(unit))}, unit...)
}

// synchronous is an entry of the program's map for KLV in cells.
var synchronous = append([]byte{byte(astits.StreamTypeMetadata)}, metadata("KLVA")...)

func dataLayout(t testing.TB) *media.Layout {
	return &media.Layout{Tracks: []*media.Track{
		avcTrack(t), aacTrack(),
		{Kind: media.Data, Codec: media.SCTE35},
		{Kind: media.Data, Codec: media.ID3, ID: 1},
		{Kind: media.Data, Codec: media.KLV, ID: 2},
		{Kind: media.Data, Codec: media.KLV, ID: 3, Header: synchronous, Form: Form},
	}}
}

// dataFrames are pictures and sound of half a second with data among them.
func dataFrames(l *media.Layout) (list []*media.Frame) {
	for i := range int64(13) {
		u := nal.Append(nil, slice(900, 0x41))
		if i%6 == 0 {
			u = nal.Append(nil, slice(900, 0x65))
		}
		list = append(list, frames(l, []shot{{0, i*40 + i%2*40, i * 40, i%6 == 0, u}, {1, i * 40, i * 40, true, slice(100)}})...)
		at := i*40 + 10
		for _, s := range []shot{
			{2, at, at, true, splice(uint64(i*3600+900_000), uint64(1<<33-1))},
			{3, at + 3, at, true, id3Tag(fmt.Sprint("picture ", i))},
			{4, at + 5, at, true, klvUnit(int(i) * 60)},
		} {
			list = append(list, frames(l, []shot{s})...)
		}
		sync := frames(l, []shot{{5, at + 7, at, true, nil}})[0]
		f := media.NewFrame(Form, cell(byte(i), klvUnit(20)))
		f.Layout, f.Track, f.Key, f.DTS, f.PTS = l, 5, true, sync.DTS, sync.PTS
		list = append(list, f)
	}
	return list
}

func TestDataThereAndBack(t *testing.T) {
	l := dataLayout(t)
	want := dataFrames(l)
	b := write(t, l, both, want)
	list, h := take(t, b, DemuxOptions{})
	if !slices.Equal(h.Tracks, []string{"H264", "AAC", "SCTE-35", "ID3", "KLV", "KLV"}) || len(h.Others) > 0 || h.Unknown+h.Damaged+h.Corrupt > 0 {
		t.Errorf("%+v", h)
	}
	layout := list[0].Layout
	for n, track := range layout.Tracks {
		if w := l.Tracks[n]; track.Kind != w.Kind || track.Codec != w.Codec {
			t.Fatalf("track %d is %+v; want %+v", n, track, w)
		}
		got, sent := of(list, n), of(want, n)
		if len(got) != len(sent) {
			t.Fatalf("track %d: %d frames of %d", n, len(got), len(sent))
		}
		for i, f := range got {
			w := sent[i]
			if f.Layout != layout || !f.Key && track.Kind == media.Data {
				t.Fatalf("track %d, frame %d: layout %p, key %t", n, i, f.Layout, f.Key)
			}
			data, pts := w.Data(), w.PTS+1e9
			if track.Codec == media.SCTE35 {
				data, pts = appendSplice(nil, w.Data(), lead), f.DTS
			}
			if !bytes.Equal(f.Data(), data) || f.PTS != pts {
				t.Fatalf("track %d, frame %d at %d: % .40x; want % .40x at %d", n, i, f.PTS, f.Data(), data, pts)
			}
			if off := f.DTS - (w.DTS + 1e9); track.Kind == media.Data && (off < -50e6 || off > 0) {
				t.Errorf("track %d, frame %d: it comes %d ns behind its time", n, i, off)
			}
		}
	}
	again := write(t, layout, both, list) // and out of what has come once more
	if twice, _ := take(t, again, DemuxOptions{}); len(twice) != len(list) {
		t.Errorf("%d frames of %d", len(twice), len(list))
	}
	if pmt := mapOf(t, b); !bytes.Contains(pmt, registration("CUEI")) || !bytes.Contains(pmt, append([]byte{0x25, 15}, "\xff\xffID3 \xffID3 \x00\x1f\x00\x01"...)) ||
		!bytes.Contains(pmt, synchronous[1:]) || !bytes.Contains(pmt, registration("KLVA")) {
		t.Errorf("the map is %q", pmt)
	}
}

// The stream is ffmpeg's, which has given the KLV no times.
func TestDataGolden(t *testing.T) {
	list, h := take(t, golden(t, "data"), DemuxOptions{})
	if !slices.Equal(h.Tracks, []string{"H264", "ID3", "KLV"}) || h.Damaged+h.Corrupt+h.Lost > 0 {
		t.Errorf("%+v", h)
	}
	tags, klv := of(list, 1), of(list, 2)
	if len(tags) != 13 || len(klv) != 13 {
		t.Fatalf("%d tags and %d units", len(tags), len(klv))
	}
	for i := range tags {
		if f := tags[i]; !bytes.Equal(f.Data(), id3Tag(fmt.Sprint("picture ", i))) || f.PTS != nanos(int64(i)*3600+7200) || f.DTS > f.PTS {
			t.Errorf("tag %d at %d %d: %q", i, f.DTS, f.PTS, f.Data())
		}
		if f := klv[i]; !bytes.Equal(f.Data(), klvUnit(i*60)) || f.PTS != f.DTS {
			t.Errorf("unit %d at %d %d: %d bytes", i, f.DTS, f.PTS, len(f.Data()))
		}
	}
}

// mapOf returns the last map of the program.
func mapOf(t *testing.T, b []byte) []byte {
	t.Helper()
	p := program{}
	for at := 0; at < len(b); at += packetSize {
		switch k, _ := parsePacket(b[at : at+packetSize]); k.pid {
		case 0:
			p.pats.take(&k, func(s []byte) { _ = p.associate(s) })
		case pidPMT:
			p.pmts.take(&k, func(s []byte) { _, _ = p.describe(s) })
		}
	}
	return p.pmt
}

// The time that a section of SCTE-35 means is the same picture's on every timeline.
func TestSpliceFollowsTheClock(t *testing.T) {
	for name, c := range map[string]struct {
		first       int64 // ticks, of the publisher's first picture
		start       int64 // ns, where that lies on the stream's timeline
		adjustment  uint64
		behind      int64 // ticks, from the first picture to the splice
		wantsExact  bool
		fromPicture int
	}{
		"ahead":           {900_001, 0, 0, 3600, true, 1},
		"behind":          {17, 3600e9 * 30, 0, 3600, true, 1},
		"with adjustment": {5_000_000_003, 1e9, 4_999_999_999, 7200, true, 2},
		"wraps":           {1<<33 - 1800, 0, 0, 3600, true, 1},
		"in the future":   {77, 12_345_678, 1, 90_000 * 8, false, 0},
	} {
		s := newElementaryStream(t,
			astits.PMTElementaryStream{ElementaryPID: 301, StreamType: astits.StreamTypeH264Video},
			astits.PMTElementaryStream{ElementaryPID: 500, StreamType: astits.StreamTypeSCTE35})
		picture := slices.Concat([]byte{0, 0, 0, 1}, sps, []byte{0, 0, 0, 1}, pps, []byte{0, 0, 1}, slice(50, 0x65))
		for i := range int64(4) {
			s.pes(301, idVideo, (c.first+i*3600)&(1<<33-1), picture)
			if i == 1 {
				at := wrap(c.first + c.behind - int64(c.adjustment))
				s.b.Write(appendSection(nil, 500, splice(at, c.adjustment)))
			}
		}
		list, _ := take(t, s.b.Bytes(), DemuxOptions{})
		if len(list) != 5 {
			t.Fatalf("%s: %d frames", name, len(list))
		}
		offset := c.start - list[0].DTS // as the stream's clock would have it
		for _, f := range list {
			l := *f.Layout
			l.Offset = offset
			f.Layout, f.DTS, f.PTS = &l, f.DTS+offset, f.PTS+offset
		}
		out, _ := take(t, write(t, list[0].Layout, both, list), DemuxOptions{})
		cues := of(out, 1)
		if len(cues) != 1 {
			t.Fatalf("%s: %d sections", name, len(cues))
		}
		at := int64(spliceAt(t, cues[0].Data()))
		want := ticks(out[0].PTS) + c.behind
		if c.wantsExact {
			want = ticks(of(out, 0)[c.fromPicture].PTS)
		}
		if at != int64(wrap(want)) {
			t.Errorf("%s: the splice is at %d; want %d", name, at, wrap(want))
		}
	}
}

// Streams of data come late, go, and change: nothing else is cut.
func TestDataComesAndGoes(t *testing.T) {
	all := dataLayout(t)
	video, sound := all.Tracks[0], all.Tracks[1]
	cues, tags, klv := all.Tracks[2], all.Tracks[3], all.Tracks[4]
	b, n := inSteps(t, [][]*media.Track{
		{video, sound}, {video, sound, cues}, {tags, video, sound, cues}, {video, klv, sound, tags}, {video, sound}, {video, sound, klv},
	})
	list, h := take(t, b, DemuxOptions{DropDamaged: true})
	if len(list) != n || h.Damaged+h.Corrupt+h.Lost > 0 {
		t.Errorf("%d frames of %d, %+v", len(list), n, h)
	}
	var codecs []string
	last := list[0].Layout
	for _, f := range list {
		if f.Layout == last && len(codecs) > 0 {
			continue
		}
		if c := f.Layout.Since(last); c.Cut() {
			t.Errorf("a cut: %d, to %v", c, f.Layout.Tracks)
		}
		last = f.Layout
		var names []string
		for _, track := range last.Tracks {
			names = append(names, track.Codec.String())
		}
		codecs = append(codecs, strings.Join(names, " "))
	}
	if want := []string{"H264 AAC", "H264 AAC SCTE35", "H264 AAC SCTE35 ID3", "H264 AAC ID3 KLV", "H264 AAC", "H264 AAC KLV"}; !slices.Equal(codecs, want) {
		t.Errorf("layouts %q; want %q", codecs, want)
	}
}

// The mux has no other decoder set up because of data, which keeps its PID, and has tables come before what is new.
func TestMuxDataComesAndGoes(t *testing.T) {
	all := dataLayout(t)
	m, err := NewMux(&media.Layout{Tracks: all.Tracks[:2]}, both)
	if err != nil {
		t.Fatal(err)
	}
	for i, tracks := range [][]*media.Track{all.Tracks[:4], {all.Tracks[0], all.Tracks[1], all.Tracks[3]}, {all.Tracks[0], all.Tracks[1], all.Tracks[4], all.Tracks[3]}} {
		l := &media.Layout{Tracks: tracks}
		if another, err := m.Follow(l); another || err != nil {
			t.Fatalf("step %d: %t, %v", i, another, err)
		}
		at := slices.Index(tracks, all.Tracks[3])
		f := frames(l, []shot{{uint8(at), 0, 0, true, id3Tag("a")}})[0]
		b, _ := m.AppendFrame(nil, f)
		if len(b) != 3*packetSize || !IsTable(b) || b[2*packetSize+2] != 0x103&0xff {
			t.Errorf("step %d: %d bytes: % x", i, len(b), b[2*packetSize:2*packetSize+4])
		}
		if b, _ = m.AppendFrame(nil, f); len(b) != packetSize {
			t.Errorf("step %d: %d bytes without tables", i, len(b))
		}
	}
	if _, err := NewMux(&media.Layout{Tracks: all.Tracks[2:]}, both); err == nil {
		t.Error("data alone is carried")
	}
	for _, o := range []Options{{Audio: true}, {Video: true}} {
		if m, err := NewMux(all, o); err != nil || len(m.Tracks()) != 1 || len(m.tracks()) != 5 {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// What is lost or damaged in a stream of data costs that alone.
func TestDataDamaged(t *testing.T) {
	l := dataLayout(t)
	b := write(t, l, both, dataFrames(l))
	whole, _ := take(t, b, DemuxOptions{})
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var out []byte
		hit := 0
		for at := 0; at < len(b); at += packetSize {
			p := slices.Clone(b[at : at+packetSize])
			if pid := int(p[1]&0x1f)<<8 | int(p[2]); pid >= pidData && pid < pidData+maxData && r.IntN(4) == 0 {
				hit++
				switch r.IntN(3) {
				case 0:
					continue
				case 1:
					p[4+r.IntN(packetSize-4)] ^= byte(1 + r.IntN(255))
				default: // packets seem to be missing
					p[3] ^= 8
				}
			}
			out = append(out, p...)
		}
		list, h := take(t, out, DemuxOptions{DropDamaged: true})
		for n := range 2 {
			equal(t, "track", of(list, n), of(whole, n))
		}
		if hit > 0 && h.Lost+h.Damaged+h.Corrupt == 0 && len(list) < len(whole) {
			t.Errorf("%d frames of %d, and nothing is counted", len(list), len(whole))
		}
	}
}

// Times of data that are far from the others' do not move these.
func TestDataClock(t *testing.T) {
	s := newElementaryStream(t,
		astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS},
		astits.PMTElementaryStream{ElementaryPID: 301, StreamType: astits.StreamTypeMetadata, ElementaryStreamDescriptors: registered("ID3 ")})
	for i := range int64(50) {
		s.pes(300, idAudio, 1000+i*2090, adtsFrame(t, 20))
		s.pes(301, idPrivate, 1<<32+100*i*90_000, id3Tag("x"))
	}
	list, _ := take(t, s.b.Bytes(), DemuxOptions{})
	for i, f := range of(list, 0) {
		if f.DTS != nanos(1000+int64(i)*2090) {
			t.Fatalf("sound %d at %d", i, f.DTS)
		}
	}
	last := int64(0)
	for _, f := range of(list, 1) {
		if f.DTS < last || f.DTS > nanos(1000+50*2090) {
			t.Fatalf("data at %d", f.DTS)
		}
		last = f.DTS
	}
	if len(of(list, 1)) != 50 || last < nanos(1000+48*2090) {
		t.Errorf("%d frames of data up to %d", len(of(list, 1)), last)
	}
}

// Data waits for nobody, nobody waits for data, and it has a bound of its own.
func TestDataBounds(t *testing.T) {
	streams := []astits.PMTElementaryStream{{ElementaryPID: 300, StreamType: astits.StreamTypeADTS}}
	for i := range maxData + 3 {
		streams = append(streams, astits.PMTElementaryStream{ElementaryPID: 400 + uint16(i), StreamType: astits.StreamTypeMetadata, ElementaryStreamDescriptors: registered("ID3 ")})
	}
	s := newElementaryStream(t, streams...)
	for i := range 10 * foyerData {
		s.pes(400, idPrivate, int64(i), id3Tag("x"))
	}
	s.pes(401, idPrivate, 0, slice(0xffff-3))                              // too long to be written with a time
	s.b.Write(appendSection(nil, 402, slices.Repeat([]byte{1}, 180*1000))) // never ends
	s.pes(300, idAudio, 90_000, adtsFrame(t, 20))
	s.pes(300, idAudio, 92_090, adtsFrame(t, 20))
	list, h := take(t, s.b.Bytes(), DemuxOptions{})
	if len(list) != foyerData+2 || len(list[0].Layout.Tracks) != 1+maxData || list[0].Source().Kind != media.Audio || len(h.Tracks) != 1+maxData || !slices.Equal(h.Others, []string{"ID3"}) {
		t.Errorf("%d frames, %d tracks, %+v", len(list), len(list[0].Layout.Tracks), h)
	}
	for _, f := range list {
		if f.DTS < nanos(90_000) {
			t.Errorf("%s at %d, before the first sound", f.Source().Codec, f.DTS)
		}
	}
	only := newElementaryStream(t, streams[1])
	only.pes(400, idPrivate, 0, id3Tag("x"))
	if list, _ := take(t, only.b.Bytes(), DemuxOptions{}); len(list) > 0 {
		t.Errorf("%d frames of data alone", len(list))
	}
}

func TestSplice(t *testing.T) {
	b := splice(1<<33-1, 5)
	for _, by := range []int64{0, 1, -6, 1 << 33, 1<<33 - 5, -1 << 40, 123_456_789} {
		got := appendSplice([]byte("x"), b, by)[1:]
		if at := spliceAt(t, got); at != wrap(4+by) {
			t.Errorf("by %d: %d; want %d", by, at, wrap(4+by))
		}
		if back := appendSplice(nil, got, -by); !bytes.Equal(back, b) {
			t.Errorf("by %d and back: % x", by, back)
		}
	}
	for n := range b {
		if isSplice(b[:n]) {
			t.Errorf("%d bytes of it are one", n)
		}
		bad := slices.Clone(b)
		bad[n] ^= 4
		if isSplice(bad) {
			t.Errorf("it is one with byte %d wrong", n)
		}
	}
}

func TestCells(t *testing.T) {
	for name, c := range map[string]struct{ wire, want []byte }{
		"one":   {cell(1, []byte("abc")), []byte("abc")},
		"two":   {append(cell(1, []byte("abc")), cell(2, []byte("d"))...), []byte("abcd")},
		"cut":   {cell(1, []byte("abc"))[:7], nil},
		"none":  {[]byte{1, 2}, nil},
		"empty": {nil, nil},
		"rest":  {append(cell(1, []byte("abc")), 9), nil},
	} {
		if got := media.NewFrame(Form, c.wire).Data(); !bytes.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzData has sections and metadata read, and what they make written.
func FuzzData(f *testing.F) {
	f.Add(splice(1, 2), int64(3), uint8(0))
	f.Add(cell(1, klvUnit(9)), int64(-1), uint8(2))
	f.Add(id3Tag("x"), int64(1<<62), uint8(1))
	l := dataLayout(f)
	f.Fuzz(func(t *testing.T, b []byte, by int64, n uint8) {
		forms := [...]media.Form{nil, Form}
		frame := media.NewFrame(forms[n&1], b)
		frame.Layout, frame.Track, frame.Key, frame.PTS = &media.Layout{Tracks: l.Tracks, Offset: by}, 2+n>>1%4, true, by
		out := write(t, frame.Layout, both, []*media.Frame{frame})
		continuity(t, out)
		d := NewDemux(io.MultiReader(bytes.NewReader(out)), DemuxOptions{})
		for {
			if _, err := d.ReadFrame(); err != nil {
				return
			}
		}
	})
}
