package stream

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/media"
	"weir/internal/testkit/leak"
)

// TestMain fails if tests leave goroutines behind; a fuzzer has its own.
func TestMain(m *testing.M) { leak.Main(m) }

// cached are the rules of most tests.
var cached = Settings{GOPCache: true, QueueLength: 30 * time.Second}

func newRegistry(rules Settings, gates ...Gate) *Registry {
	return NewRegistry(Options{Settings: func(string) Settings { return rules }, Gates: gates})
}

func request(name string) *Request {
	return &Request{ID: NewID(), Kind: "test", Vhost: DefaultVhost, App: "live", Stream: name}
}

func publish(t testing.TB, g *Registry, r *Request) *feed {
	t.Helper()
	p, err := g.Publish(context.Background(), r)
	if err != nil {
		t.Fatal("Publish:", err)
	}
	t.Cleanup(func() { p.Close() })
	return &feed{Publisher: p, layout: pictures()}
}

func subscribe(t testing.TB, g *Registry, r *Request) *Subscriber {
	t.Helper()
	s, err := g.Subscribe(context.Background(), r)
	if err != nil {
		t.Fatal("Subscribe:", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// pictures is a layout of video, audio and data; sounds is audio alone.
func pictures() *media.Layout {
	return &media.Layout{Tracks: []*media.Track{
		{Kind: media.Video, Codec: media.H264}, {Kind: media.Audio, Codec: media.AAC}, {Kind: media.Data, Codec: media.AMF},
	}}
}

func sounds() *media.Layout {
	return &media.Layout{Tracks: []*media.Track{{Kind: media.Audio, Codec: media.AAC}}}
}

const tick = 40 * time.Millisecond

// feed writes frames by their letters: K a key frame, P another picture, a sound, d data. Each
// picture, and each sound where there are no pictures, is a tick after the one before.
type feed struct {
	*Publisher
	layout *media.Layout
	now    time.Duration // the true time of the newest frame
	own    time.Duration // the publisher's time minus that
	n      int           // frames so far: the frame's wire is its letter and its number
	size   int           // of the frames, if more than that
}

func (f *feed) frame(letter rune) *media.Frame {
	wire := fmt.Appendf(make([]byte, 0, max(f.size, 8)), "%c%d", letter, f.n)
	wire = wire[:max(f.size, len(wire))]
	out := media.NewFrame(nil, wire)
	out.Layout, out.Key = f.layout, letter != 'P'
	switch letter {
	case 'a':
		out.Track = uint8(f.layout.First(media.Audio))
	case 'd':
		out.Track = uint8(f.layout.First(media.Data))
	}
	if letter == 'K' || letter == 'P' || f.layout.First(media.Video) < 0 {
		f.now += tick
	}
	out.DTS, out.At = int64(f.now+f.own), int64(f.now)
	out.PTS = out.DTS
	f.n++
	return out
}

func (f *feed) write(letters string) error {
	for _, l := range letters {
		if err := f.WriteFrame(f.frame(l)); err != nil {
			return err
		}
	}
	return nil
}

// must writes what has to succeed.
func (f *feed) must(t testing.TB, letters string) {
	t.Helper()
	if err := f.write(letters); err != nil {
		t.Fatalf("writing %q: %v", letters, err)
	}
}

func gops(n int) string { return strings.Repeat("KPPPPPPPPP", n) }

// text renders frames: "K0 P1 P2".
func text(frames []*media.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.TrimRight(string(f.Raw()), "\x00"))
	}
	return b.String()
}

// drain reads what there is to be had without waiting; the last error is its end.
func drain(r *Subscriber) (string, error) {
	var all []*media.Frame
	dst := make([]*media.Frame, 7)
	for {
		n, _, err := r.next(dst)
		all = append(all, dst[:n]...)
		if n == 0 {
			return text(all), err
		}
	}
}

// want drains r and compares.
func want(t testing.TB, r *Subscriber, frames string, end error) {
	t.Helper()
	got, err := drain(r)
	if got != frames || err != end { //nolint:errorlint // the end is to come as it is
		t.Errorf("read %q, %v; want %q, %v", got, err, frames, end)
	}
}

// count numbers the frames that a drain gives.
func count(t testing.TB, r *Subscriber) int {
	t.Helper()
	got, err := drain(r)
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.Fields(got))
}

// span returns the window of a stream.
func span(s *Stream) (base, next uint64, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frames.base, s.frames.next, s.bytes
}

// watch counts the frames of the window that are freed later.
func watch(s *Stream) (n int, freed *atomic.Int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	freed = new(atomic.Int64)
	for pos := s.frames.base; pos < s.frames.next; pos++ {
		runtime.AddCleanup(s.frames.at(pos), func(c *atomic.Int64) { c.Add(1) }, freed)
		n++
	}
	return n, freed
}

func waitFreed(t *testing.T, freed *atomic.Int64, n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); freed.Load() < int64(n); runtime.GC() {
		if time.Now().After(end) {
			t.Fatalf("%d of %d frames have been freed", freed.Load(), n)
		}
		runtime.Gosched()
	}
}
