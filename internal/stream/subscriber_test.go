package stream

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

func TestPace(t *testing.T) {
	// A publisher writes a frame at 0 ms, 99 ms, and then each 100 ms. The reader's batches come
	// at these times, in ms, with so many frames.
	type batch struct{ at, n int }
	for name, c := range map[string]struct {
		pace  Pace
		batch int // what a batch has room for
		start int // frames that are there already
		want  []batch
	}{
		"none":                {Pace{}, 64, 0, []batch{{0, 1}, {99, 1}, {199, 1}}},
		"latency":             {Pace{Latency: 350 * time.Millisecond}, 64, 0, []batch{{0, 1}, {350, 3}, {700, 4}, {1050, 3}}},
		"frames":              {Pace{Frames: 3}, 64, 0, []batch{{0, 1}, {399, 4}, {799, 4}}},
		"frames, 1 s at most": {Pace{Frames: 50}, 64, 0, []batch{{0, 1}, {1000, 10}, {2000, 10}}},
		"both, latency longer": {
			Pace{Latency: 500 * time.Millisecond, Frames: 2}, 64, 0, []batch{{0, 1}, {500, 5}, {1000, 5}},
		},
		"both, frames longer": {
			Pace{Latency: 200 * time.Millisecond, Frames: 5}, 64, 0, []batch{{0, 1}, {599, 6}, {1199, 6}},
		},
		"latency beyond 1 s": {
			Pace{Latency: 1500 * time.Millisecond, Frames: 50}, 64, 0, []batch{{0, 1}, {1500, 15}, {3000, 15}},
		},
		"no pause when behind": {
			Pace{Latency: 350 * time.Millisecond, Frames: 2}, 4, 10, []batch{{0, 4}, {0, 4}, {350, 4}, {700, 4}},
		},
		"more frames than there is room for": {Pace{Frames: 50}, 2, 0, []batch{{0, 1}, {199, 2}, {399, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRegistry(cached)
				p := publish(t, g, request("s"))
				q := request("s")
				q.Pace = func() Pace { return c.pace }
				r := subscribe(t, g, q)
				began := time.Now()
				for range c.start {
					p.must(t, "K")
				}
				go func() {
					for pause := 99 * time.Millisecond; p.write("K") == nil; pause = 100 * time.Millisecond {
						time.Sleep(pause)
					} // until it is closed
				}()
				synctest.Wait()
				dst := make([]*media.Frame, c.batch)
				for n, want := range c.want {
					got, err := r.ReadBatch(dst)
					synctest.Wait()
					if at := time.Since(began).Milliseconds(); err != nil || int(at) != want.at || got != want.n {
						t.Errorf("batch %d: %d frames at %d ms, %v; want %d at %d ms", n, got, at, err, want.n, want.at)
					}
				}
				p.Close()
				time.Sleep(time.Second)
			})
		})
	}
}

func abs(n int) int { return max(n, -n) }

func TestCloseDuringAPause(t *testing.T) {
	for name, pace := range map[string]Pace{
		"latency": {Latency: time.Hour},
		"frames":  {Latency: time.Minute, Frames: 10},
		"wait":    {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRegistry(cached)
				p := publish(t, g, request("s"))
				q := request("s")
				q.Pace = func() Pace { return pace }
				r := subscribe(t, g, q)
				p.must(t, "K")
				if _, err := r.ReadBatch(make([]*media.Frame, 64)); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(time.Second, func() { r.Close() })
				began := time.Now()
				n, err := r.ReadBatch(make([]*media.Frame, 64))
				if n != 0 || !errors.Is(err, ErrClosed) || time.Since(began) != time.Second {
					t.Errorf("ReadBatch = %d, %v after %s", n, err, time.Since(began))
				}
				if _, err := r.ReadFrame(); !errors.Is(err, ErrClosed) {
					t.Errorf("the next read gives %v", err)
				}
				select {
				case <-r.Done():
				default:
					t.Error("Done is open")
				}
			})
		})
	}
}

func TestEndDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		q := request("s")
		q.Pace = func() Pace { return Pace{Latency: 350 * time.Millisecond, Frames: 8} }
		r := subscribe(t, g, q)
		p.must(t, "K")
		dst := make([]*media.Frame, 64)
		if _, err := r.ReadBatch(dst); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(100*time.Millisecond, func() {
			p.must(t, "PP")
			p.Close()
		})
		began := time.Now()
		n, err := r.ReadBatch(dst)
		if n != 2 || err != nil || time.Since(began) > 400*time.Millisecond {
			t.Errorf("ReadBatch = %d, %v after %s; the last frames are not to wait for more", n, err, time.Since(began))
		}
		if n, err = r.ReadBatch(dst); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("ReadBatch = %d, %v at the end", n, err)
		}
	})
}

func TestReadersWaitForThePublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		q := request("s")
		q.Wait = true
		r := subscribe(t, g, q)
		got := make(chan string, 10)
		go func() {
			defer close(got)
			for {
				f, err := r.ReadFrame()
				if err != nil {
					got <- fmt.Sprint(err)
					return
				}
				got <- text([]*media.Frame{f})
			}
		}()
		for range 2 {
			time.Sleep(time.Hour)
			p := publish(t, g, request("s"))
			p.must(t, "KP")
			if a, b := <-got, <-got; a != "K0" || b != "P1" {
				t.Errorf("read %s, %s", a, b)
			}
			p.Close()
			synctest.Wait()
			if len(got) > 0 {
				t.Errorf("the end is told: %s", <-got)
			}
		}
		r.Close()
		if end := <-got; end != ErrClosed.Error() {
			t.Errorf("the last read ends with %s", end)
		}
	})
}

func TestBehind(t *testing.T) {
	g := newRegistry(Settings{GOPCache: true, QueueLength: time.Second})
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	p.must(t, "KPP")
	if n := r.Behind(); n != 3 {
		t.Errorf("Behind = %d, want 3", n)
	}
	p.must(t, gops(100))
	if n := r.Behind(); n > 40 {
		t.Errorf("Behind = %d, more than there is", n)
	}
	want(t, r, text(held(p.stream)[len(held(p.stream))-10:]), nil)
	if n := r.Behind(); n != 0 {
		t.Errorf("Behind = %d at the end", n)
	}
}

func TestSubscriberLayout(t *testing.T) {
	g := newRegistry(cached)
	r := subscribe(t, g, request("s"))
	p := publish(t, g, request("s"))
	p.must(t, "K")
	if r.Layout() == nil {
		t.Error("no layout while there is a publisher")
	}
	p.Close()
	if r.Layout() != nil {
		t.Error("a layout while nobody publishes")
	}
}
