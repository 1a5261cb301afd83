package cluster

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

const benchStreams = 10_000

// benchNodes starts a node that has 10,000 streams, and another one.
func benchNodes(b *testing.B) (has, asks *member, keys []string) {
	r := startRedis(b)
	has, asks = startMember(b, r.url(), time.Minute, "a"), startMember(b, r.url(), time.Minute, "b")
	for i := range benchStreams {
		keys = append(keys, fmt.Sprintf("__defaultVhost__/live/stream-%05d", i))
	}
	var all sync.WaitGroup
	for part := range slices.Chunk(keys, benchStreams/16) {
		all.Go(func() {
			for _, key := range part {
				if _, err := has.Claim(b.Context(), key); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	await(b, 5*time.Second, "b knows a", func() bool { return asks.knows("a") })
	b.ReportAllocs()
	return has, asks, keys
}

func (m *member) benchFind(b *testing.B, key string) {
	if f, err := m.Find(b.Context(), key); err != nil || f.Node.ID != "a" {
		b.Fatalf("%s: %+v, %v", key, f, err)
	}
}

func BenchmarkFindCached(b *testing.B) {
	_, m, keys := benchNodes(b)
	for _, key := range keys {
		m.benchFind(b, key)
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		m.benchFind(b, keys[i%benchStreams])
	}
}

// BenchmarkFindFromRedis asks Redis each time: one after the other, and from 32 goroutines at a time.
func BenchmarkFindFromRedis(b *testing.B) {
	_, m, keys := benchNodes(b)
	for _, askers := range []int{1, 32} {
		b.Run(fmt.Sprint("askers=", askers), func(b *testing.B) {
			b.ReportAllocs()
			took := make([][]time.Duration, askers)
			var all sync.WaitGroup
			for n := range askers {
				all.Go(func() {
					for i := n; i < b.N; i += askers {
						key := keys[i*7919%benchStreams]
						m.Forget(key)
						began := time.Now()
						if f, err := m.Find(b.Context(), key); err != nil || f.Node.ID != "a" {
							b.Errorf("%s: %+v, %v", key, f, err)
						}
						took[n] = append(took[n], time.Since(began))
					}
				})
			}
			all.Wait()
			times := slices.Sorted(slices.Values(slices.Concat(took...)))
			b.ReportMetric(float64(times[len(times)/2].Microseconds()), "µs-p50")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "µs-p99")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "finds/s")
		})
	}
}

// BenchmarkRenew renews 10,000 claims.
func BenchmarkRenew(b *testing.B) {
	m, _, _ := benchNodes(b)
	m.end() // the keeper would renew too
	fresh := makeMember(b, m.o.Registry, time.Minute, Node{ID: "c"})
	b.Cleanup(func() { fresh.redis.Close() })
	for i := range benchStreams {
		l, _, err := fresh.take(fmt.Sprintf("__defaultVhost__/live/stream-%05d", i))
		if err != nil {
			b.Fatal(err)
		}
		l.settled = true
	}
	for b.Loop() {
		if err := fresh.renew(b.Context(), true); err != nil {
			b.Fatal(err)
		}
	}
}
