package rtmp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"weir/internal/config"
	"weir/internal/format/amf0"
	"weir/internal/media"
	"weir/internal/testkit/logbook"
)

const (
	avcHeader  = "1700000000 0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000668ebe3cb22c0fdf8f800"
	avcHeader2 = "1700000000 0142c00cffe100196742c00cd901419f9f011000000300100000030320f142a48001000568cb83cb20"
	avcKey     = "1701000050 00000002 6588"
	avcInter   = "2701000000 00000002 4188"
	aacHeader  = "af00 1210"
	aacFrame   = "af01 21aabb"
)

// wired is a message by its kind, its time and its body in hexadecimal.
func wired(kind uint8, time uint32, body string) message {
	return message{kind: kind, chunk: 4, stream: 1, time: time, body: unhex(body)}
}

func values(kind uint8, time uint32, values ...any) message {
	return message{kind: kind, chunk: 4, stream: 1, time: time, body: amf0.Append(nil, values...)}
}

// tag is an entry of an aggregate.
func tag(kind uint8, time uint32, body []byte) []byte {
	b := appendU24([]byte{kind}, uint32(len(body)))
	b = appendU24(b, time&0xffffff)
	b = append(b, byte(time>>24), 0, 0, 0)
	return binary.BigEndian.AppendUint32(append(b, body...), uint32(len(body)+11))
}

var meta = amf0.ECMAArray{{Name: "width", Value: 320.0}, {Name: "duration", Value: 0.0}}

