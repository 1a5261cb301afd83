package shelf

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/stream"
)

// newWell is a registry that counts what is brought.
func newWell(t *testing.T, brought map[string]int) *Wishes {
	t.Helper()
	g := stream.NewRegistry(stream.Options{Supply: &stream.Supply{
		Wanted: func(string) bool { return true }, Linger: func(string) time.Duration { return 0 },
		Run: func(ctx context.Context, r *stream.Request) {
			brought[r.Stream]++
			<-ctx.Done()
			brought[r.Stream]--
		},
	}})
	return NewWishes(func() *stream.Registry { return g })
}

// TestWishes keeps what has come for as long as it is asked for, and lets go of what has not.
func TestWishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		brought := map[string]int{}
		w := newWell(t, brought)
		ask := func(name string, here bool) *Asking {
			t.Helper()
			a, err := w.Ask(Name{"v", "live", name}, here)
			if err != nil {
				t.Fatal(name, err)
			}
			return a
		}
		want := func(name string, n, all, sought int) {
			t.Helper()
			synctest.Wait()
			w.Expire(time.Now())
			synctest.Wait()
			if a, s := w.Len(); brought[name] != n || a != all || s != sought {
				t.Errorf("%s: brought %d, %d wishes of which %d never came; want %d, %d, %d", name, brought[name], a, s, n, all, sought)
			}
		}
		r := &stream.Request{Vhost: "v", App: "live", Stream: "a"}
		one, two := ask("a", false), ask("a", false)
		want("a", 0, 1, 1) // nobody has been let in
		one.Summon(r)
		two.Summon(r)
		want("a", 1, 1, 1)
		one.Done(false, time.Hour)
		want("a", 1, 1, 1)
		two.Done(false, time.Hour)
		want("a", 0, 0, 0)
		one = ask("a", false)
		one.Summon(r)
		one.Done(true, 0)
		want("a", 1, 1, 0)
		time.Sleep(leastWish - time.Second)
		one = ask("a", true)
		one.Summon(r)
		time.Sleep(time.Minute)
		want("a", 1, 1, 0) // it still waits
		one.Done(true, 2*leastWish)
		time.Sleep(2*leastWish - time.Second)
		want("a", 1, 1, 0)
		time.Sleep(time.Second)
		want("a", 0, 0, 0)
		one = ask("a", true)
		one.Summon(r)
		w.Stop()
		want("a", 0, 1, 0)
		one.Done(true, 0)
		want("a", 0, 0, 0)
		if _, err := w.Ask(Name{"v", "live", "b"}, false); !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
}

// TestWishesBound has more streams be asked for than there may be.
func TestWishesBound(t *testing.T) {
	w := NewWishes(nil)
	for n := range maxWished {
		here := n >= maxSought
		if _, err := w.Ask(Name{Stream: fmt.Sprint(n)}, here); err != nil {
			t.Fatal(n, err)
		}
		if _, err := w.Ask(Name{Stream: "x"}, false); n >= maxSought-1 && !errors.Is(err, ErrCrowded) {
			t.Fatal(n, err)
		} else if n < maxSought-1 {
			w.all[Name{Stream: "x"}].asking = 0
			w.Expire(time.Now())
		}
	}
	if _, err := w.Ask(Name{Stream: "y"}, true); !errors.Is(err, ErrCrowded) {
		t.Error(err)
	}
	if _, err := w.Ask(Name{Stream: "0"}, false); err != nil {
		t.Error("one that is asked for already:", err)
	}
}

// TestStockAwait waits for somebody who adds.
func TestStockAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestStock()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, ok := s.Await(ctx, Name{Stream: "a"}); ok {
			t.Error("there is one")
		}
		got := make(chan *made, 2)
		for range 2 {
			go func() { m, _ := s.Await(t.Context(), Name{Stream: "a"}); got <- m }()
		}
		synctest.Wait()
		s.Release(s.Occupy(&made{of: "b"}, func(*made) {}))
		m := s.Occupy(&made{of: "a"}, func(*made) {})
		if x, y := <-got, <-got; x != m || y != m {
			t.Error("another has come")
		}
		s.Release(m)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, ok := s.Await(ctx, Name{Stream: "a"}); ok {
			t.Error("nobody adds to it any more")
		}
	})
}
