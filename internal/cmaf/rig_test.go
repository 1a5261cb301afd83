package cmaf

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/codec/h265"
	"weir/internal/codec/opus"
	"weir/internal/format/fmp4"
	"weir/internal/media"
)

const (
	ms     = int64(time.Millisecond)
	second = int64(time.Second)
)

var (
	sps  = []byte("\x67\x42\xc0\x28\xd9\x00\x78\x02\x27\xe5\x84\x00\x00\x03\x00\x04\x00\x00\x03\x00\xf0\x3c\x60\xc9\x20")
	pps  = []byte("\x68\xee\x3c\x80")
	vps5 = []byte("\x40\x01\x0c\x01\xff\xff\x02\x20")
	sps5 = []byte("\x42\x01\x01\x02\x20\x00\x00\x03\x00\xb0\x00\x00\x03\x00\x00\x03\x00\x7b\xa0\x07\x82\x00\x88\x7d" +
		"\xb6\x71\x8b\x92\x44\x80\x53\x88\x88\x92\xcf\x24\xa6\x92\x72\xc9\x12\x49\x22\xdc\x91\xaa\x48\xfc" +
		"\xa2\x23\xff\x00\x01\x00\x01\x6a\x02\x02\x02\x01")
	pps5 = []byte("\x44\x01\xc0\x25\x2f\x05\x32\x40")
)

func avc() *media.Track {
	config, err := h264.AppendConfig(nil, [][]byte{sps}, [][]byte{pps})
	if err != nil {
		panic(err)
	}
	return &media.Track{Kind: media.Video, Codec: media.H264, Config: config}
}

func hevc() *media.Track {
	config, err := h265.AppendConfig(nil, [][]byte{vps5}, [][]byte{sps5}, [][]byte{pps5})
	if err != nil {
		panic(err)
	}
	return &media.Track{Kind: media.Video, Codec: media.H265, Config: config}
}

func sound(rate int) *media.Track {
	return &media.Track{Kind: media.Audio, Codec: media.AAC, Config: aac.AppendConfig(nil, aac.Config{Type: aac.LC, Rate: rate, Layout: 2})}
}

func opusSound() *media.Track {
	return &media.Track{Kind: media.Audio, Codec: media.Opus, Config: opus.AppendHead(nil, opus.Head{Channels: 2, Rate: 48000})}
}

func layout(tracks ...*media.Track) *media.Layout { return &media.Layout{Tracks: tracks} }

// shot is a frame before it has a layout.
type shot struct {
	track    uint8
	dts, pts int64
	key      bool
	data     []byte // nil: damaged
}

// pictures are frames at a rate, the stamps of which are rounded to milliseconds.
func pictures(from, to int64, fps float64, group int) (list []shot) {
	for i := 0; ; i++ {
		at := from + int64(float64(i)*1000/fps+0.5)*ms
		if at >= to {
			return list
		}
		list = append(list, shot{0, at, at, i%group == 0, []byte{0, 0, 0, 2, 0x41, byte(i)}})
	}
}

// tones are frames of sound of so many samples, the stamps of which are off by something.
func tones(track uint8, from, to int64, rate, samples int, off func(i int) int64) (list []shot) {
	for i := 0; ; i++ {
		at := from + int64(i)*int64(samples)*second/int64(rate)
		if at >= to {
			return list
		}
		if off != nil {
			at += off(i)
		}
		at = max(0, (at+ms/2)/ms*ms)
		list = append(list, shot{track, at, at, true, []byte{0xfc, byte(i), byte(i >> 8)}})
	}
}

// rig drives a packager.
type rig struct {
	t      testing.TB
	p      *packager
	part   time.Duration
	layout *media.Layout
	chunks []*Chunk
}

func newRig(t testing.TB, part time.Duration, tracks ...*media.Track) *rig {
	r := &rig{t: t, part: part, layout: layout(tracks...)}
	r.p = newPackager(func() time.Duration { return r.part }, func(c *Chunk) { r.chunks = append(r.chunks, c) })
	return r
}