// sequences maps a name to what a publisher sends and what comes of it: a word for each frame,
// "track:codec[*=key]@dts+offset in ms, ^ where it rides", and before it what changed. It seeds
// FuzzDemux.
func sequences() map[string]struct {
	sent []message
	want string
} {
	w := wired
	large := make([]byte, maxSetup+1)
	copy(large, unhex("1700000000"))
	many := message{kind: aggregate, body: bytes.Repeat(tag(audio, 0, unhex(aacFrame)), maxInside+5)}
	return map[string]struct {
		sent []message
		want string
	}{
		"headers first": {[]message{
			values(amf0Data, 0, "@setDataFrame", "onMetaData", meta),
			w(video, 0, avcHeader), w(audio, 0, aacHeader),
			w(video, 0, avcKey), w(audio, 23, aacFrame), w(video, 40, avcInter),
		}, "meta config 0:H264*@0+80 1:AAC*@23 0:H264@40"},
		"media first":       {[]message{w(audio, 5, aacFrame), w(audio, 6, aacHeader), w(audio, 28, aacFrame)}, "config 0:AAC*@5 config 0:AAC*@28"},
		"MP3":               {[]message{w(audio, 5, "2f fffb9064"), w(audio, 31, "2f fffb9064")}, "config 0:MP3*@5 0:MP3*@31"},
		"repeated":          {[]message{w(video, 0, avcHeader), w(video, 0, avcKey), w(video, 40, avcHeader), w(video, 40, avcKey)}, "config 0:H264*@0+80 repeat 0:H264*@40+80"},
		"new headers":       {[]message{w(video, 0, avcHeader), w(video, 0, avcKey), w(video, 40, avcHeader2), w(video, 40, avcKey)}, "config 0:H264*@0+80 config 0:H264*@40+80"},
		"another codec":     {[]message{w(video, 0, avcHeader), w(video, 0, avcKey), w(video, 40, "93 68766331 0000000226 01")}, "config 0:H264*@0+80 config 0:HEVC*@40"},
		"new metadata":      {[]message{w(audio, 0, aacHeader), w(audio, 0, aacFrame), values(amf0Data, 0, "onMetaData", amf0.Object{}), w(audio, 23, aacFrame)}, "config 0:AAC*@0 meta 0:AAC*@23"},
		"metadata AMF3":     {[]message{{kind: amf3Data, body: amf0.Append([]byte{0}, "onMetaData", meta)}, w(audio, 0, aacFrame)}, "meta config 0:AAC*@0"},
		"metadata type 15":  {[]message{values(amf3Data, 0, "onMetaData", meta), w(audio, 0, aacFrame)}, "meta config 0:AAC*@0"},
		"Opus":              {[]message{w(audio, 0, "90 4f707573 4f7075734865616401023801bb80000000000 0"), w(audio, 20, "91 4f707573 fc01")}, "config 0:Opus*@20"},
		"AV1":               {[]message{w(video, 0, "91 61763031 12000a0b"), w(video, 40, "a1 61763031 3200")}, "config 0:AV1*@0 0:AV1@40"},
		"HEVC, nanoseconds": {[]message{w(video, 7, "97 02 0007d0 01 68766331 00000a 00000002 2601")}, "config 0:HEVC*@7+10"},
		"HEVC as it was":    {[]message{w(video, 7, "1c 01 000028 00000002 2601")}, "config 0:HEVC*@7+40"},
		"unknown codec":     {[]message{w(video, 7, "22 0000"), w(audio, 7, "6f 01")}, "config 0:Other@7 config 1:Other*@7"},
		"two tracks":        {[]message{w(video, 7, "a6 11 68766331 01 000005 0000020000 00 000005 0000010000"), w(video, 9, "a6 11 68766331 00 000005 0000010000 01 000005 0000020000")}, "config 0:HEVC@7+2 1:HEVC@7+1^ 0:HEVC@9+2 1:HEVC@9+1^"},
		"other order":       {[]message{w(audio, 7, "95 11 6d703461 01 000001 21 00 000001 21"), w(audio, 9, "95 11 6d703461 00 000001 21 01 000001 21"), w(audio, 9, "95 11 6d703461 02 000001 21 00 000001 21")}, "config 0:AAC*@7 1:AAC*@7^ 0:AAC*@9 1:AAC*@9^ config 1:AAC*@9 2:AAC*@9^"},
		"seek":              {[]message{w(video, 0, avcKey), w(video, 40, "57 00"), w(video, 40, avcKey)}, "config 0:H264*@0+80 1:Other*@40 0:H264*@40+80"},
		"colours":           {[]message{w(video, 0, "94 68766331 02")}, "0:Other*@0"},
		"end":               {[]message{w(video, 0, "1702000000"), w(audio, 0, "af02")}, ""},
		"data":              {[]message{values(amf0Data, 9, "onCuePoint", 1.0), w(audio, 10, aacFrame), values(amf0Data, 30, "@setDataFrame", "onText", "x")}, "0:AMF*@9 config 1:AAC*@10 0:AMF*@30"},
		"time code":         {[]message{w(amf0Data, 0, "00010203")}, ""},
		"a server's":        {[]message{values(amf0Data, 0, "|RtmpSampleAccess", true, true), values(amf0Data, 0, "onStatus", amf0.Object{})}, ""},
		"aggregate": {[]message{{kind: aggregate, time: 1000, body: slices.Concat(
			tag(video, 70, unhex(avcKey)), tag(audio, 75, unhex(aacFrame)), tag(aggregate, 75, unhex(aacFrame)),
			tag(amf0Data, 75, amf0.Append(nil, "onMetaData", meta)), tag(audio, 98, unhex(aacFrame)))}},
			"config 0:H264*@1000+80 config 1:AAC*@1005 meta 1:AAC*@1028"},
		"aggregate cut":      {[]message{{kind: aggregate, body: append(tag(audio, 0, unhex(aacFrame)), 8, 0, 1, 0)}, {kind: aggregate, body: tag(audio, 5, unhex(aacFrame))[:16]}}, "config 0:AAC*@0 0:AAC*@0"},
		"aggregate too many": {[]message{many}, "config 0:AAC*@0" + strings.Repeat(" 0:AAC*@0", maxInside-1)},
		"another codec once": {[]message{w(video, 0, avcHeader), w(video, 0, avcKey), w(video, 40, "93 68766331 0000000226 01"), w(video, 80, avcInter), w(video, 120, avcInter)}, "config 0:H264*@0+80 config 0:HEVC*@40 config 0:H264@80 0:H264@120"},
		"unknown between":    {[]message{w(video, 0, avcHeader), w(video, 0, avcKey), w(video, 9, "1f 0102030405"), w(video, 9, "90 7a7a3939 01"), w(video, 40, avcInter)}, "config 0:H264*@0+80 0:H264@40"},
		"empty headers":      {[]message{w(video, 0, avcHeader), w(video, 0, avcKey), w(video, 9, "1700000000"), w(video, 40, avcInter)}, "config 0:H264*@0+80 0:H264@40"},
		"huge headers":       {[]message{{kind: video, body: large}}, ""},
		"garbage":            {[]message{w(video, 0, "17"), w(video, 0, "1701"), w(audio, 0, "af"), w(video, 0, "96"), w(amf0Data, 0, "05"), w(99, 0, "00")}, ""},
	}
}

