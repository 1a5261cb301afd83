package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestResolve has a name server that answers, and then does not: its last answer is used, one look-up is made for all who want the
// name, and who comes a little later does not wait for it again.
func TestResolve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		var asked atomic.Int32
		var down atomic.Bool
		r.lookup = func(ctx context.Context, _ string) ([]string, error) {
			asked.Add(1)
			if down.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return []string{"10.0.0.2", "10.0.0.1"}, nil
		}
		look := func(want string, most time.Duration) {
			t.Helper()
			began := time.Now()
			list, err := r.all(t.Context(), []string{"dns://one.test:1", "h:1", "dns://two.test:1"})
			if got := fmt.Sprint(list, err); got != want || time.Since(began) > most {
				t.Errorf("%s after %s, want %s", got, time.Since(began), want)
			}
		}
		const all = "[10.0.0.1:1 10.0.0.2:1 h:1 10.0.0.1:1 10.0.0.2:1] <nil>"
		look(all, 0)
		down.Store(true)
		look(all, 0)
		time.Sleep(resolvedFor)
		var crowd sync.WaitGroup
		for range 20 {
			crowd.Go(func() { look(all, resolveTime) }) // both names at once
		}
		crowd.Wait()
		look(all, 0)
		if n := asked.Load(); n != 4 {
			t.Errorf("%d look-ups", n)
		}
		time.Sleep(resolvedFor)
		down.Store(false)
		look(all, 0)
		if n := asked.Load(); n != 6 {
			t.Errorf("%d look-ups", n)
		}
	})
}

// TestResolveLeft has who looks a name up for others leave: another one of them does it.
func TestResolveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		r.lookup = func(ctx context.Context, _ string) ([]string, error) {
			select {
			case <-time.After(time.Second):
				return []string{"10.0.0.1"}, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		ctx, leave := context.WithTimeout(t.Context(), time.Second/2)
		defer leave()
		first := make(chan error)
		go func() {
			_, err := r.hosts(ctx, "a.test")
			first <- err
		}()
		synctest.Wait()
		go func() {
			hosts, err := r.hosts(t.Context(), "a.test")
			first <- err
			if fmt.Sprint(hosts) != "[10.0.0.1]" {
				t.Errorf("found %v", hosts)
			}
		}()
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who leaves is told %v", err)
		}
		if err := <-first; err != nil {
			t.Errorf("who stays is told %v", err)
		}
	})
}
