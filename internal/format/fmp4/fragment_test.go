package fmp4

import (
	"bytes"
	"testing"

	"weir/internal/media"
)

// TestFragment writes fragments that boxes can describe in one way or another, and reads them back.
func TestFragment(t *testing.T) {
	pictures, sound := must(t, forms["H.264"].track), must(t, aacTrack(48000))
	piece := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n) }
	for name, c := range map[string]struct {
		track   *Track
		seq     uint32
		at      uint64
		samples []Sample
	}{
		"one key frame":      {pictures, 1, 0, []Sample{{piece(100), 3600, 0, true}}},
		"one, shown later":   {pictures, 1, 90, []Sample{{piece(100), 3600, 7200, false}}},
		"a group":            {pictures, 2, 3600, []Sample{{piece(200), 3600, 0, true}, {piece(20), 3600, 0, false}, {piece(30), 3600, 0, false}}},
		"key frames":         {pictures, 3, 1, []Sample{{piece(20), 3600, 0, true}, {piece(20), 3600, 0, true}}},
		"no key frame":       {pictures, 4, 1, []Sample{{piece(20), 3600, 0, false}, {piece(20), 3600, 0, false}}},
		"the second is key":  {pictures, 4, 1, []Sample{{piece(20), 3600, 0, false}, {piece(20), 3600, 0, true}}},
		"the third is key":   {pictures, 4, 1, []Sample{{piece(9), 3600, 0, true}, {piece(8), 3600, 0, false}, {piece(7), 3600, 0, true}}},
		"pictures reordered": {pictures, 5, 1, []Sample{{piece(9), 3600, 3600, true}, {piece(8), 3600, 10800, false}, {piece(7), 3600, -3600, false}}},
		"durations vary":     {pictures, 6, 1, []Sample{{piece(9), 2970, 0, true}, {piece(8), 3060, 0, false}, {piece(7), 1, 0, false}}},
		"times over 32 bits": {pictures, 1<<32 - 1, 1 << 45, []Sample{{piece(9), 1<<32 - 1, -1 << 31, true}, {piece(8), 0, 1<<31 - 1, false}}},
		"sound":              {sound, 7, 48000, []Sample{{piece(9), 1024, 0, true}, {piece(9), 1024, 0, true}, {piece(9), 1024, 0, true}}},
		"an empty frame":     {sound, 8, 0, []Sample{{piece(0), 1024, 0, true}, {piece(9), 1024, 0, true}}},
	} {
		b, err := c.track.Fragment(c.seq, c.at, c.samples)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := decode(t, append(header(t, pictures, sound), b...))
		if len(f.Segments) != 1 || len(f.Segments[0].Fragments) != 1 {
			t.Errorf("%s: %d segments", name, len(f.Segments))
			continue
		}
		got := f.Segments[0].Fragments[0]
		if h := got.Moof; h.Mfhd.SequenceNumber != c.seq || h.Traf.Tfhd.TrackID != c.track.ID || h.Traf.Tfdt.BaseMediaDecodeTime() != c.at {
			t.Errorf("%s: number %d, track %d, at %d", name, h.Mfhd.SequenceNumber, h.Traf.Tfhd.TrackID, h.Traf.Tfdt.BaseMediaDecodeTime())
		}
		if !got.Moof.Traf.Tfhd.DefaultBaseIfMoof() {
			t.Errorf("%s: offsets do not begin at the fragment", name)
		}
		trex, _ := f.Init.Moov.Mvex.GetTrex(c.track.ID)
		samples, err := got.GetFullSamples(trex)
		if err != nil || len(samples) != len(c.samples) {
			t.Errorf("%s: %d samples, %v", name, len(samples), err)
			continue
		}
		at := c.at
		for i, want := range c.samples {
			s := samples[i]
			if s.DecodeTime != at || s.Dur != want.Duration || s.CompositionTimeOffset != want.Offset || s.IsSync() != want.Key || !bytes.Equal(s.Data, want.Data) {
				t.Errorf("%s: sample %d at %d is %+v; want %+v", name, i, s.DecodeTime, s.Sample, want)
			}
			at += uint64(want.Duration)
		}
	}
	if _, err := pictures.Fragment(1, 0, nil); err == nil {
		t.Error("a fragment of nothing")
	}
}

// TestFragmentCopies has the data be the caller's again.
func TestFragmentCopies(t *testing.T) {
	data := []byte{1, 2, 3}
	b, err := must(t, aacTrack(48000)).Fragment(1, 0, []Sample{{data, 1024, 0, true}})
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(b)
	data[0] = 9
	if !bytes.Equal(b, before) {
		t.Error("the fragment has changed")
	}
}

// TestFragments puts fragments of two tracks behind each other, as players are given them.
func TestFragments(t *testing.T) {
	tracks := []*Track{must(t, forms["HEVC"].track), must(t, audio(media.MP3, 44100, 2, nil))}
	b := header(t, tracks...)
	for seq := range uint32(10) {
		one, err := tracks[seq%2].Fragment(seq+1, uint64(seq), []Sample{{[]byte{byte(seq)}, 1, 0, true}})
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, one...)
	}
	n := uint32(0)
	for _, s := range decode(t, b).Segments {
		for _, f := range s.Fragments {
			if f.Moof.Mfhd.SequenceNumber != n+1 || f.Mdat.Data[0] != byte(n) {
				t.Errorf("fragment %d is %d", n, f.Moof.Mfhd.SequenceNumber)
			}
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d fragments", n)
	}
}
