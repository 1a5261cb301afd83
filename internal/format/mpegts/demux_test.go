package mpegts

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"weir/internal/codec/nal"
	"weir/internal/media"
)

// take takes a transport stream apart, and expects no other end than that of its bytes.
func take(t testing.TB, b []byte, o DemuxOptions) ([]*media.Frame, Health) {
	t.Helper()
	list, h, err := takeFrom(bytes.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return list, h
}

func takeFrom(r io.Reader, o DemuxOptions) (list []*media.Frame, h Health, err error) {
	d := NewDemux(r, o)
	for {
		f, err := d.ReadFrame()
		if errors.Is(err, io.EOF) {
			return list, d.Health(), nil
		}
		if err != nil {
			return list, d.Health(), err
		}
		list = append(list, f)
	}
}

func TestDemuxWhatMuxWrites(t *testing.T) {
	mp3 := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 413)...)
	low := append([]byte{0xff, 0xf3, 0x90, 0x00}, make([]byte, 257)...) // of 22 kHz
	for name, c := range map[string]struct {
		video, audio *media.Track
		idr, p, unit []byte
	}{
		"H.264, AAC":  {avcTrack(t), aacTrack(), slice(40000, 0x65), slice(5000, 0x41), slice(370)},
		"H.265, AAC":  {hevcTrack(t), aacTrack(), slice(40000, 0x26, 1), slice(5000, 0x02, 1), slice(184)},
		"AAC":         {nil, aacTrack(), nil, nil, slice(370)},
		"MP3":         {nil, &media.Track{Kind: media.Audio, Codec: media.MP3, Info: media.Info{SampleRate: 44100, Channels: 2}}, nil, nil, mp3},
		"MP3, 22 kHz": {nil, &media.Track{Kind: media.Audio, Codec: media.MP3, Info: media.Info{SampleRate: 22050, Channels: 2}}, nil, nil, low},
		"Opus":        {nil, opusTrack(), nil, nil, slice(600, 0xfc)},
		"H.264":       {avcTrack(t), nil, slice(300, 0x65), slice(1, 0x41), nil},
	} {
		l := &media.Layout{}
		var shots []shot
		if c.video != nil {
			l.Tracks = append(l.Tracks, c.video)
		}
		audio := uint8(len(l.Tracks))
		if c.audio != nil {
			l.Tracks = append(l.Tracks, c.audio)
		}
		for i := range int64(60) {
			if c.video != nil {
				u := c.p
				if i%25 == 0 {
					u = c.idr
				}
				shots = append(shots, shot{0, i*40 + i%3*40, i * 40, i%25 == 0, nal.Append(nil, u)})
			}
			if c.audio != nil {
				shots = append(shots, shot{audio, i*40 + 7, i*40 + 7, true, c.unit})
			}
		}
		want := frames(l, shots)
		got, h := take(t, write(t, l, both, want), DemuxOptions{})
		if len(got) != len(want) {
			t.Errorf("%s: %d frames; want %d; %+v", name, len(got), len(want), h)
			continue
		}
		if h.Damaged+h.Corrupt+h.Lost+h.Dropped+h.Skipped+h.Unknown > 0 {
			t.Errorf("%s: %+v", name, h)
		}
		layout := got[0].Layout
		for i, tr := range layout.Tracks {
			if w := l.Tracks[i]; tr.Codec != w.Codec || !bytes.Equal(tr.Config, w.Config) || tr.Kind != w.Kind || tr.Info.SampleRate != w.Info.SampleRate && w.Info.SampleRate > 0 {
				t.Errorf("%s: track %+v; want %+v", name, tr, w)
			}
		}
		for n := range layout.Tracks {
			g, w := of(got, n), of(want, n)
			for i := range g {
				if g[i].Layout != layout || g[i].Key != w[i].Key || !bytes.Equal(g[i].Data(), w[i].Data()) ||
					g[i].DTS != w[i].DTS+1e9 || g[i].PTS != w[i].PTS+1e9 {
					t.Fatalf("%s: track %d, frame %d: %v %d %d %.20x; want %v %d %d %.20x", name, n, i,
						g[i].Key, g[i].DTS, g[i].PTS, g[i].Data(), w[i].Key, w[i].DTS+1e9, w[i].PTS+1e9, w[i].Data())
				}
			}
		}
	}
}

func of(list []*media.Frame, track int) (part []*media.Frame) {
	for _, f := range list {
		if int(f.Track) == track {
			part = append(part, f)
		}
	}
	return part
}
