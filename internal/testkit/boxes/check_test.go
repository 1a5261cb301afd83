package boxes

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
)

// makeInit returns the initialization segment of a picture and a sound.
func makeInit(t testing.TB) []byte {
	t.Helper()
	i := mp4.CreateEmptyInit()
	i.AddEmptyTrack(1000, "video", "und")
	i.AddEmptyTrack(48_000, "audio", "und")
	if err := i.Moov.Traks[0].SetVPxDescriptor("vp09", &mp4.VppCBox{Version: 1}, 160, 120); err != nil {
		t.Fatal(err)
	}
	if err := i.Moov.Traks[1].SetAACDescriptor(2, 48_000); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := i.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// makeSegment returns the nth segment, of two fragments with 10 pictures and 20 sounds each.
func makeSegment(t testing.TB, n int, change func(*mp4.Fragment)) []byte {
	t.Helper()
	var b bytes.Buffer
	for part := 2 * n; part < 2*n+2; part++ {
		f, err := mp4.CreateMultiTrackFragment(uint32(part+1), []uint32{1, 2})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 30 {
			flags, id, d, base := mp4.NonSyncSampleFlags, uint32(1), uint32(40), uint64(400*part)
			if k == 0 && part%2 == 0 || k >= 10 {
				flags = mp4.SyncSampleFlags
			}
			if k >= 10 {
				id, d, base = 2, 960, uint64(19_200*part)
			}
			s := mp4.FullSample{Sample: mp4.Sample{Flags: flags, Dur: d, Size: 3}, DecodeTime: base, Data: []byte{1, 2, 3}}
			if err := f.AddFullSampleToTrack(s, id); err != nil {
				t.Fatal(err)
			}
		}
		for _, traf := range f.Moof.Trafs {
			traf.Tfdt.Version = 1
		}
		if change != nil {
			change(f)
		}
		if err := f.Encode(&b); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestGood(t *testing.T) {
	tracks, found := Check(makeInit(t), [][]byte{makeSegment(t, 5, nil), makeSegment(t, 6, nil)})
	for _, f := range found {
		t.Error(f)
	}
	if len(tracks) != 2 {
		t.Fatalf("tracks %+v", tracks)
	}
	for i := range tracks {
		tracks[i].trex = nil
	}
	want := []Track{
		{ID: 1, Kind: "vide", Codec: "vp09", Timescale: 1000, Samples: 40, First: 4000, Last: 5560, End: 5600},
		{ID: 2, Kind: "soun", Codec: "mp4a", Timescale: 48_000, Samples: 80, First: 192_000, Last: 267_840, End: 268_800},
	}
	if !slices.Equal(tracks, want) {
		t.Errorf("%+v", tracks)
	}
	if d := tracks[0].Seconds(tracks[0].End); d != 5600*time.Millisecond {
		t.Errorf("ends at %s", d)
	}
}

func TestSamples(t *testing.T) {
	s := makeSegment(t, 0, nil)
	for cut, want := range map[int]int{len(s): 20, len(s) - 1: 10, len(s) / 2: 10, len(s)/2 - 1: 0, 0: 0} {
		if n := Samples(s[:cut])[1]; n != want {
			t.Errorf("%d of %d bytes: %d samples, want %d", cut, len(s), n, want)
		}
		if n := Whole(s[:cut]); n != want*len(s)/20 {
			t.Errorf("%d of %d bytes: %d are whole", cut, len(s), n)
		}
	}
}

// put changes bytes behind the nth place of a name.
func put(b []byte, name string, nth, behind int, value ...byte) []byte {
	b = slices.Clone(b)
	at := 0
	for range nth + 1 {
		at += bytes.Index(b[at:], []byte(name)) + 4
	}
	copy(b[at+behind:], value)
	return b
}

func TestBadInit(t *testing.T) {
	good := makeInit(t)
	ftyp := int(binary.BigEndian.Uint32(good))
	for name, c := range map[string]struct {
		init []byte
		want string
	}{
		"nothing":      {nil, "no moov"},
		"cut":          {good[:len(good)-1], "cut"},
		"no ftyp":      {good[ftyp:], "no ftyp"},
		"ftyp behind":  {slices.Concat(good[ftyp:], good[:ftyp]), "not the first box"},
		"two moov":     {slices.Concat(good, good[ftyp:]), "two moov"},
		"no mvex":      {put(good, "mvex", 0, -4, []byte("free")...), "no mvex"},
		"other trex":   {put(good, "trex", 1, 4, 0, 0, 0, 9), "track 2 has no trex"},
		"hev1":         {put(good, "vp09", 0, -4, []byte("hev1")...), "hev1"},
		"no timescale": {put(good, "mdhd", 0, 12, 0, 0, 0, 0), "timescale 0"},
		"one track id": {put(good, "tkhd", 1, 12, 0, 0, 0, 1), "track 1 again"},
		"media":        {slices.Concat(good, []byte{0, 0, 0, 8, 'm', 'd', 'a', 't'}), "a box mdat"},
	} {
		_, found := Tracks(c.init)
		says(t, name, found, c.want)
	}
}

func says(t *testing.T, name string, found []string, want string) {
	t.Helper()
	if !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, want) }) {
		t.Errorf("%s: %q is not found, but %q", name, want, found)
	}
}

