package stream

import (
	"sync/atomic"
	"time"
)

// Histogram is how often a time was how long.
type Histogram struct {
	Bounds []float64 // seconds, ascending
	Counts []uint64  // of the times up to the bound at the same place, and longer than the one before
	Sum    float64   // seconds of all times
	Count  uint64    // of all times, those longer than the last bound included
}

const firstBuckets = 13

// firstBounds are the bounds of the times until a viewer has its first frame.
func firstBounds() [firstBuckets]time.Duration {
	return [...]time.Duration{
		time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond,
		10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second,
	}
}

// firstFrames counts the times until readers have taken their first frames.
type firstFrames struct {
	counts [firstBuckets]atomic.Uint64
	sum    atomic.Int64 // ns
	count  atomic.Uint64
}

func (f *firstFrames) add(d time.Duration) {
	f.sum.Add(int64(d))
	f.count.Add(1)
	for i, bound := range firstBounds() {
		if d <= bound {
			f.counts[i].Add(1)
			return
		}
	}
}

// FirstFrames tells how long it has taken readers of live streams from Subscribe, behind the gates, to
// their first frames.
func (g *Registry) FirstFrames() Histogram {
	f := &g.firsts
	h := Histogram{Sum: time.Duration(f.sum.Load()).Seconds()}
	for i, bound := range firstBounds() {
		h.Bounds = append(h.Bounds, bound.Seconds())
		h.Counts = append(h.Counts, f.counts[i].Load())
	}
	h.Count = f.count.Load()
	return h
}
