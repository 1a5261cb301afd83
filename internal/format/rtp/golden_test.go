package rtp

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/nal"
	"weir/internal/media"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

var (
	sps  = unhex("6742c028d900780227e5840000030004000003 00f03c60c920")
	pps  = unhex("68ee3c80")
	vps5 = unhex("40010c01ffff0220")
	sps5 = unhex("420101022000000300b0000003000003007ba0078200887db6718b92448053888892cf24a69272c9124922dc91aa48fca223ff000100016a02020201")
	pps5 = unhex("4401c0252f053240")
)

const sequence = "0a0b000000043cfeccdaf90040" // an OBU of AV1

func avcConfig() []byte {
	b, err := h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps})
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

// units are NAL units, in hex with spaces between them, behind their lengths.
func units(s string) (b []byte) {
	for u := range strings.FieldsSeq(s) {
		b = nal.Append(b, unhex(u))
	}
	return b
}

func ramp(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return hex.EncodeToString(b)
}

const long = 100 // bytes of what does not fit

// golden maps a name to an access unit, and to the payloads that it is cut into, of 64 bytes at most.
var golden = map[string]struct {
	codec  media.Codec
	config []byte
	key    bool
	drop   bool // SEI
	data   []byte
	want   []string // in hex
}{
	"h264 key": {
		codec: media.H264, config: avcConfig(), key: true, data: units("09f0 0605aa80 6588aa"),
		want: []string{
			"78 0019 6742c028d900780227e584000003000400000300f03c60c920 0004 68ee3c80", "0605aa80", "6588aa",
		},
	},
	"h264 without SEI": {
		codec: media.H264, config: avcConfig(), key: true, drop: true, data: units("0605aa80 6588aa"),
		want: []string{"78 0019 6742c028d900780227e584000003000400000300f03c60c920 0004 68ee3c80", "6588aa"},
	},
	"h264 sets in band": {
		codec: media.H264, config: avcConfig(), key: true, data: units("67420001 68ee3c80 6588aa"),
		want: []string{"78 0004 67420001 0004 68ee3c80", "6588aa"},
	},
	"h264 another PPS in band": {
		codec: media.H264, config: avcConfig(), key: true, data: units("685b8f20 68ee3c80 6588aa"),
		want: []string{"78 0019 6742c028d900780227e584000003000400000300f03c60c920 0004 685b8f20 0004 68ee3c80", "6588aa"},
	},
	"h264 in pieces": {
		codec: media.H264, config: avcConfig(), data: units("0c8080 41" + ramp(long)),
		want: []string{"5c 81" + ramp(62), "5c 41" + ramp(long)[124:]},
	},
	"h264 nothing": {codec: media.H264, config: avcConfig(), data: units("09f0 0c80")},
	"h265 key": {
		codec: media.H265, config: hevcConfig(), key: true, data: units("460150 2601afaa"),
		want: []string{"4001" + hex.EncodeToString(vps5[2:]), "4201" + hex.EncodeToString(sps5[2:]), "4401c0252f053240", "2601afaa"},
	},
	"h265 sets in band": {
		codec: media.H265, config: hevcConfig(), key: true, data: units("40010c01 420101 4401c0 2601afaa"),
		want: []string{"6001 0004 40010c01 0003 420101 0003 4401c0", "2601afaa"},
	},
	"h265 in pieces": {
		codec: media.H265, config: hevcConfig(), data: units("0201" + ramp(long)),
		want: []string{"6201 81" + ramp(61), "6201 41" + ramp(long)[122:]},
	},
	"av1 key": {
		codec: media.AV1, config: unhex("81000c00" + sequence), key: true, data: unhex("3203 10aabb"),
		want: []string{"28 0c 08000000043cfeccdaf90040 30 10aabb"},
	},
	"av1 in pieces": {
		codec: media.AV1, data: unhex("32 64" + ramp(long)),
		want: []string{"50 30" + ramp(61), "90" + ramp(long)[122:]},
	},
	"av1 four": {
		codec: media.AV1, data: unhex("1a02 3011 22021122 22023344 22025566"),
		want: []string{"00 03 183011 03 201122 03 203344 03 205566"},
	},
	"vp8": {
		codec: media.VP8, key: true, data: unhex("00" + ramp(long)),
		want: []string{"90 80 8000 00" + ramp(59), "80 80 8000" + ramp(long)[118:]},
	},
	"vp9": {
		codec: media.VP9, data: unhex("86" + ramp(long)),
		want: []string{"c8 8000 86" + ramp(60), "c4 8000" + ramp(long)[120:]},
	},
	"vp9 key": {
		codec: media.VP9, key: true, data: unhex("824983420000f000f60838241c1842000000"),
		want: []string{"8e 8000 10 0010 0010 824983420000f000f60838241c1842000000"},
	},
	"opus":     {codec: media.Opus, data: unhex("fc" + ramp(long)), want: []string{"fc" + ramp(long)}},
	"g711":     {codec: media.G711U, data: unhex("ff" + ramp(long)), want: []string{"ff" + ramp(63), ramp(long)[126:]}},
	"no units": {codec: media.H264, config: avcConfig(), data: []byte{0, 0, 0, 9, 1}},
}

