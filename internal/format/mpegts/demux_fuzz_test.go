package mpegts

import (
	"errors"
	"io"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// FuzzUnits has the decoders take PES packets, which the sums of tables keep from most of what
// FuzzDemux makes up.
func FuzzUnits(f *testing.F) {
	for name := range goldens {
		b := golden(f, name)
		seen := 0
		for at := 0; at < len(b) && seen < 3; at += packetSize {
			if p, ok := parsePacket(b[at : at+packetSize]); ok && p.start && len(p.payload) > pesHead && p.pid >= 0x100 && p.pid < 0x1000 {
				seen++
				f.Add(p.payload[min(len(p.payload), pesHead+int(p.payload[8])):], uint8(seen), uint16(100))
			}
		}
	}
	kinds := []kind{
		{media: media.Video, codec: media.H264}, {media: media.Video, codec: media.H265}, {media: media.Audio, codec: media.AAC},
		{media: media.Audio, codec: media.AAC, latm: true}, {media: media.Audio, codec: media.MP3}, {media: media.Audio, codec: media.AC3},
		{media: media.Audio, codec: media.Opus, config: string(opusTrack().Config)},
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint8, cut uint16) {
		var h Health
		k := kinds[int(n)%len(kinds)]
		d := k.decoder(0, &DemuxOptions{Arena: &media.Arena{}, DropDamaged: n&128 != 0}, &h)
		at := min(int(cut), len(b))
		for i, part := range [][]byte{b[:at], b[at:], b, b} {
			for _, a := range d.take(nil, &pes{timed: i != 1, pts: 90, dts: 9, entry: true, data: part}) {
				if a.track == nil || len(a.data) == 0 && k.media == media.Video || a.track.Kind != k.media {
					t.Fatalf("%+v", a)
				}
			}
			if i == 2 {
				d.tear()
			}
		}
	})
}

func FuzzDemux(f *testing.F) {
	f.Add(short(f), uint16(7*packetSize), true)
	f.Add([]byte{syncByte, 0x40, 0, 0x10, 0, 0, 0xb0, 13}, uint16(1), false)
	f.Fuzz(func(t *testing.T, b []byte, piece uint16, strict bool) {
		d := NewDemux(&pieces{b: b, next: func() int { return int(piece) }}, DemuxOptions{DropDamaged: strict})
		for {
			f, err := d.ReadFrame()
			if errors.Is(err, io.EOF) || errors.Is(err, ErrNoProgram) || errors.Is(err, ErrNoSync) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			s, data := f.Source(), f.Data()
			if len(data) == 0 || s.Kind == media.Audio && (!f.Key || f.DTS != f.PTS) {
				t.Fatalf("a frame of %s with %d bytes, key %t, at %d and %d", s.Codec, len(data), f.Key, f.DTS, f.PTS)
			}
			if s.Kind == media.Video && (nal.Detect(data, 4) != nal.Normal || len(s.Config) == 0) {
				t.Fatalf("%s: %.30x", s.Codec, data)
			}
		}
		h := d.Health()
		if d.pending != 0 || h.Packets*packetSize+h.Skipped > uint64(len(b)) {
			t.Fatalf("%d bytes pending of %d, %+v", d.pending, len(b), h)
		}
	})
}