// TestDemuxKeepsHeaders checks that a stray frame of another codec costs a track nothing.
func TestDemuxKeepsHeaders(t *testing.T) {
	d := newDemux(&logbook.Book{})
	for _, m := range []message{
		wired(video, 0, avcHeader), wired(video, 0, avcKey), wired(video, 40, "93 68766331 0000000226 01"), wired(video, 80, avcInter),
	} {
		d.frames(nil, &m)
	}
	if tr := d.layout.Tracks[0]; tr.Codec != media.H264 || len(tr.Header) == 0 || tr.Info.Width == 0 {
		t.Errorf("the track is %+v", tr)
	}
}

// TestDemuxReading checks what the settings of a publisher do with H.264 that could be packed in
// either way.
func TestDemuxReading(t *testing.T) {
	payload := append(unhex("00000165 65"), bytes.Repeat([]byte{7}, 0x164)...)
	for first, want := range map[bool][]byte{true: append(unhex("00000166"), payload[3:]...), false: payload} {
		d := newDemux(&logbook.Book{})
		d.read = reading(config.Publish{TryAnnexbFirst: first, ParseSps: first})
		for _, m := range []message{wired(video, 0, avcHeader), {kind: video, body: append(unhex("1701000000"), payload...)}} {
			for _, f := range d.frames(nil, &m) {
				if !bytes.Equal(f.Data(), want) {
					t.Errorf("try_annexb_first %t: a frame is %.20x, want %.20x", first, f.Data(), want)
				}
			}
		}
		if d.count != 1 || d.layout.Tracks[0].Info.Width > 0 != first {
			t.Errorf("%d frames, %+v", d.count, d.layout.Tracks[0].Info)
		}
	}
}

func newDemux(log *logbook.Book) *demux {
	return &demux{arena: &media.Arena{}, log: slog.New(slog.NewTextHandler(log, nil))}
}

// told says what changed and what came.
func told(prev *media.Layout, frames []*media.Frame) string {
	var words []string
	for _, f := range frames {
		c := f.Layout.Since(prev)
		for _, w := range []struct {
			change media.Change
			word   string
		}{{media.ChangeMeta, "meta"}, {media.ChangeConfig, "config"}, {media.ChangeRepeat, "repeat"}} {
			if c&w.change != 0 {
				words = append(words, w.word)
			}
		}
		prev = f.Layout
		s := fmt.Sprintf("%d:%s", f.Track, f.Source().Codec)
		if f.Key {
			s += "*"
		}
		s += fmt.Sprintf("@%d", f.DTS/1e6)
		if f.PTS != f.DTS {
			s += fmt.Sprintf("+%d", (f.PTS-f.DTS)/1e6)
		}
		if f.Size() == 0 {
			s += "^"
		}
		words = append(words, s)
	}
	return strings.Join(words, " ")
}

