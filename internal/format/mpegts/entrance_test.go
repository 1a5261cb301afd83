package mpegts

import (
	"bytes"
	"testing"

	"github.com/asticode/go-astits"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// TestEntrance looks for key pictures in streams whose packets say where they are, and in such that do not.
func TestEntrance(t *testing.T) {
	for name, c := range map[string]struct {
		layout    *media.Layout
		key, less byte
		silent    bool // the packets do not say
	}{
		"H.264":         {&media.Layout{Tracks: []*media.Track{avcTrack(t)}}, 0x65, 0x41, false},
		"H.264, silent": {&media.Layout{Tracks: []*media.Track{avcTrack(t)}}, 0x65, 0x41, true},
		"H.265, silent": {&media.Layout{Tracks: []*media.Track{hevcTrack(t)}}, 0x26, 0x02, true},
	} {
		var shots []shot
		for i := range int64(10) {
			first := c.less
			if i%5 == 0 {
				first = c.key
			}
			shots = append(shots, shot{0, i * 40, i * 40, i%5 == 0, nal.Append(nil, slice(900, first, 1))})
		}
		b := write(t, c.layout, both, frames(c.layout, shots))
		if c.silent {
			for i := 0; i < len(b); i += packetSize {
				if b[i+3]&0x20 != 0 && b[i+4] > 0 {
					b[i+5] &^= 0x40
				}
			}
		}
		var e Entrance
		if e.Tables(nil) != nil {
			t.Errorf("%s: there are tables before they have come", name)
		}
		var found []int
		for i := 0; i < len(b); i += packetSize {
			if at := e.Look(b[i : i+packetSize]); at >= 0 {
				found = append(found, i+at)
			}
		}
		if len(found) != 2 {
			t.Fatalf("%s: entrances at %v", name, found)
		}
		var all Entrance
		if at := all.Look(b); at != found[1] {
			t.Errorf("%s: the last entrance is at %d, not %d", name, at, found[1])
		}
		_, got := read(t, append(all.Tables(nil), bytes.Clone(b[found[1]:])...))
		pictures := 0
		for _, s := range got {
			if s.video {
				pictures++
			}
		}
		if pictures != 5 {
			t.Errorf("%s: %d pictures from the entrance on", name, pictures)
		}
	}
}

// Where there are no pictures any sound is an entrance, whatever else the program lists first.
func TestEntranceOfSound(t *testing.T) {
	s := newElementaryStream(t,
		astits.PMTElementaryStream{ElementaryPID: 500, StreamType: astits.StreamTypeSCTE35},
		astits.PMTElementaryStream{ElementaryPID: 300, StreamType: astits.StreamTypeADTS})
	s.pes(300, idAudio, 0, adtsFrame(t, 20))
	var e Entrance
	if at := e.Look(s.b.Bytes()); at != 2*packetSize {
		t.Errorf("the entrance is at %d, not %d", at, 2*packetSize)
	}
}

func FuzzEntrance(f *testing.F) {
	l := &media.Layout{Tracks: []*media.Track{avcTrack(f), aacTrack()}}
	f.Add(write(f, l, both, frames(l, []shot{{0, 0, 0, true, nal.Append(nil, slice(300, 0x65))}})))
	f.Add([]byte{0x47, 0x40, 0, 0x10, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Entrance
		if at := e.Look(b); at >= 0 && (at%packetSize != 0 || at+packetSize > len(b) || len(e.Tables(nil)) == 0) {
			t.Errorf("an entrance at %d of %d bytes", at, len(b))
		}
	})
}
