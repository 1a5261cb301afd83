package stream

import (
	"context"
	"fmt"
	"testing"
)

// crowd is how many streams and sessions the registry of a benchmark has.
const crowd = 10_000

// crowded returns a registry of streams that have a publisher each, and their requests.
func crowded(b *testing.B) (*Registry, []*Request) {
	b.Helper()
	g := newRegistry(cached)
	requests := make([]*Request, crowd)
	for n := range requests {
		requests[n] = request(fmt.Sprint(n))
		requests[n].Traffic = &Traffic{}
		if _, err := g.Publish(context.Background(), requests[n]); err != nil {
			b.Fatal(err)
		}
	}
	return g, requests
}

// BenchmarkRegistry is what a publisher costs that comes and goes among many others, and what
// sessions wait for while the API asks; see BenchmarkSubscribe for readers.
func BenchmarkRegistry(b *testing.B) {
	g, requests := crowded(b)
	b.Run("publish", func(b *testing.B) {
		b.ReportAllocs()
		for r := request("new"); b.Loop(); {
			p, err := g.Publish(context.Background(), r)
			if err != nil {
				b.Fatal(err)
			}
			p.Close()
		}
	})
	ids := make([]string, 0, crowd)
	for _, s := range g.Streams() {
		ids = append(ids, s.ID)
	}
	n := 0
	next := func() int { // far from the one before
		n += 7919
		return n % crowd
	}
	for _, x := range []struct {
		name string
		ask  func() bool
	}{
		{"stream", func() bool { _, ok := g.Stream(ids[next()]); return ok }},
		{"session", func() bool { _, ok := g.Session(requests[next()].ID); return ok }},
		{"streams-10", func() bool { return len(g.StreamPage(next()/2, 10)) == 10 }},
		{"sessions-10", func() bool { return len(g.SessionPage(next()/2, 10)) == 10 }},
		{"streams-all", func() bool { return len(g.Streams()) == crowd }},
		{"vhosts", func() bool { return len(g.Vhosts()) == 1 }},
		{"totals", func() bool { return g.Totals().Streams == crowd }},
		{"sample", func() bool { g.sample(); return true }},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !x.ask() {
					b.Fatal("not found")
				}
			}
		})
	}
}
