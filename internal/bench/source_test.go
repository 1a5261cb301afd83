package bench

import (
	"bytes"
	"math"
	"testing"
	"time"

	"weir/internal/codec/aac"
	"weir/internal/codec/h264"
	"weir/internal/format/flv"
	"weir/internal/media"
)

func newTestSource(t testing.TB, bitrate int, fps float64, gop time.Duration) *synthetic {
	t.Helper()
	r, err := newRecipe(&options{bitrate: bitrate, fps: fps, gop: gop})
	if err != nil {
		t.Fatal(err)
	}
	return newSynthetic(r, 7)
}

func TestSyntheticHeaders(t *testing.T) {
	list := newTestSource(t, 1e6, 30, 2*time.Second).headers()
	if name, _, err := flv.ParseScript(list[0].Body); err != nil || name != flv.OnMetaData {
		t.Errorf("description: %q, %v", name, err)
	}
	packets, err := flv.ParseVideo(nil, list[1].Body)
	if err != nil || packets[0].Type != flv.SequenceStart || packets[0].Codec != media.H264 {
		t.Fatalf("video: %v, %v", packets, err)
	}
	info, err := h264.Info(packets[0].Data)
	if err != nil || info.Width != 1280 || info.Height != 720 || info.Profile != "Main" || info.FPS != 30 {
		t.Errorf("video: %+v, %v", info, err)
	}
	packets, err = flv.ParseAudio(nil, list[2].Body)
	if err != nil || packets[0].Type != flv.SequenceStart {
		t.Fatalf("audio: %v, %v", packets, err)
	}
	info, err = aac.Info(packets[0].Data)
	if err != nil || info.SampleRate != 44100 || info.Channels != 2 {
		t.Errorf("audio: %+v, %v", info, err)
	}
}

// TestSynthetic reads ten seconds of streams as a decoder would.
func TestSynthetic(t *testing.T) {
	for _, c := range []struct {
		bitrate int
		fps     float64
		gop     time.Duration
	}{
		{500e3, 30, 2 * time.Second},
		{5e6, 60, time.Second},
		{400e3, 25, 12 * time.Second}, // frame numbers wrap
	} {
		s := newTestSource(t, c.bitrate, c.fps, c.gop)
		group := int(c.fps * c.gop.Seconds())
		now := time.Unix(1800000000, 0)
		size, number, before := 0, 0, time.Duration(0)
		span := max(10*time.Second, 2*c.gop)
		for s.due() < span {
			due := s.due()
			tag := s.next(nil, now.Add(due))
			if tag.Time != due || tag.Time < before {
				t.Fatalf("%+v: time %v, due %v, before %v", c, tag.Time, due, before)
			}
			before = tag.Time
			size += len(tag.Body)
			if tag.Type == flv.TagVideo {
				checkPicture(t, tag, number, group)
				if got, _ := findStamp(tag.Body[videoHead:]); got != (stamp{now.Add(due), uint32(number), 7}) {
					t.Fatalf("%+v: picture %d has %v", c, number, got)
				}
				number++
			}
		}
		if want := int(math.Round(c.fps * span.Seconds())); number != want {
			t.Errorf("%+v: %d pictures, want %d", c, number, want)
		}
		got := float64(8*size) / span.Seconds()
		if math.Abs(got/float64(c.bitrate)-1) > 0.03 {
			t.Errorf("%+v: %.0f bits per second", c, got)
		}
	}
}

