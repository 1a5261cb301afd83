package mpegts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/asticode/go-astits"

	"weir/internal/codec/opus"
	"weir/internal/media"
)

// table makes a section with its sum.
func table(id byte, number uint16, part, last byte, current bool, body []byte) []byte {
	n := len(body) + 9
	b := []byte{id, 0xb0 | byte(n>>8), byte(n), byte(number >> 8), byte(number), 0xc0, part, last}
	if current {
		b[5] |= 1
	}
	b = append(b, body...)
	return signed(b)
}

// signed puts the sum behind a section.
func signed(b []byte) []byte { return binary.BigEndian.AppendUint32(b, sum(b)) }

func patOf(part, last byte, programs ...uint16) []byte {
	var body []byte
	for _, p := range programs {
		body = append(body, byte(p>>8), byte(p), 0xe1, byte(p))
	}
	return table(tablePAT, 1, part, last, true, body)
}

func TestProgramChoice(t *testing.T) {
	type step struct {
		pat    []byte
		number int
	}
	for name, c := range map[string]struct {
		wanted int
		steps  []step
		err    bool
	}{
		"the first":          {0, []step{{patOf(0, 0, 0, 4, 5), 4}, {patOf(0, 0, 5, 4), 4}}, false},
		"another instead":    {0, []step{{patOf(0, 0, 4, 5), 4}, {patOf(0, 0, 5), 5}, {patOf(0, 0, 4, 5), 5}}, false},
		"in the second part": {9, []step{{patOf(0, 1, 4, 5), 0}, {patOf(1, 1, 9), 9}, {patOf(0, 1, 4, 5), 9}, {patOf(1, 1, 9), 9}, {patOf(0, 1, 4), 9}}, false},
		"parts":              {0, []step{{patOf(0, 1, 4, 5), 4}, {patOf(1, 1, 9), 4}, {patOf(0, 1, 4, 5), 4}}, false},
		"not there":          {9, []step{{patOf(0, 0, 4), 0}, {patOf(0, 0, 4), 0}, {patOf(0, 0, 4), 0}, {patOf(0, 0, 4), 0}, {patOf(0, 0, 4), 0}}, true},
		"not in force":       {0, []step{{table(tablePAT, 1, 0, 0, false, []byte{0, 4, 0xe1, 4}), 0}}, false},
		"another table":      {0, []step{{table(0x42, 1, 0, 0, true, []byte{0, 4, 0xe1, 4}), 0}}, false},
		"none":               {0, []step{{patOf(0, 0), 0}, {patOf(0, 0, 3), 3}}, false},
	} {
		p := program{wanted: c.wanted}
		var err error
		for i, s := range c.steps {
			err = p.associate(s.pat)
			if p.number != s.number || s.number > 0 && p.pid != 0x100|uint16(s.number) {
				t.Errorf("%s: step %d: program %d of PID %#x; want %d", name, i, p.number, p.pid, s.number)
			}
		}
		if errors.Is(err, ErrNoProgram) != c.err {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := patOf(0, 0, 4)
	broken[9] ^= 1
	p := program{}
	if err := p.associate(broken); !errors.Is(err, errTable) || p.number != 0 {
		t.Error(err, p.number)
	}
}

func TestSection(t *testing.T) {
	a, b := patOf(0, 0, 1, 2, 3), table(tablePMT, 1, 0, 0, true, slices.Repeat([]byte{1}, 400))
	whole := slices.Concat(a, b, a, []byte{255, 255})
	for first := 1; first < len(whole); first += 7 { // cut into packets anywhere
		var s section
		var got [][]byte
		each := func(b []byte) { got = append(got, slices.Clone(b)) }
		s.take(&packet{start: true, payload: append([]byte{0}, whole[:first]...)}, each)
		for rest := whole[first:]; len(rest) > 0; {
			n := min(len(rest), 180)
			s.take(&packet{payload: rest[:n]}, each)
			rest = rest[n:]
		}
		if !reflect.DeepEqual(got, [][]byte{a, b, a}) {
			t.Fatalf("cut at %d: %d sections", first, len(got))
		}
	}
	var s section
	none := func(b []byte) { t.Errorf("a section % x", b) }
	s.take(&packet{payload: a}, none)                                     // nothing has begun
	s.take(&packet{start: true, payload: []byte{9, 1}}, none)             // a pointer to nowhere
	s.take(&packet{start: true}, none)                                    // no pointer
	s.take(&packet{start: true, payload: []byte{0, 2, 0xbf, 0xff}}, none) // too long
	s.take(&packet{payload: make([]byte, 180)}, none)
	n := 0
	s.take(&packet{start: true, payload: append([]byte{0}, a[:9]...)}, none)
	s.take(&packet{start: true, payload: slices.Concat([]byte{byte(len(a) - 9)}, a[9:], a)}, func([]byte) { n++ })
	if n != 2 {
		t.Errorf("%d sections around a pointer", n)
	}
}

// A map of the program again and again, with new versions, and one that takes several packets.
func TestDemuxMapAgain(t *testing.T) {
	b := short(t)
	whole, _ := take(t, b, DemuxOptions{})
	streams := []byte{0xe1, 0, 0xf0, 0} // clock, nothing of the program itself
	long := append([]byte{0x0f, 0xe1, 1, 0xf0, 200, 0x52, 198}, make([]byte, 198)...)
	streams = append(append(streams, 0x1b, 0xe1, 0, 0xf0, 0), long...)
	var out []byte
	maps := 0
	for at := 0; at < len(b); at += packetSize {
		p := b[at : at+packetSize]
		if int(p[1]&0x1f)<<8|int(p[2]) != pidPMT {
			out = append(out, p...)
			if at/packetSize%5 != 4 {
				continue
			}
		}
		maps++
		m := table(tablePMT, 1, 0, 0, true, streams)
		m[5] = 0xc1 | byte(maps%32)<<1
		section := appendSection(nil, pidPMT, signed(m[:len(m)-4]))
		for i := range len(section) / packetSize {
			section[i*packetSize+3] = 0x10 | byte(maps*2+i)&15
		}
		out = append(out, section...)
	}
	list, h := take(t, out, DemuxOptions{DropDamaged: true})
	equal(t, "maps", list, whole)
	if h.Corrupt+h.Lost > 0 || maps < 5 {
		t.Errorf("%d maps, %+v", maps, h)
	}
	for _, f := range list {
		if f.Layout != list[0].Layout {
			t.Fatal("another layout")
		}
	}
}

// registered is a registration descriptor as a reader of tables has it.
func registered(name string) []*astits.Descriptor {
	return []*astits.Descriptor{{
		Tag: astits.DescriptorTagRegistration, Length: uint8(len(name)),
		Registration: &astits.DescriptorRegistration{FormatIdentifier: binary.BigEndian.Uint32([]byte(name))},
	}}
}

func TestKinds(t *testing.T) {
	extension := func(b ...byte) []*astits.Descriptor {
		return append(registered("Opus"), &astits.Descriptor{Tag: astits.DescriptorTagExtension, Extension: &astits.DescriptorExtension{Tag: extensionOpus, Unknown: &b}})
	}
	for want, e := range map[string]astits.PMTElementaryStream{
		"HEVC":             {StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: registered("HEVC")},
		"AC3":              {StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: []*astits.Descriptor{{Tag: astits.DescriptorTagAC3}}},
		"EAC3":             {StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: []*astits.Descriptor{{Tag: astits.DescriptorTagEnhancedAC3}}},
		"Opus":             {StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: extension(2)},
		"ID3":              {StreamType: astits.StreamTypeMetadata, ElementaryStreamDescriptors: registered("ID3 ")},
		"DVB subtitles":    {StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: []*astits.Descriptor{{Tag: astits.DescriptorTagSubtitling}}},
		"teletext":         {StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: []*astits.Descriptor{{Tag: astits.DescriptorTagTeletext}}},
		"private data":     {StreamType: astits.StreamTypePrivateData},
		"DTS":              {StreamType: astits.StreamTypeDTSAudio},
		"stream type 0xea": {StreamType: astits.StreamTypeVC1Video},
		"Opus with channels that nobody here knows": {StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: extension(0x40)},
	} {
		if k := kindOf(&e); k.name != want || (k.media == 0) != (k.codec == media.Unknown) {
			t.Errorf("%s: %+v", want, k)
		}
	}
	for name, c := range map[string]struct {
		code []byte
		want opus.Head
	}{
		"mono":     {[]byte{1}, opus.Head{Channels: 1}},
		"two":      {[]byte{0}, opus.Head{Channels: 2, Family: 255, Mapping: []byte{2, 0, 0, 1}}},
		"5.1":      {[]byte{6}, opus.Head{Channels: 6, Family: 1, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}},
		"explicit": {[]byte{0x81, 6, 1, 0x68, 0x42, 0x9d}, opus.Head{Channels: 6, Family: 1, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}},
	} {
		c.want.Rate = 48000
		k := kindOf(&astits.PMTElementaryStream{StreamType: astits.StreamTypePrivateData, ElementaryStreamDescriptors: extension(c.code...)})
		if h, err := opus.ParseHead([]byte(k.config)); err != nil || fmt.Sprint(h) != fmt.Sprint(c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, h, err, c.want)
		}
	}
}

func TestSets(t *testing.T) {
	s := sets{codec: media.H264}
	of := func(sps, pps [][]byte) *[kinds][][]byte { return &[kinds][][]byte{kindSPS: sps, kindPPS: pps} }
	level := slices.Clone(sps)
	level[3] = 0x1f
	second := []byte{0x68, 0x5e, 0x3c, 0x80} // number 1
	other := []byte{0x68, 0xee, 0x3c, 0x81}
	for i, c := range []struct {
		came    *[kinds][][]byte
		changed bool
		want    [kinds]int
	}{
		{of([][]byte{sps}, [][]byte{pps}), true, [kinds]int{0, 1, 1}},
		{of([][]byte{sps}, [][]byte{pps}), false, [kinds]int{0, 1, 1}},
		{of(nil, [][]byte{second}), true, [kinds]int{0, 1, 2}},
		{of([][]byte{sps}, [][]byte{pps}), false, [kinds]int{0, 1, 2}},
		{of(nil, [][]byte{other}), true, [kinds]int{0, 1, 2}},
		{of([][]byte{level}, [][]byte{pps}), true, [kinds]int{0, 1, 1}},
	} {
		changed := s.merge(c.came)
		if got := [kinds]int{len(s.lists[0]), len(s.lists[1]), len(s.lists[2])}; changed != c.changed || got != c.want {
			t.Errorf("step %d: changed %t, %v; want %t, %v", i, changed, got, c.changed, c.want)
		}
	}
	for i := range 3 * maxSets { // no more than the bound, whatever comes
		s.merge(of(nil, [][]byte{{0x68, 0, 0x80 >> (i % 8), byte(i)}}))
		if len(s.lists[kindPPS]) > maxSets {
			t.Fatal(len(s.lists[kindPPS]))
		}
	}
}

func TestPictureKeys(t *testing.T) {
	i, p := []byte{0x41, 0x88, 0x80}, []byte{0x41, 0x9a, 0x80} // slice types 7 and 5
	recovery, later, timing := []byte{6, 6, 1, 0xc4, 0x80}, []byte{6, 6, 1, 0x44, 0x80}, []byte{6, 1, 1, 0x80, 6, 1, 0xc4, 0x80}
	for name, c := range map[string]struct {
		units [][]byte
		entry bool
		want  picture
	}{
		"IDR":                  {[][]byte{{0x65, 0x88}}, false, picture{key: true, clean: true}},
		"I":                    {[][]byte{i}, false, picture{}},
		"I, an entry":          {[][]byte{i, i}, true, picture{key: true}},
		"P, an entry":          {[][]byte{i, p}, true, picture{}},
		"recovery":             {[][]byte{recovery, i}, false, picture{key: true}},
		"recovery behind time": {[][]byte{timing, i}, false, picture{key: true}},
		"later":                {[][]byte{later, i}, false, picture{}},
	} {
		if got := avcPicture(c.units, c.entry); got != c.want {
			t.Errorf("%s: %+v; want %+v", name, got, c.want)
		}
	}
	for kind, want := range map[byte]picture{1: {}, 6: {own: true}, 8: {}, 16: {key: true}, 19: {key: true, clean: true}, 20: {key: true, clean: true}, 21: {key: true}} {
		if got := hevcPicture([][]byte{{kind << 1, 1, 0x80}}, true); got != want {
			t.Errorf("H.265 type %d: %+v; want %+v", kind, got, want)
		}
	}
	var many []byte
	for range maxUnits + 1 {
		many = append(append(many, 0, 0, 1, 0x41), make([]byte, 20)...)
		many[len(many)-1] = 1
	}
	v := kind{codec: media.H264}
	var h Health
	if got := v.decoder(0, &DemuxOptions{Arena: &media.Arena{}}, &h).take(nil, &pes{timed: true, data: many}); len(got) > 0 || h.Damaged != 1 {
		t.Errorf("%d units, %+v", len(got), h)
	}
}

func FuzzTables(f *testing.F) {
	f.Add([]byte{0xe1, 0, 0xf0, 0, 0x1b, 0xe1, 0, 0xf0, 0})
	f.Add(append([]byte{0xe1, 0, 0xf0, 0, 6, 0xe1, 1, 0xf0, 10, 5, 4}, "Opus\x7f\x02\x80\x02"...))
	f.Add([]byte{0xe1, 0, 0xf0, 0, 0x81, 0xe1, 1, 0xf0, 4, 0x6a, 2, 0x80, 1, 0x15, 0xe1, 2, 0xf0, 3, 0x26, 1, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > maxSection-minSection {
			return
		}
		p := program{}
		if err := p.associate(patOf(0, 0, 1)); err != nil {
			t.Fatal(err)
		}
		read, err := p.describe(table(tablePMT, 1, 0, 0, true, body))
		if err != nil && !errors.Is(err, errTable) {
			t.Fatal(err)
		}
		for _, e := range p.streams {
			if k := kindOf(e); k.name == "" || !read {
				t.Fatalf("%+v", e)
			}
		}
		_ = p.associate(table(tablePAT, 1, 0, 0, true, body))
	})
}