func frame(c media.Codec, config, data []byte, key bool) *media.Frame {
	kind := media.Video
	if c == media.Opus || c == media.G711U {
		kind = media.Audio
	}
	f := media.NewFrame(nil, data)
	f.Layout = &media.Layout{Tracks: []*media.Track{{Kind: kind, Codec: c, Config: config}}}
	f.Key, f.PTS = key, second
	return f
}

func TestGolden(t *testing.T) {
	for name, c := range golden {
		p, _ := NewPacketizer(c.codec, PacketizerOptions{MTU: 64, DropSEI: c.drop})
		f := frame(c.codec, c.config, c.data, c.key)
		payloads := p.Pack(f)
		var got, want []string
		for i, p := range payloads {
			got = append(got, hex.EncodeToString(p.Data))
			marker := i == len(payloads)-1 && f.Source().Kind == media.Video
			if time := uint32(Rate(c.codec)); p.Marker != marker || p.Time != time && (c.codec != media.G711U || p.Time != time+uint32(64*i)) {
				t.Errorf("%s: payload %d: marker %v, time %d", name, i, p.Marker, p.Time)
			}
		}
		for _, w := range c.want {
			want = append(want, strings.ReplaceAll(w, " ", ""))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%q; want\n%q", name, got, want)
		}
	}
}

