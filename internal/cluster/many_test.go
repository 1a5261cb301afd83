//go:build soak

package cluster

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestSoakManyStreams has 10,000 streams renewed while 32 ask for others all the time, and Redis restarted.
func TestSoakManyStreams(t *testing.T) {
	r := startRedis(t)
	const lease = 3 * time.Second
	a, b := startMember(t, r.url(), lease, "a"), startMember(t, r.url(), lease, "b")
	var keys []string
	for i := range 10_000 {
		keys = append(keys, fmt.Sprintf("__defaultVhost__/live/stream-%05d", i))
		a.claim(keys[i])
	}
	var all sync.WaitGroup
	const askers = 32
	took := make([][]time.Duration, askers)
	end := time.Now().Add(10 * time.Second)
	for n := range askers {
		all.Go(func() {
			for i := n; time.Now().Before(end); i += askers {
				key := keys[i*7919%len(keys)]
				b.Forget(key)
				began := time.Now()
				if f, err := b.Find(t.Context(), key); err != nil || f.Node.ID != "a" || f.Stale {
					t.Errorf("%s: %+v, %v", key, f, err)
					return
				}
				took[n] = append(took[n], time.Since(began))
			}
		})
	}
	all.Wait()
	times := slices.Sorted(slices.Values(slices.Concat(took...)))
	p := func(n int) time.Duration { return times[len(times)*n/1000] }
	t.Logf("%d look-ups a second, p50 %v, p99 %v, p99.9 %v, longest %v", len(times)/10, p(500), p(990), p(999), times[len(times)-1])
	if p(990) > 100*time.Millisecond {
		t.Error("look-ups are slow")
	}
	if n := r.claims(); n != len(keys) {
		t.Errorf("%d claims are there", n)
	}
	r.stop()
	await(t, 3*time.Second, "a and b know that Redis is away", func() bool { return !a.Reachable() && !b.Reachable() })
	r.start()
	began := time.Now()
	await(t, 3*time.Second, "all is claimed again", func() bool { return r.claims() == len(keys) })
	t.Logf("all is claimed again %v after Redis is back", time.Since(began))
	a.lostNothing()
	if a.log.Count("WARN")+b.log.Count("WARN") != 2 {
		t.Error(a.log.String(), b.log.String())
	}
}
