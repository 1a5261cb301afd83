package fanout

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/leak"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// TestMain fails if tests leave goroutines behind: shards end with their last player.
func TestMain(m *testing.M) { leak.Main(m) }

func noise(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*197 + 91
		b[i] = seed ^ byte(i>>3)
	}
	return b
}

// pair connects two sockets.
func pair() (a, b net.Conn, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	if b, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		return nil, nil, err
	}
	a, err = ln.Accept()
	return a, b, err
}

// source publishes frames: a key frame after nine others, each a tick after the one before.
type source struct {
	t      testing.TB
	hub    *stream.Registry
	to     *stream.Publisher
	layout *media.Layout
	n      int
	size   int // of the frames, if more than their text
}

const tick = 40 * time.Millisecond

func newSource(t testing.TB) *source {
	s := &source{t: t, layout: &media.Layout{Tracks: []*media.Track{{Kind: media.Video, Codec: media.H264}}}}
	s.hub = stream.NewRegistry(stream.Options{Settings: func(string) stream.Settings {
		return stream.Settings{GOPCache: true, QueueLength: 30 * time.Second}
	}})
	p, err := s.hub.Publish(context.Background(), &stream.Request{ID: "p", Vhost: "v", App: "live", Stream: "s"})
	if err != nil {
		t.Fatal(err)
	}
	s.to = p
	t.Cleanup(func() { p.Close() })
	return s
}

// write publishes so many frames, and returns what a log has for them.
func (s *source) write(count int) (text string) {
	s.t.Helper()
	for range count {
		own := fmt.Appendf(nil, "%d ", s.n)
		if s.size > 0 {
			own = append(own, noise(s.size, byte(s.n))...)
		}
		f := media.NewFrame(nil, own)
		f.Layout, f.Key, f.DTS = s.layout, s.n%10 == 0, int64(tick)*int64(s.n)
		f.PTS, f.At = f.DTS, f.DTS
		if err := s.to.WriteFrame(f); err != nil {
			s.t.Fatal(err)
		}
		text += string(own)
		s.n++
	}
	return text
}

// renew publishes another layout from here on.
func (s *source) renew() {
	l := *s.layout
	l.Tracks = []*media.Track{{Kind: media.Video, Codec: media.H264, Config: []byte{byte(s.n)}}}
	s.layout = &l
}

func (s *source) subscribe(pace stream.Pace) *stream.Subscriber {
	s.t.Helper()
	r := &stream.Request{ID: stream.NewID(), Vhost: "v", App: "live", Stream: "s", Wait: true}
	r.Pace = func() stream.Pace { return pace }
	sub, err := s.hub.Subscribe(context.Background(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { sub.Close() })
	return sub
}

// take returns what waits for a reader.
func (s *source) take(sub *stream.Subscriber) stream.Batch {
	s.t.Helper()
	b, err := sub.Take(make([]*media.Frame, media.MaxBatch))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// plain is an encoder of the frames as they are, in two pieces of one buffer. It notes new layouts
// and where it had to begin.
type plain struct {
	layout *media.Layout
	room   []byte
	starts int
}

func (e *plain) Append(dst net.Buffers, f *media.Frame, follows bool) net.Buffers {
	if len(dst) == 0 {
		e.room = e.room[:0]
	}
	if !follows {
		e.starts++
	} else if f.Layout != e.layout {
		dst = append(dst, []byte("new "))
	}
	e.layout = f.Layout
	at := len(e.room)
	e.room = append(e.room, f.Raw()...)
	own := e.room[at:]
	return append(dst, own[:1:1], own[1:])
}

type plainKey struct{}

// log returns the source's log.
func (s *source) log(file bool) (*Log, *plain) {
	s.t.Helper()
	e := &plain{}
	sub := s.subscribe(stream.Pace{})
	defer sub.Close()
	l, release, err := LogOf(sub.Stream(), plainKey{}, file, func() Encoder { return e })
	if errors.Is(err, errors.ErrUnsupported) && runtime.GOOS != "linux" {
		s.t.Skip(err)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(release)
	return l, e
}