// assembled maps a name to payloads and what they are. An empty string is a packet that was lost; a
// dot behind a payload is its marker, an apostrophe says that it has the next time.
var assembled = map[string]struct {
	codec media.Codec
	wire  string
	want  []string // in hex
	wrong uint64   // access units that are left out
}{
	"h264 sets alone":          {media.H264, hex.EncodeToString(sps) + " 68ee3c80 6588aa.", []string{"000000036588aa"}, 0},
	"h264 sets with marker":    {media.H264, hex.EncodeToString(sps) + ". 68ee3c80. 6588aa.", []string{"000000036588aa"}, 0},
	"h264 sets of a time":      {media.H264, hex.EncodeToString(sps) + " 68ee3c80 '6588aa.", []string{"000000036588aa"}, 0},
	"h264 no marker":           {media.H264, hex.EncodeToString(sps) + " 68ee3c80 6588aa '419a '419b", []string{"000000036588aa", "00000002419a", "00000002419b"}, 0},
	"h264 slices":              {media.H264, hex.EncodeToString(sps) + " 68ee3c80 6588aa 6508bb.", []string{"000000036588aa000000036508bb"}, 0},
	"h264 pieces":              {media.H264, hex.EncodeToString(sps) + " 68ee3c80 7c8588aa 7c05bb 7c45cc.", []string{"000000056588aabbcc"}, 0},
	"h264 no first piece":      {media.H264, hex.EncodeToString(sps) + " 68ee3c80 7c05bb 7c45cc.", nil, 1},
	"h264 no last piece":       {media.H264, hex.EncodeToString(sps) + " 68ee3c80 7c8588aa.", nil, 1},
	"h264 two first pieces":    {media.H264, hex.EncodeToString(sps) + " 68ee3c80 7c8588aa 7c8588aa 7c45cc.", nil, 1},
	"h264 STAP too short":      {media.H264, "78000967.", nil, 1},
	"h264 STAP in STAP":        {media.H264, "78000578000267aa.", nil, 1},
	"h264 MTAP":                {media.H264, "1a0000.", nil, 1},
	"h264 forbidden bit":       {media.H264, "e588.", nil, 1},
	"h264 delimiter, filler":   {media.H264, "09f0 " + hex.EncodeToString(sps) + " 68ee3c80 6588aa 0c8080.", []string{"000000036588aa"}, 0},
	"h264 zeros":               {media.H264, hex.EncodeToString(sps) + " 68ee3c8000 6588aa0000.", []string{"000000036588aa"}, 0},
	"h264 entered late":        {media.H264, "419a. '419b.", nil, 0},
	"h264 padding":             {media.H264, hex.EncodeToString(sps) + " 68ee3c80 - 6588aa.", []string{"000000036588aa"}, 0},
	"h264 lost before":         {media.H264, hex.EncodeToString(sps) + " 68ee3c80 6588aa.  '419a.", []string{"000000036588aa", "00000002419a"}, 0},
	"h264 lost before a slice": {media.H264, hex.EncodeToString(sps) + " 68ee3c80 6588aa.  '411a.", []string{"000000036588aa"}, 1},
	"h265 sets alone": {
		media.H265, hex.EncodeToString(vps5) + " " + hex.EncodeToString(sps5) + " " + hex.EncodeToString(pps5) + " 2601afaa.",
		[]string{"000000042601afaa"}, 0,
	},
	"h265 RASL": {
		media.H265, hex.EncodeToString(vps5) + " " + hex.EncodeToString(sps5) + " " + hex.EncodeToString(pps5) + " 2a01afaa. '1001aa. '0201aa.",
		[]string{"000000042a01afaa", "000000030201aa"}, 0,
	},
	"av1 size kept":      {media.AV1, "18 0a0b000000043cfeccdaf90040.", nil, 0},
	"av1 key":            {media.AV1, "28 0c 08000000043cfeccdaf90040 3010aa.", []string{"0a0b000000043cfeccdaf90040320210aa"}, 0},
	"av1 too few":        {media.AV1, "38 0c 08000000043cfeccdaf90040 3010aa.", nil, 1},
	"av1 size too large": {media.AV1, "00 7f 08.", nil, 1},
	"av1 no first piece": {media.AV1, "90 08.", nil, 1},
	"av1 no last piece":  {media.AV1, "50 08.", nil, 1},
	"vp8 short number":   {media.VP8, "908001 10000 09d012a40010002.", []string{"1000009d012a40010002"}, 0},
	"vp8 all fields":     {media.VP8, "90f081230640 1000009d012a40010002.", []string{"1000009d012a40010002"}, 0},
	"vp8 second part":    {media.VP8, "10 1000009d012a40010002 11 aa.", []string{"1000009d012a40010002aa"}, 0},
	"vp8 no beginning":   {media.VP8, "00 1000009d012a40010002.", nil, 1},
	"vp9 layers":         {media.VP9, "ae 01 00 01 18 0010 0010 01 04 01 824983420000f000f60838241c1842000000.", []string{"824983420000f000f60838241c1842000000"}, 0},
	"vp9 no end":         {media.VP9, "08 824983420000f000f60838241c1842000000.", nil, 1},
	"vp9 no beginning":   {media.VP9, "04 824983420000f000f60838241c1842000000.", nil, 1},
	"vp9 four back":      {media.VP9, "5c 03 03 03 02 82.", nil, 1},
}