// feed gives frames to the packager in the order of their times.
func (r *rig) feed(lists ...[]shot) *rig {
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b shot) int { return int((a.dts - b.dts) / ms) })
	for _, s := range all {
		f := media.NewFrame(nil, s.data)
		f.Layout, f.Track, f.Key, f.DTS, f.PTS = r.layout, s.track, s.key, s.dts, s.pts
		r.p.frame(f)
	}
	return r
}

// follow goes on with another layout.
func (r *rig) follow(publisher uint64, tracks ...*media.Track) *rig {
	r.layout = layout(tracks...)
	r.layout.Publisher = publisher
	return r
}

func (r *rig) finish() *rig {
	r.p.finish()
	return r
}

// read returns what a fragment has, and fails if it does not say of itself what the chunk says.
func read(t testing.TB, n *fmp4.Track, f *Fragment) []mp4.FullSample {
	t.Helper()
	if len(f.Data) == 0 {
		return nil
	}
	file, err := mp4.DecodeFile(bytes.NewReader(f.Data))
	if err != nil || len(file.Segments) != 1 || len(file.Segments[0].Fragments) != 1 {
		t.Fatalf("a fragment that is none: %v", err)
	}
	samples, err := file.Segments[0].Fragments[0].GetFullSamples(nil)
	if err != nil || len(samples) == 0 {
		t.Fatal(samples, err)
	}
	traf := file.Segments[0].Fragments[0].Moof.Traf
	if traf.Tfhd.TrackID != n.ID {
		t.Errorf("a fragment of track %d, not %d", traf.Tfhd.TrackID, n.ID)
	}
	var lasts uint64
	for _, s := range samples {
		lasts += uint64(s.Dur)
		if s.Dur == 0 {
			t.Errorf("a frame at %d that lasts no time", s.DecodeTime)
		}
	}
	first := int64(f.Base) + int64(samples[0].CompositionTimeOffset)
	if samples[0].DecodeTime != f.Base || lasts != f.Duration || first != f.First {
		t.Errorf("at %d, shown at %d, for %d; the chunk says %d, %d, %d", samples[0].DecodeTime, first, lasts, f.Base, f.First, f.Duration)
	}
	return samples
}

// reads returns the frames of one kind in all chunks.
func (r *rig) reads(kind media.Kind) (all []mp4.FullSample) {
	r.t.Helper()
	for _, c := range r.chunks {
		if kind == media.Video && c.Tracks.Video != nil {
			all = append(all, read(r.t, c.Tracks.Video, &c.Video)...)
		}
		if kind == media.Audio && c.Tracks.Audio != nil {
			all = append(all, read(r.t, c.Tracks.Audio, &c.Audio)...)
		}
	}
	return all
}

