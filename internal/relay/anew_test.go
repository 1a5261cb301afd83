package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// hang has an origin's process hang, whose connections the kernel keeps: who comes next is served by another one.
func (w *world) hang(name string) {
	o := w.origins[name]
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.feeds)
}

// pause has the publisher pause, who is at all origins, or go on.
func (w *world) pause(on bool) {
	for _, o := range w.origins {
		o.mu.Lock()
		o.pauses = on
		o.mu.Unlock()
	}
}

// dials is how often origins were dialled.
func (w *world) dials() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.told)
}

// bad is how many origins count as having failed lately.
func (w *world) bad() int {
	h := w.relay.health
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.bad)
}

// live reports whether the stream has a publisher here.
func (w *world) live() bool {
	info, ok := w.registry.Find(config.DefaultVhost, "live", "s")
	return ok && info.Publisher != ""
}

// TestPullHangs has the process of the only origin hang, and another one answer at its address: the stream comes from that soon, to
// the viewers that there are. So it does for who waits since before it hung.
func TestPullHangs(t *testing.T) {
	for _, early := range []bool{false, true} {
		t.Run(fmt.Sprint(early), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "a:1")
				v := w.view()
				synctest.Wait()
				if !early {
					w.play(2 * time.Second)
				}
				w.hang("a:1")
				began := time.Now()
				w.play(11 * time.Second)
				gap, _, splices := v.ends()
				if early && len(v.at) > 0 {
					gap = v.at[0].Sub(began)
				}
				if gap < 5900*time.Millisecond || gap > 9200*time.Millisecond || splices > 1 || len(v.frames) < 50 || !errors.Is(v.end, stream.ErrClosed) {
					t.Errorf("gap %s, %d splices, %d frames, %v", gap, splices, len(v.frames), v.end)
				}
				if n := w.dials(); n != 2 {
					t.Errorf("%d dials", n)
				}
			})
		})
	}
}

// TestPullHangsForLong has nobody answer where the only origin hangs: the stream is given up like one whose connection breaks off, and
// comes back with the origin.
func TestPullHangsForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1")
		v := w.view()
		w.play(2 * time.Second)
		w.hang("a:1")
		o := w.origins["a:1"]
		o.mu.Lock()
		o.down = context.DeadlineExceeded
		o.mu.Unlock()
		w.play(9 * time.Second)
		if !w.live() {
			t.Error("it is given up too soon")
		}
		w.play(4 * time.Second)
		if w.live() {
			t.Errorf("it is not given up: %s", &w.log)
		}
		o.mu.Lock()
		o.down = nil
		o.mu.Unlock()
		w.play(4 * time.Second)
		if gap, _, splices := v.ends(); gap > 17*time.Second || splices != 1 {
			t.Errorf("gap %s, %d splices", gap, splices)
		}
	})
}

// TestPullPauses has the publisher pause for a minute, at origins that are well: they are dialled now and then, the viewer stays and
// sees it go on, and no origin counts as bad.
func TestPullPauses(t *testing.T) {
	for most, names := range map[int][]string{4: {"a:1"}, 9: {"a:1", "b:1"}} {
		t.Run(strings.Join(names, " "), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, names...)
				v := w.view()
				w.play(3 * time.Second)
				for range 2 {
					before := w.dials()
					w.pause(true)
					w.play(time.Minute)
					if n := w.dials() - before; n > most || n < 2 {
						t.Errorf("%d dials", n)
					}
					for _, o := range w.origins {
						o.mu.Lock()
						if n := len(o.feeds); n > 2 {
							t.Errorf("%d connections to one origin", n)
						}
						o.mu.Unlock()
					}
					if !w.live() {
						t.Error("it is given up")
					}
					for n, tries := -1, 0; n != w.dials() && tries < 9; tries++ { // who has just come has not been seen to pause
						n = w.dials()
						w.play(time.Second)
					}
					w.pause(false)
					w.play(5 * time.Second)
				}
				if n := w.bad(); n > 0 {
					t.Errorf("%d origins are bad", n)
				}
				if gap, odd, splices := v.ends(); gap > 70*time.Second || odd > 0 || splices > 0 || len(v.frames) < 500 {
					t.Errorf("gap %s, %d odd, %d splices, %d frames", gap, odd, splices, len(v.frames))
				}
			})
		})
	}
}

// TestPullSlowly has a stream with a picture now and then: it stays where it comes from. When that falls silent it is left as soon as
// that can be told.
func TestPullSlowly(t *testing.T) {
	for _, pace := range []time.Duration{1200 * time.Millisecond, 3 * time.Second} {
		t.Run(pace.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "a:1", "b:1")
				w.show.gop = 5
				v := w.view()
				w.playEach(pace, 52*pace) // to the middle of a group of pictures
				if n := w.dials(); n > 3 {
					t.Errorf("%d dials", n)
				}
				if n := w.bad(); n > 0 {
					t.Errorf("%d origins are bad", n)
				}
				w.fall("a:1", errors.New("refused"))
				w.playEach(pace, 4*pace)
				if gap, odd, splices := v.ends(); gap > pace+100*time.Millisecond || odd > 0 || splices > 0 {
					t.Errorf("gap %s, %d odd, %d splices", gap, odd, splices)
				}
			})
		})
	}
}
