package flv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/media"
	"weir/internal/testkit/logbook"
	"weir/internal/testkit/sent"
)

// sequences are the cases, and those that come to a bound. They seed FuzzDemux.
func sequences() map[string]sent.Case {
	cases := sent.Cases()
	large := make([]byte, maxSetup+1)
	copy(large, sent.Unhex("1700000000"))
	many := bytes.Repeat(sent.Tag(sent.Audio, 0, sent.Unhex(sent.AACFrame)), maxInside+5)
	maps.Copy(cases, map[string]sent.Case{
		"huge headers":       {Sent: []sent.Message{{Kind: sent.Video, Body: large}}},
		"aggregate too many": {Sent: []sent.Message{{Kind: sent.Aggregate, Body: many}}, Want: "config 0:AAC*@0" + strings.Repeat(" 0:AAC*@0", maxInside-1)},
	})
	return cases
}

// take gives a demuxer a message.
func (d *Demux) take(dst []*media.Frame, m sent.Message) []*media.Frame {
	return d.Frames(dst, TagType(m.Kind), m.Time, m.Body)
}

// TestDemuxKeepsHeaders checks that a stray frame of another codec costs a track nothing.
func TestDemuxKeepsHeaders(t *testing.T) {
	d := newDemux(&logbook.Book{})
	for _, m := range []sent.Message{
		sent.Wired(sent.Video, 0, sent.AVCHeader), sent.Wired(sent.Video, 0, sent.AVCKey),
		sent.Wired(sent.Video, 40, "93 68766331 0000000226 01"), sent.Wired(sent.Video, 80, sent.AVCInter),
	} {
		d.take(nil, m)
	}
	if tr := d.layout.Tracks[0]; tr.Codec != media.H264 || len(tr.Header) == 0 || tr.Info.Width == 0 {
		t.Errorf("the track is %+v", tr)
	}
}

// TestDemuxReading checks what the settings of a publisher do with H.264 that could be packed in
// either way.
func TestDemuxReading(t *testing.T) {
	payload := append(sent.Unhex("00000165 65"), bytes.Repeat([]byte{7}, 0x164)...)
	for first, want := range map[bool][]byte{true: append(sent.Unhex("00000166"), payload[3:]...), false: payload} {
		d := newDemux(&logbook.Book{})
		d.Reading = Reading{First: nal.Lengths, Blind: !first}
		if first {
			d.Reading.First = nal.AnnexB
		}
		for _, m := range []sent.Message{
			sent.Wired(sent.Video, 0, sent.AVCHeader), {Kind: sent.Video, Body: append(sent.Unhex("1701000000"), payload...)},
		} {
			for _, f := range d.take(nil, m) {
				if !bytes.Equal(f.Data(), want) {
					t.Errorf("start codes first %t: a frame is %.20x, want %.20x", first, f.Data(), want)
				}
			}
		}
		if d.Count() != 1 || d.layout.Tracks[0].Info.Width > 0 != first {
			t.Errorf("%d frames, %+v", d.count, d.layout.Tracks[0].Info)
		}
	}
}

func newDemux(log *logbook.Book) *Demux {
	return &Demux{Arena: &media.Arena{}, Log: slog.New(slog.NewTextHandler(log, nil))}
}

func TestDemux(t *testing.T) {
	for name, c := range sequences() {
		log := &logbook.Book{}
		d := newDemux(log)
		var frames []*media.Frame
		for _, m := range c.Sent {
			frames = d.take(frames, m)
		}
		if got := sent.Told(nil, frames); got != c.Want {
			t.Errorf("%s:\n got %s\nwant %s\n%s", name, got, c.Want, log)
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
		frames = d.take(frames, sent.Wired(sent.Audio, uint32(n), fmt.Sprintf("95 01 6d703461 %02x 21", n)))
	}
	if len(frames) != maxTracks || len(d.layout.Tracks) != maxTracks || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d frames of %d tracks\n%s", len(frames), len(d.layout.Tracks), log)
	}
}

// FuzzDemux takes messages of | kind u8 | time u32 | size u16 | body | and checks that the
// frames are what readers take for granted.
func FuzzDemux(f *testing.F) {
	for _, c := range sequences() {
		var b []byte
		for _, m := range c.Sent {
			if len(m.Body) > 2000 {
				continue
			}
			b = append(b, m.Kind)
			b = binary.BigEndian.AppendUint32(b, m.Time)
			b = binary.BigEndian.AppendUint16(b, uint16(len(m.Body)))
			b = append(b, m.Body...)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newDemux(&logbook.Book{})
		for len(b) >= 7 {
			size := min(int(binary.BigEndian.Uint16(b[5:])), len(b)-7)
			m := sent.Message{Kind: b[0], Time: binary.BigEndian.Uint32(b[1:]), Body: b[7 : 7+size : 7+size]}
			b = b[7+size:]
			if size == 0 {
				continue // who reads skips them
			}
			frames := d.take(nil, m)
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
			}
		}
	})
}
