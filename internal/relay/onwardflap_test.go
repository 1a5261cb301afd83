package relay

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
)

// sound publishes so many seconds, and returns why the publisher ends before, if it does.
func sound(p *stream.Publisher, seconds int) error {
	l := &media.Layout{Tracks: []*media.Track{{Kind: media.Audio, Codec: media.AAC}}}
	for n := range 50 * seconds {
		if err := p.WriteFrame(frame(l, n)); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// TestOnward has the origin that takes a stream let it go: the other one takes it, and nobody else is told.
func TestOnward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTakers(t, "a:1", "b:1")
		x.lets["a:1"] = 2 * time.Second
		p := x.publish()
		if err := sound(p, 5); err != nil {
			t.Fatal(err)
		}
		_ = p.Close()
		x.want("0.0 rtmp://a:1/live/s?token=1", "2.0 rtmp://b:1/live/s?token=1")
		if n := len(x.got["b:1"]); n < 149 || n > 151 {
			t.Errorf("%d frames have come", n)
		}
	})
}

// TestOnwardFlaps has all origins take the stream and let it go at once: they are asked again, less and less often, and then
// the publisher is told.
func TestOnwardFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTakers(t, "a:1", "b:1")
		x.lets["a:1"] = 10 * time.Millisecond
		x.lets["b:1"] = 10 * time.Millisecond
		p := x.publish()
		err := sound(p, 20)
		if !errors.Is(err, errUntaken) {
			t.Errorf("the publisher ends with %v", err)
		}
		synctest.Wait()
		if n := len(x.told); n < 5 || n > 10 {
			t.Errorf("%d attempts: %q", n, x.told)
		}
	})
}

// TestOnwardOnce has an origin be in the list twice, by two names of it: it is asked once.
func TestOnwardOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTakers(t, "a:1", "b:1", "a:1")
		x.say("a:1", syscall.ECONNREFUSED)
		x.say("b:1", syscall.ECONNREFUSED)
		if p, err := x.tryPublish(); err == nil {
			_ = p.Close()
			t.Error("it is taken")
		}
		x.want("0.0 rtmp://a:1/live/s?token=1", "0.0 rtmp://b:1/live/s?token=1")
	})
}
