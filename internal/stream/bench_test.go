package stream

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"weir/internal/media"
)

// benchFrames makes the frames of a benchmark's publisher: pictures with a key frame each 60,
// and sound between them.
type benchFrames struct {
	arena  media.Arena
	layout *media.Layout
	n      int64
}

func (b *benchFrames) next() *media.Frame {
	f := b.arena.Frame(nil, b.arena.Bytes(400))
	f.Layout, f.Track = b.layout, uint8(b.n%2)
	f.Key = b.n%120 == 0 || f.Track == 1
	f.DTS = b.n * int64(tick) / 2
	f.PTS, f.At = f.DTS, f.DTS
	b.n++
	return f
}

func BenchmarkWriteFrame(b *testing.B) {
	for _, readers := range []int{0, 1, 100, 1000} {
		b.Run(fmt.Sprint("readers-", readers), func(b *testing.B) {
			g := newRegistry(cached)
			p := publish(b, g, request("s"))
			var group sync.WaitGroup
			for range readers {
				r := subscribe(b, g, request("s"))
				group.Go(func() {
					dst := make([]*media.Frame, media.MaxBatch)
					for {
						if _, err := r.ReadBatch(dst); err != nil {
							return
						}
					}
				})
			}
			frames := benchFrames{layout: pictures()}
			b.ReportAllocs()
			for b.Loop() {
				if err := p.WriteFrame(frames.next()); err != nil {
					b.Fatal(err)
				}
			}
			p.Close()
			group.Wait()
		})
	}
}

// BenchmarkTrim writes to a stream whose readers do not read: each key frame and each 64th
// frame looks at all of them.
func BenchmarkTrim(b *testing.B) {
	for _, readers := range []int{0, 1000} {
		b.Run(fmt.Sprint("readers-", readers), func(b *testing.B) {
			g := newRegistry(cached)
			p := publish(b, g, request("s"))
			for range readers {
				subscribe(b, g, request("s"))
			}
			frames := benchFrames{layout: pictures()}
			b.ReportAllocs()
			for b.Loop() {
				if err := p.WriteFrame(frames.next()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadBatch(b *testing.B) {
	for _, size := range []int{1, 16, media.MaxBatch} {
		b.Run(fmt.Sprint("frames-", size), func(b *testing.B) {
			g := newRegistry(cached)
			p := publish(b, g, request("s"))
			r := subscribe(b, g, request("s"))
			frames := benchFrames{layout: pictures()}
			for range size {
				if err := p.WriteFrame(frames.next()); err != nil {
					b.Fatal(err)
				}
			}
			dst := make([]*media.Frame, size)
			b.ReportAllocs()
			for b.Loop() {
				r.pos = 0 // again
				if n, err := r.ReadBatch(dst); n != size || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkFanOut writes 16 frames and waits until 1,000 readers have them.
func BenchmarkFanOut(b *testing.B) {
	const readers, batch = 1000, 16
	g := newRegistry(cached)
	p := publish(b, g, request("s"))
	var ended, round sync.WaitGroup
	for range readers {
		r := subscribe(b, g, request("s"))
		ended.Go(func() {
			dst := make([]*media.Frame, media.MaxBatch)
			for got := 0; ; {
				n, err := r.ReadBatch(dst)
				if err != nil {
					return
				}
				for got += n; got >= batch; got -= batch {
					round.Done()
				}
			}
		})
	}
	frames := benchFrames{layout: pictures()}
	list := make([]*media.Frame, batch)
	b.ReportAllocs()
	for b.Loop() {
		for i := range list {
			list[i] = frames.next()
		}
		round.Add(readers)
		if err := p.WriteBatch(list); err != nil {
			b.Fatal(err)
		}
		round.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(readers*batch), "ns/delivery")
	p.Close()
	ended.Wait()
}

func BenchmarkSubscribe(b *testing.B) {
	g := newRegistry(cached)
	const streams = 10_000
	for n := range streams {
		publish(b, g, request(fmt.Sprint(n))).must(b, "KP")
	}
	requests := make([]*Request, streams)
	for n := range requests {
		requests[n] = request(fmt.Sprint(n))
	}
	var n int
	b.ReportAllocs()
	for b.Loop() {
		r, err := g.Subscribe(context.Background(), requests[n%streams])
		if err != nil {
			b.Fatal(err)
		}
		r.Close()
		n++
	}
}
