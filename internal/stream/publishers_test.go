package stream

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"weir/internal/media"
)

// A simulated publisher: 500 kbit/s in 30 pictures and 43 sounds a second.
const (
	simStreams = 1000
	simFPS     = 30
	simGOP     = 2 * simFPS
	simSounds  = 43
	simSound   = 64 * 1000 / 8 / simSounds // bytes
	simKey     = 10 * simPicture
	simPicture = (500 - 64) * 1000 / 8 * 2 / (simGOP + 9) // the key frame weighs ten
)

// simulated is one of them. It has the memory of its frames from an arena and fills it, as who
// reads a socket does.
type simulated struct {
	*Publisher
	arena  media.Arena
	layout *media.Layout
	shift  int64 // ns: publishers do not have their key frames at the same time
	from   []byte
}

func (s *simulated) frame(track uint8, key bool, size int, at int64) error {
	wire := s.arena.Bytes(size)
	copy(wire, s.from)
	f := s.arena.Frame(nil, wire)
	f.Layout, f.Track, f.Key = s.layout, track, key
	f.DTS, f.PTS, f.At = at, at, at
	return s.WriteFrame(f)
}

// between writes all frames that are due from one moment to another.
func (s *simulated) between(from, to int64) error {
	const second = int64(time.Second)
	from, to = from+s.shift, to+s.shift
	for n := (from*simFPS + second - 1) / second; n*second/simFPS < to; n++ {
		size := simPicture
		if n%simGOP == 0 {
			size = simKey
		}
		if err := s.frame(0, n%simGOP == 0, size, n*second/simFPS); err != nil {
			return err
		}
	}
	for n := (from*simSounds + second - 1) / second; n*second/simSounds < to; n++ {
		if err := s.frame(1, true, simSound, n*second/simSounds); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkPublishers is the memory and the garbage collection of 1,000 publishers whom nobody
// watches, their GOPs cached. One operation is a simulated second of all of them, run as fast
// as it goes, so that its costs can be held against a second of real time.
func BenchmarkPublishers(b *testing.B) {
	const size = simStreams
	before := settle()
	g := newRegistry(cached)
	from := make([]byte, simKey)
	all := make([]*simulated, size)
	for n := range all {
		all[n] = &simulated{
			Publisher: publish(b, g, request(fmt.Sprint(n))).Publisher,
			layout:    &media.Layout{Tracks: pictures().Tracks[:2]},
			shift:     int64(n) * 7919 * int64(time.Millisecond) % int64(2*time.Second),
			from:      from,
		}
	}
	var now, peak, goal int64
	step := int64(20 * time.Millisecond)
	run := func(d int64) {
		for end := now + d; now < end; now += step {
			for _, s := range all {
				if err := s.between(now, now+step); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	run(4 * int64(time.Second)) // the windows are full
	start := measure()
	seconds := 0
	b.ReportAllocs()
	for b.Loop() {
		run(int64(time.Second))
		seconds++
		m := measure()
		peak, goal = max(peak, int64(m.heap)), max(goal, int64(m.goal))
	}
	end := measure()
	live := settle()
	var gop, frames int
	for _, s := range all {
		base, next, bytes := span(s.stream)
		gop += bytes - int(next-base)*frameBytes
		frames += int(next - base)
	}
	runtime.KeepAlive(all)
	per := func(n int64) float64 { return float64(n) / float64(size) / 1024 }
	gc, user := end.gc-start.gc, end.user-start.user
	b.ReportMetric(per(int64(live-before)), "live-KiB/stream")
	b.ReportMetric(per(goal-int64(before)), "heap-goal-KiB/stream")
	b.ReportMetric(per(peak-int64(before)), "peak-heap-KiB/stream")
	b.ReportMetric(per(int64(gop)), "GOP-KiB/stream")
	b.ReportMetric(per(int64(live-before)-int64(gop)), "live-beside-GOP-KiB/stream")
	b.ReportMetric(float64(frames)/float64(size), "frames/stream")
	b.ReportMetric(100*gc/(gc+user), "gc-%of-cpu")
	b.ReportMetric(100*gc/float64(seconds), "gc-%of-a-core")
	b.ReportMetric(100*user/float64(seconds), "user-%of-a-core")
	b.ReportMetric(float64(end.cycles-start.cycles)/float64(seconds), "gcs/s")
	b.ReportMetric(1e6*pauseSince(start.pauses, end.pauses, 0.99), "gc-pause-p99-us")
}

// measured is what the runtime says of its memory and time.
type measured struct {
	gc, user float64 // CPU seconds
	heap     uint64  // bytes
	goal     uint64  // heap bytes at which the next collection ends
	cycles   uint64
	pauses   *metrics.Float64Histogram
}

func measure() measured {
	s := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/user:cpu-seconds"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/cycles/total:gc-cycles"},
		{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/gc/heap/goal:bytes"},
	}
	metrics.Read(s)
	return measured{
		gc: s[0].Value.Float64(), user: s[1].Value.Float64(),
		heap: s[2].Value.Uint64(), cycles: s[3].Value.Uint64(),
		pauses: s[4].Value.Float64Histogram(), goal: s[5].Value.Uint64(),
	}
}

// settle collects all garbage and returns the bytes that are in use. CPU times are brought up to
// date by that too.
func settle() uint64 {
	runtime.GC()
	runtime.GC()
	return measure().heap
}

// pauseSince returns a quantile of the pauses between two histograms, in seconds.
func pauseSince(a, b *metrics.Float64Histogram, q float64) float64 {
	var all, sum uint64
	for i := range b.Counts {
		all += b.Counts[i] - a.Counts[i]
	}
	for i := range b.Counts {
		if sum += b.Counts[i] - a.Counts[i]; sum > 0 && float64(sum) >= q*float64(all) {
			return b.Buckets[i+1]
		}
	}
	return 0
}