// checkPicture reads the units of a picture.
func checkPicture(t *testing.T, tag flv.Tag, number, group int) {
	t.Helper()
	packets, err := flv.ParseVideo(nil, tag.Body)
	if err != nil || packets[0].Key != (number%group == 0) {
		t.Fatalf("picture %d: %v, %v", number, packets, err)
	}
	var types []byte
	for b := packets[0].Data; len(b) > 0; {
		size := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		unit := b[4 : 4+size]
		for _, start := range [][]byte{{0, 0, 0}, {0, 0, 1}, {0, 0, 2}} {
			if bytes.Contains(unit, start) {
				t.Fatalf("picture %d: a unit of type %d has % x in it", number, unit[0]&0x1f, start)
			}
		}
		types, b = append(types, unit[0]&0x1f), b[4+size:]
	}
	want := []byte{unitSEI, unitSlice, unitFiller}
	if number%group == 0 {
		want[1] = unitKeySlice
	}
	if !bytes.Equal(types, want) {
		t.Fatalf("picture %d has units %d, want %d", number, types, want)
	}
}

func TestKeyPicturesDiffer(t *testing.T) {
	s := newTestSource(t, 1e6, 30, time.Second)
	if bytes.Equal(s.key[0], s.key[1]) {
		t.Error("two key pictures that follow each other have the same id")
	}
}

func TestFiller(t *testing.T) {
	for n := range 300 {
		b := appendFiller([]byte{1}, n)
		if n < 6 && len(b) != 1 || n >= 6 && len(b) != 1+n {
			t.Errorf("%d bytes of filler are %d", n, len(b)-1)
		}
	}
}

func TestSilence(t *testing.T) {
	for n := 20; n < 700; n += 7 {
		if got := len(silence(n)); got < n-17 || got > n+2 {
			t.Errorf("%d bytes of silence are %d", n, got)
		}
	}
}

// record makes a file of what a source sends.
func record(t *testing.T, s source, n int) []byte {
	t.Helper()
	file := flv.AppendFileHeader(nil, true, true)
	list := s.headers()
	for range n {
		tag := s.next(nil, time.Unix(1, 0))
		tag.Time += 5 * time.Second // files need not begin at 0
		list = append(list, tag)
	}
	for _, tag := range list {
		var err error
		if file, err = flv.AppendTag(file, tag); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestClip(t *testing.T) {
	const n = 100
	file := record(t, newTestSource(t, 3e5, 25, time.Second), n)
	c, err := readClip(bytes.NewReader(file))
	if err != nil || len(c.header) != 3 || len(c.tags) != n || !c.stamps {
		t.Fatalf("%d headers, %d tags, stamps %v, %v", len(c.header), len(c.tags), c.stamps, err)
	}
	l := &loop{clip: c, stream: 3}
	var times []time.Duration
	pictures := uint32(0)
	for i := range 3 * n {
		due := l.due()
		tag := l.next(nil, time.Unix(100, int64(i)))
		if tag.Time != due || len(times) > 0 && due < times[len(times)-1] {
			t.Fatalf("tag %d: time %v, due %v, before %v", i, tag.Time, due, times[len(times)-1])
		}
		times = append(times, due)
		if tag.Type != flv.TagVideo {
			continue
		}
		s, ok := findStamp(tag.Body[videoHead:])
		if want := (stamp{time.Unix(100, int64(i)), pictures, 3}); !ok || s != want {
			t.Fatalf("tag %d: %v, %v, want %v", i, s, ok, want)
		}
		pictures++
	}
	if gap := times[n] - times[n-1]; gap <= 0 || gap > 50*time.Millisecond {
		t.Errorf("from one round to the next: %v", gap)
	}
	for n := 0; n < len(file); n += 1 + n/10 {
		c, err := readClip(bytes.NewReader(file[:n]))
		if err == nil && len(c.tags) == 0 {
			t.Fatalf("cut at %d: nothing, and no error", n)
		}
	}
	if name, _, err := flv.ParseScript(keepForAll(keepForAll(c.header[0].Body))); err != nil || name != flv.OnMetaData {
		t.Errorf("description: %q, %v", name, err)
	}
}

func BenchmarkSynthetic(b *testing.B) {
	s := newTestSource(b, 1e6, 30, 2*time.Second)
	var body []byte
	b.ReportAllocs()
	for b.Loop() {
		body = s.next(body[:0], time.Unix(1, 2)).Body
	}
}
