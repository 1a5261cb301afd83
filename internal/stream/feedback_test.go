package stream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFeedbackIsCoalesced(t *testing.T) {
	for name, c := range map[string]struct {
		asks []Feedback
		want Feedback
	}{
		"one":              {[]Feedback{{Key: true}}, Feedback{Key: true}},
		"worst loss":       {[]Feedback{{Loss: 0.1}, {Loss: 0.3}, {Loss: 0.2}}, Feedback{Loss: 0.3}},
		"smallest bitrate": {[]Feedback{{Bitrate: 500}, {}, {Bitrate: 200}, {Bitrate: 300}}, Feedback{Bitrate: 200}},
		"all":              {[]Feedback{{Key: true, Loss: 0.1}, {Bitrate: 7}, {Key: true}}, Feedback{true, 0.1, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRegistry(cached)
				p := publish(t, g, request("s"))
				p.must(t, "K")
				r := subscribe(t, g, request("s"))
				for _, f := range c.asks {
					r.Ask(f)
				}
				if got, err := p.Feedback(t.Context()); got != c.want || err != nil {
					t.Errorf("Feedback = %+v, %v; want %+v", got, err, c.want)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if got, err := p.Feedback(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("then Feedback = %+v, %v", got, err)
				}
			})
		})
	}
}

func TestKeyFramesAreAskedForTwiceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		p.must(t, "K")
		r := subscribe(t, g, request("s"))
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		var at []time.Duration
		var group sync.WaitGroup
		group.Go(func() {
			for {
				f, err := p.Feedback(ctx)
				if err != nil {
					return
				}
				if f.Key {
					at = append(at, time.Since(began))
				}
			}
		})
		for range 20 { // 0 to 1.9 s
			for range 1000 {
				r.Ask(Feedback{Key: true, Loss: 0.5})
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		cancel()
		group.Wait()
		if len(at) != 5 {
			t.Errorf("%d key frames are asked for, at %v", len(at), at)
		}
		for n, d := range at {
			if d != time.Duration(n)*keyEvery {
				t.Errorf("key frame %d is asked for at %s", n, d)
			}
		}
	})
}

func TestKeyFrameForWhoComes(t *testing.T) {
	for _, asks := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newRegistry(Settings{})
			p := publish(t, g, request("s"))
			q := request("s")
			q.Asks = asks
			r := subscribe(t, g, q)
			began := time.Now()
			time.AfterFunc(keyEvery/2, func() { r.Ask(Feedback{Key: true}) })
			for _, want := range map[bool][]time.Duration{false: {0, keyEvery}, true: {keyEvery / 2}}[asks] {
				if f, err := p.Feedback(t.Context()); err != nil || !f.Key || time.Since(began) != want {
					t.Errorf("asks %t: %+v, %v after %s; want it after %s", asks, f, err, time.Since(began), want)
				}
			}
		})
	}
}

func TestKeyWishThatComesTooSoonIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		p.must(t, "K")
		r := subscribe(t, g, request("s"))
		began := time.Now()
		for n, want := range []struct {
			ask bool
			at  time.Duration
			key bool
		}{{true, 0, true}, {true, 100 * time.Millisecond, false}, {false, keyEvery, true}} {
			time.Sleep(time.Duration(n%2) * 100 * time.Millisecond)
			if want.ask {
				r.Ask(Feedback{Key: true, Loss: 0.25})
			}
			f, err := p.Feedback(t.Context())
			if f.Key != want.key || err != nil || time.Since(began) != want.at {
				t.Errorf("call %d: %+v, %v after %s; want key %v at %s", n, f, err, time.Since(began), want.key, want.at)
			}
		}
	})
}

func TestJoiningAsksForAKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		subscribe(t, g, request("s"))
		if f, err := p.Feedback(t.Context()); !f.Key || err != nil {
			t.Errorf("Feedback = %+v, %v", f, err)
		}
		p.must(t, "K")
		time.Sleep(time.Second)
		subscribe(t, g, request("s")).Ask(Feedback{Loss: 1})
		if f, err := p.Feedback(t.Context()); f.Key || err != nil {
			t.Errorf("Feedback = %+v, %v though there is one", f, err)
		}
		p.Close()
		subscribe(t, g, request("s")).Ask(Feedback{Key: true}) // nobody to hear it
	})
}