func TestBadSegments(t *testing.T) {
	made := func(n int, change func(*mp4.Fragment)) []byte { return makeSegment(t, n, change) }
	good, next := made(0, nil), made(1, nil)
	for name, c := range map[string]struct {
		segments [][]byte
		want     string
	}{
		"gap":            {[][]byte{good, made(2, nil)}, "track 2: starts at"},
		"overlap":        {[][]byte{good, made(1, func(f *mp4.Fragment) { f.Moof.Trafs[0].Tfdt.SetBaseMediaDecodeTime(1) })}, "track 1: starts at 1"},
		"sequence":       {[][]byte{good, made(1, func(f *mp4.Fragment) { f.Moof.Mfhd.SequenceNumber = 2 })}, "sequence number 2 behind 2"},
		"base":           {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Traf.Tfhd.Flags = 0 })}, "not from the moof"},
		"tfdt":           {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Traf.Tfdt.Version = 0 })}, "tfdt of version 0"},
		"no duration":    {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Traf.Trun.Samples[3].Dur = 0 })}, "sample 3 has no duration"},
		"sync":           {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Traf.Trun.Samples[0].Flags = mp4.NonSyncSampleFlags })}, "sync sample"},
		"unknown track":  {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Traf.Tfhd.TrackID = 7 })}, "track 7 is not in"},
		"track twice":    {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Trafs[1].Tfhd.TrackID = 1 })}, "track 1 has two traf"},
		"no samples":     {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Traf.Trun.Samples = nil })}, "no samples"},
		"hole":           {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Traf.Trun.Samples[9].Size = 2 })}, "samples end at"},
		"more than data": {[][]byte{made(0, func(f *mp4.Fragment) { f.Moof.Trafs[1].Trun.Samples[9].Size = 4 })}, "and the mdat is from"},
		"offset":         {[][]byte{put(good, "trun", 0, 8, 0, 0, 0, 1)}, "and the mdat is from"},
		"offset in data": {[][]byte{put(good, "trun", 0, 11, good[bytes.Index(good, []byte("trun"))+15]+1)}, "the next begin at"},
		"no mdat":        {[][]byte{put(good, "mdat", 0, -4, []byte("free")...)}, "without its mdat"},
		"cut":            {[][]byte{good[:len(good)-1]}, "cut"},
		"nothing":        {[][]byte{{}}, "no fragment"},
		"another box":    {[][]byte{slices.Concat(good, []byte{0, 0, 0, 8, 'm', 'd', 'a', 't'})}, "a box mdat"},
		"no tfdt":        {[][]byte{put(good, "tfdt", 0, -4, []byte("free")...)}, "without tfhd or tfdt"},
		"twice":          {[][]byte{good, next, next}, "sequence number 3 behind 4"},
	} {
		_, found := Check(makeInit(t), c.segments)
		says(t, name, found, c.want)
	}
}

func FuzzCheck(f *testing.F) {
	init, segment := makeInit(f), makeSegment(f, 0, nil)
	f.Add(init, segment)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		Check(a, [][]byte{b, b})
		Check(init, [][]byte{b})
		if n := Whole(b); n > len(b) || len(Samples(b[:n])) != len(Samples(b)) {
			t.Errorf("%d of %d bytes are whole", n, len(b))
		}
	})
}