// check fails on whatever is wrong with any chunks: numbers that do not rise, times that do not follow.
func (r *rig) check() *rig {
	r.t.Helper()
	var seq uint32
	ends := map[*fmp4.Track]uint64{}
	reach := map[media.Kind]int64{} // ns
	for i, c := range r.chunks {
		if c.Size() == 0 || len(c.Tracks.All()) == 0 || c.At.IsZero() {
			r.t.Fatalf("chunk %d: %+v", i, c)
		}
		if c.Tracks.Video == nil && len(c.Video.Data) > 0 || c.Tracks.Audio == nil && len(c.Audio.Data) > 0 {
			r.t.Errorf("chunk %d: frames of a track that is not there", i)
		}
		if i == 0 && (!c.Cut || !c.Key) {
			r.t.Error("the first chunk follows nothing")
		}
		if i > 0 {
			r.follows(i, r.chunks[i-1], c)
		}
		for _, part := range []struct {
			n *fmp4.Track
			f *Fragment
		}{{c.Tracks.Video, &c.Video}, {c.Tracks.Audio, &c.Audio}} {
			if len(part.f.Data) == 0 {
				continue
			}
			samples := read(r.t, part.n, part.f)
			if part.n == c.Tracks.Video && (len(samples) != c.Pictures || samples[0].IsSync() != c.Key) {
				r.t.Errorf("chunk %d: %d pictures of %d, key %t", i, c.Pictures, len(samples), c.Key)
			}
			n := sequence(part.f.Data)
			if n != seq+1 {
				r.t.Errorf("chunk %d: fragment %d behind %d", i, n, seq)
			}
			seq = n
			if end, ok := ends[part.n]; ok && !c.Cut && end != part.f.Base {
				r.t.Errorf("chunk %d: track %d goes on at %d, not at %d", i, part.n.ID, part.f.Base, end)
			}
			if at := part.n.Time(int64(part.f.Base)); at < reach[part.n.Source.Kind]-1 {
				r.t.Errorf("chunk %d: track %d goes back to %d from %d", i, part.n.ID, at, reach[part.n.Source.Kind])
			}
			ends[part.n] = part.f.Base + part.f.Duration
			reach[part.n.Source.Kind] = part.n.Time(int64(ends[part.n]))
		}
		lead := &c.Video
		if c.Tracks.Video == nil {
			lead = &c.Audio
		}
		if n := c.Tracks.Lead(); c.Start != n.Time(int64(lead.Base)) || c.End() != n.Time(int64(lead.Base+lead.Duration)) || c.Duration <= 0 {
			r.t.Errorf("chunk %d: from %d to %d; the leading track is at %d for %d", i, c.Start, c.End(), lead.Base, lead.Duration)
		}
	}
	return r
}

func (r *rig) follows(i int, before, c *Chunk) {
	r.t.Helper()
	if !c.Cut && c.Start != before.End() {
		r.t.Errorf("chunk %d begins at %d, not at %d", i, c.Start, before.End())
	}
	seam := int64(1)
	if (c.Tracks.Video == nil) != (before.Tracks.Video == nil) {
		seam = tolerance * ms // of pictures and sound, which do not end together
	}
	if c.Start < before.End()-seam {
		r.t.Errorf("chunk %d goes back to %d from %d", i, c.Start, before.End())
	}
	if c.Tracks != before.Tracks && (!c.Key || !c.Cut) {
		r.t.Errorf("chunk %d has other tracks, and is no start: key %t, cut %t", i, c.Key, c.Cut)
	}
	if c.Tracks != before.Tracks && c.Tracks.same(before.Tracks) {
		r.t.Errorf("chunk %d has other tracks, which are the same", i)
	}
}

// sequence returns a fragment's number: | moof u32 u32 | mfhd u32 u32 | version and flags u32 | number u32 |
func sequence(b []byte) uint32 {
	return uint32(b[20])<<24 | uint32(b[21])<<16 | uint32(b[22])<<8 | uint32(b[23])
}

// casts names the tracks of chunks, one run of equal pointers behind the other.
func (r *rig) casts() (list []string) {
	for i, c := range r.chunks {
		if i > 0 && c.Tracks == r.chunks[i-1].Tracks {
			continue
		}
		name := ""
		for _, n := range c.Tracks.All() {
			name += n.Source.Codec.String() + " "
		}
		list = append(list, name[:len(name)-1])
	}
	return list
}

func (r *rig) wantCasts(want ...string) {
	r.t.Helper()
	if got := r.casts(); !slices.Equal(got, want) {
		r.t.Errorf("tracks %q; want %q", got, want)
	}
}

// cuts returns where something is missing before a chunk.
func (r *rig) cuts() (at []int64) {
	for _, c := range r.chunks {
		if c.Cut {
			at = append(at, c.Start/ms)
		}
	}
	return at
}

func (r *rig) wantCuts(want ...int64) {
	r.t.Helper()
	if got := r.cuts(); !slices.Equal(got, want) {
		r.t.Errorf("cuts at %d ms; want %d", got, want)
	}
}