func TestDemux(t *testing.T) {
	for name, c := range sequences() {
		log := &logbook.Book{}
		d := newDemux(log)
		var frames []*media.Frame
		for i := range c.sent {
			frames = d.frames(frames, &c.sent[i])
		}
		if got := told(nil, frames); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s\n%s", name, got, c.want, log)
		}
		if n := strings.Count(log.String(), "level=WARN"); n > maxOddLogs {
			t.Errorf("%s: %d warnings", name, n)
		}
	}
}

// TestDemuxTracks has a publisher with more tracks than are carried.
func TestDemuxTracks(t *testing.T) {
	log := &logbook.Book{}
	d := newDemux(log)
	var frames []*media.Frame
	for n := range 200 {
		m := wired(audio, uint32(n), fmt.Sprintf("95 01 6d703461 %02x 21", n))
		frames = d.frames(frames, &m)
	}
	if len(frames) != maxTracks || len(d.layout.Tracks) != maxTracks || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d frames of %d tracks\n%s", len(frames), len(d.layout.Tracks), log)
	}
}

// TestMux checks that what one has published another gets: the same bytes, and headers before
// the first frame, whenever it joins.
func TestMux(t *testing.T) {
	for name, c := range sequences() {
		d := newDemux(&logbook.Book{})
		var frames []*media.Frame
		for i := range c.sent {
			frames = d.frames(frames, &c.sent[i])
		}
		sent := map[string]bool{}
		for _, m := range c.sent {
			sent[string(m.body)] = true
		}
		for from := range frames {
			x := mux{describe: dataFrame}
			var out []message
			for _, f := range frames[from:] {
				out = x.append(out, f, uint32(f.DTS/1e6), false)
			}
			for _, m := range out {
				inside := strings.HasPrefix(name, "aggregate")
				data := m.kind == amf0Data
				if !sent[string(m.body)] && !inside && !data {
					t.Errorf("%s from frame %d: %d % x was never sent", name, from, m.kind, m.body)
				}
			}
		}
	}
}

// FuzzDemux takes messages of | kind u8 | time u32 | size u16 | body | and checks that the
// frames are what readers take for granted.
func FuzzDemux(f *testing.F) {
	for _, c := range sequences() {
		var b []byte
		for _, m := range c.sent {
			if len(m.body) > 2000 {
				continue
			}
			b = append(b, m.kind)
			b = binary.BigEndian.AppendUint32(b, m.time)
			b = binary.BigEndian.AppendUint16(b, uint16(len(m.body)))
			b = append(b, m.body...)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newDemux(&logbook.Book{})
		x := mux{describe: dataFrame}
		for len(b) >= 7 {
			size := min(int(binary.BigEndian.Uint16(b[5:])), len(b)-7)
			m := message{kind: b[0], time: binary.BigEndian.Uint32(b[1:]), body: b[7 : 7+size : 7+size]}
			b = b[7+size:]
			if size == 0 {
				continue // the session skips them
			}
			frames := d.frames(nil, &m)
			if len(frames) > size || len(d.odd) > maxOddLogs {
				t.Fatalf("%d frames of %d bytes, %d oddities", len(frames), size, len(d.odd))
			}
			for _, f := range frames {
				if f.Layout == nil || int(f.Track) >= len(f.Layout.Tracks) || len(f.Layout.Tracks) > maxTracks {
					t.Fatalf("frame of track %d, layout %+v", f.Track, f.Layout)
				}
				if f.PTS-f.DTS >= 1<<23*1e6+1e6 || f.PTS-f.DTS < -1<<23*1e6 {
					t.Fatalf("offset %d", f.PTS-f.DTS)
				}
				f.Data()
				for _, m := range x.append(nil, f, 0, false) {
					if len(m.body) == 0 {
						t.Fatalf("empty message of type %d", m.kind)
					}
				}
			}
		}
	})
}
