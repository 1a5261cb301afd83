package relay

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// keepers are origins that streams are sent to, by address. What they do with one is its error, or nothing: they keep it.
type keepers struct {
	*stage
	mu     sync.Mutex
	does   map[string]func(ctx context.Context, open func(stream.Cargo) *stream.Subscriber) error
	frames map[string]int // that have come
}

// newKeepers has an edge of these origins, all of which take streams.
func newKeepers(t *testing.T, names ...string) *keepers {
	w := &keepers{does: map[string]func(context.Context, func(stream.Cargo) *stream.Subscriber) error{}, frames: map[string]int{}}
	w.stage = newStage(t, Scheme{Push: func(ctx context.Context, url string, _ transport.Visit, open func(stream.Cargo) *stream.Subscriber, _ <-chan struct{}) error {
		name, _, _ := strings.Cut(strings.TrimPrefix(url, "rtmp://"), "/")
		w.tell("push " + url)
		w.mu.Lock()
		do := w.does[name]
		w.mu.Unlock()
		return do(ctx, open)
	}})
	for _, name := range names {
		w.sets(name, w.keeps(name))
	}
	w.change(func(v *config.Vhost) { v.Cluster = config.Cluster{Mode: "remote", Origin: names} })
	return w
}

func (w *keepers) sets(name string, do func(context.Context, func(stream.Cargo) *stream.Subscriber) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.does[name] = do
}

// keeps takes a stream to its end.
func (w *keepers) keeps(name string) func(context.Context, func(stream.Cargo) *stream.Subscriber) error {
	return func(ctx context.Context, open func(stream.Cargo) *stream.Subscriber) error {
		sub := open("")
		if sub == nil {
			return context.Cause(ctx)
		}
		defer sub.Close()
		defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
		for {
			if _, err := sub.ReadFrame(); err != nil {
				return nil
			}
			w.mu.Lock()
			w.frames[name]++
			w.mu.Unlock()
		}
	}
}

// lets takes a stream, and lets it go after a while.
func lets(d time.Duration) func(context.Context, func(stream.Cargo) *stream.Subscriber) error {
	return func(ctx context.Context, open func(stream.Cargo) *stream.Subscriber) error {
		if sub := open(""); sub != nil {
			defer sub.Close()
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
		return errors.New("it closes")
	}
}

// send publishes so many seconds, and returns why the publisher ends before, if it does.
func (w *keepers) send(p *stream.Publisher, seconds int) error {
	l := &media.Layout{Tracks: []*media.Track{{Kind: media.Audio, Codec: media.AAC}}}
	for n := range 50 * seconds {
		if err := p.WriteFrame(frame(l, n)); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// attempts is how often an origin was asked to take the stream.
func (w *keepers) attempts() int {
	w.stage.mu.Lock()
	defer w.stage.mu.Unlock()
	return len(w.told)
}

// TestOnward has the origin that takes a stream let it go: the other one takes it, and nobody else is told.
func TestOnward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newKeepers(t, "a:1", "b:1")
		w.sets("a:1", lets(2*time.Second))
		p := w.publish()
		if err := w.send(p, 5); err != nil {
			t.Fatal(err)
		}
		_ = p.Close()
		w.want("0.0 push rtmp://a:1/live/s?token=1", "2.0 push rtmp://b:1/live/s?token=1")
		if n := w.frames["b:1"]; n < 149 || n > 151 {
			t.Errorf("%d frames have come", n)
		}
	})
}

// TestOnwardFlaps has all origins take the stream and let it go at once: they are asked again, less and less often, and then
// the publisher is told.
func TestOnwardFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newKeepers(t, "a:1", "b:1")
		w.sets("a:1", lets(10*time.Millisecond))
		w.sets("b:1", lets(10*time.Millisecond))
		p := w.publish()
		err := w.send(p, 20)
		if !errors.Is(err, errUntaken) {
			t.Errorf("the publisher ends with %v", err)
		}
		synctest.Wait()
		if n := w.attempts(); n < 5 || n > 10 {
			t.Errorf("%d attempts: %q", n, w.told)
		}
	})
}
