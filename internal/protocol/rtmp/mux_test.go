package rtmp

import (
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/config"
	"weir/internal/format/amf0"
	"weir/internal/format/flv"
	"weir/internal/media"
	"weir/internal/testkit/logbook"
	"weir/internal/testkit/sent"
	"weir/internal/transport"
)

const (
	avcHeader  = sent.AVCHeader
	avcHeader2 = sent.AVCHeader2
	avcKey     = sent.AVCKey
	avcInter   = sent.AVCInter
	aacHeader  = sent.AACHeader
	aacFrame   = sent.AACFrame
)

var meta = sent.Meta

// wired is a message by its kind, its time and its body in hexadecimal.
func wired(kind uint8, time uint32, body string) message {
	return message{kind: kind, chunk: 4, stream: 1, time: time, body: unhex(body)}
}

func values(kind uint8, time uint32, values ...any) message {
	return message{kind: kind, chunk: 4, stream: 1, time: time, body: amf0.Append(nil, values...)}
}

// demux makes frames of messages.
type demux struct{ flv.Demux }

func newDemux(log *logbook.Book) *demux {
	return &demux{flv.Demux{Arena: &media.Arena{}, Log: slog.New(slog.NewTextHandler(log, nil))}}
}

func (d *demux) frames(dst []*media.Frame, m *message) []*media.Frame {
	return d.Frames(dst, flv.TagType(m.kind), m.time, m.body)
}

// TestReading checks what the settings of a publisher say of H.264.
func TestReading(t *testing.T) {
	for first, want := range map[bool]nal.Packing{true: nal.AnnexB, false: nal.Lengths} {
		if r := transport.Reading(&config.Publish{TryAnnexbFirst: first, ParseSps: first}); r.First != want || r.Blind == first {
			t.Errorf("%t: %+v", first, r)
		}
	}
}

// TestMux checks that what one has published another gets: the same bytes, and headers before
// the first frame, whenever it joins.
func TestMux(t *testing.T) {
	for name, c := range sent.Cases() {
		d := newDemux(&logbook.Book{})
		var frames []*media.Frame
		known := map[string]bool{}
		for _, m := range c.Sent {
			frames = d.Frames(frames, flv.TagType(m.Kind), m.Time, m.Body)
			known[string(m.Body)] = true
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
				if !known[string(m.body)] && !inside && !data {
					t.Errorf("%s from frame %d: %d % x was never sent", name, from, m.kind, m.body)
				}
			}
		}
	}
}

// FuzzMux takes messages of | kind u8 | time u32 | size u16 | body | and checks that no player gets
// an empty one of what comes of them.
func FuzzMux(f *testing.F) {
	for _, c := range sent.Cases() {
		var b []byte
		for _, m := range c.Sent {
			b = append(b, m.Kind)
			b = binary.BigEndian.AppendUint32(b, m.Time)
			b = binary.BigEndian.AppendUint16(b, uint16(len(m.Body)))
			b = append(b, m.Body...)
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
			for _, f := range d.frames(nil, &m) {
				for _, m := range x.append(nil, f, 0, false) {
					if len(m.body) == 0 {
						t.Fatalf("empty message of type %d", m.kind)
					}
				}
			}
		}
	})
}