// packetsOf reads wire: a word is a packet of H.264 or H.265; one of others goes to the next dot.
func packetsOf(c media.Codec, wire string) (packets []Packet) {
	time, lost := uint32(0), 0
	words := strings.Split(wire, " ")
	if c != media.H264 && c != media.H265 {
		words = strings.SplitAfter(strings.ReplaceAll(wire, " ", ""), ".")
	}
	for _, w := range words {
		p := Packet{Lost: lost}
		lost = 0
		if w == "" {
			lost = 1
			continue
		}
		w, next := strings.CutPrefix(w, "'")
		if next {
			time += 3000
		}
		w, p.Marker = strings.CutSuffix(w, ".")
		p.Time, p.Payload = time, unhex(strings.Trim(w, "-"))
		packets = append(packets, p)
	}
	return packets
}

func TestAssembled(t *testing.T) {
	for name, c := range assembled {
		packets := packetsOf(c.codec, c.wire)
		if name == "vp8 second part" {
			a, b := packets[0], packets[0]
			n := strings.Index(strings.ReplaceAll(c.wire, " ", ""), "11aa") / 2
			a.Payload, a.Marker, b.Payload = a.Payload[:n], false, b.Payload[n:]
			packets = []Packet{a, b}
		}
		d := depacketizer(t, DepacketizerOptions{Codec: c.codec})
		var got []string
		for _, u := range join(d, packets, nil) {
			got = append(got, hex.EncodeToString(u.Data))
			if u.Track == nil || len(u.Track.Config) == 0 || u.Track.Info.Width == 0 {
				t.Errorf("%s: track %+v", name, u.Track)
			}
		}
		if !reflect.DeepEqual(got, c.want) || d.Health().Damaged != c.wrong {
			t.Errorf("%s: %q, %+v; want %q, %d damaged", name, got, d.Health(), c.want, c.wrong)
		}
	}
}

// TestLayers has a picture of VP9 come in two layers.
func TestLayers(t *testing.T) {
	const low, high = "824983420000f000f60838241c1842000000", "8711"
	d := depacketizer(t, DepacketizerOptions{Codec: media.VP9})
	list := d.Take(nil, &Packet{Payload: unhex("2c0001" + low)})
	list = d.Take(list, &Packet{Payload: unhex("2c0301" + high), Marker: true})
	want := low + high + "d9" + "12000000" + "02000000" + "d9"
	if len(list) != 1 || hex.EncodeToString(list[0].Data) != want || !list[0].Key {
		t.Errorf("%+v; want %s", list, want)
	}
}

// TestNewSets has parameter sets change in the middle of a stream.
func TestNewSets(t *testing.T) {
	high := "6764000cac3b50b04b420000030002000003003d08"
	key := " 68ee3c80 6588aa. '"
	wire := hex.EncodeToString(sps) + key + hex.EncodeToString(sps) + key + high + key + high + key + "685b8f20 419a."
	d := depacketizer(t, DepacketizerOptions{Codec: media.H264, ID: 3})
	list := join(d, packetsOf(media.H264, wire), nil)
	if len(list) != 5 {
		t.Fatalf("%d units", len(list))
	}
	if list[0].Track != list[1].Track || list[1].Track == list[2].Track || list[2].Track != list[3].Track {
		t.Error("tracks change with other headers, and with no others")
	}
	if list[2].Track.Info.Profile != "High" || list[2].Track.ID != 3 {
		t.Errorf("track %+v", list[2].Track)
	}
	c, err := h264.ParseConfig(list[4].Track.Config)
	if err != nil || len(c.SPS) != 1 || len(c.PPS) != 2 {
		t.Errorf("%d SPS, %d PPS, %v", len(c.SPS), len(c.PPS), err)
	}
	d = depacketizer(t, DepacketizerOptions{Codec: media.H264, Config: avcConfig()})
	if list := join(d, packetsOf(media.H264, "6588aa."), nil); len(list) != 1 || string(list[0].Track.Config) != string(avcConfig()) {
		t.Errorf("with sets that are known before: %+v", list)
	}
	if _, ok := NewDepacketizer(DepacketizerOptions{Codec: media.AAC}); ok {
		t.Error("AAC is taken apart")
	}
	if _, ok := NewPacketizer(media.AAC, PacketizerOptions{}); ok {
		t.Error("AAC is cut")
	}
}
