package cmaf

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// keeper is a kind of output that keeps all it is given.
type keeper struct {
	name string
	on   atomic.Bool
	part atomic.Int64 // ns
	bad  atomic.Bool  // it panics at the next call
	slow atomic.Int64 // ns that its next chunk takes

	mu   sync.Mutex
	runs [][]*Chunk
	ends int
}

func newKeeper(name string, on bool, part time.Duration) *keeper {
	k := &keeper{name: name}
	k.on.Store(on)
	k.part.Store(int64(part))
	return k
}

func (k *keeper) kind() Kind {
	return Kind{
		Name:   k.name,
		Wanted: func(string) bool { return k.on.Load() },
		Part:   func(string) time.Duration { return time.Duration(k.part.Load()) },
		Open: func(sub *stream.Subscriber) Output {
			k.fail()
			if sub.Stream().Publication() == nil {
				panic("no publication")
			}
			k.mu.Lock()
			defer k.mu.Unlock()
			k.runs = append(k.runs, nil)
			return k
		},
	}
}

func (k *keeper) fail() {
	if k.bad.Load() {
		panic("on purpose")
	}
}

func (k *keeper) Chunk(c *Chunk) {
	k.fail()
	time.Sleep(time.Duration(k.slow.Swap(0)))
	k.mu.Lock()
	defer k.mu.Unlock()
	n := len(k.runs) - 1
	k.runs[n] = append(k.runs[n], c)
}

func (k *keeper) End() {
	k.fail()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ends++
}

// want checks how many runs there have been, and how many have ended.
func (k *keeper) want(t *testing.T, what string, runs, ends int) {
	t.Helper()
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.runs) != runs || k.ends != ends {
		t.Errorf("%s: %s has begun %d times and ended %d times; want %d, %d", what, k.name, len(k.runs), k.ends, runs, ends)
	}
}

// run returns the chunks of one run.
func (k *keeper) run(n int) []*Chunk {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.runs[n])
}

// house is a registry with an output of several kinds.
type house struct {
	t        *testing.T
	registry *stream.Registry
	settings atomic.Pointer[int]
	log      logbook.Book
}

// inHouse runs a test in a bubble.
func inHouse(t *testing.T, keepers []*keeper, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t}
		h.settings.Store(new(int))
		var kinds []Kind
		for _, k := range keepers {
			kinds = append(kinds, k.kind())
		}
		log := slog.New(slog.NewTextHandler(&h.log, nil))
		h.registry = stream.NewRegistry(stream.Options{
			Standing: []stream.Standing{Standing(log, func() any { return h.settings.Load() }, kinds...)}, Log: log,
			Settings: func(string) stream.Settings { return stream.Settings{QueueLength: 5 * time.Second} },
		})
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = h.registry.Run(ctx) })
		test(t, h)
		cancel()
		work.Wait()
	})
}

// change has other settings be in force.
func (h *house) change(do func()) {
	do()
	h.settings.Store(new(int))
	h.registry.Review()
	synctest.Wait()
}

func (h *house) publish() *stream.Publisher {
	h.t.Helper()
	p, err := h.registry.Publish(h.t.Context(), &stream.Request{
		ID: stream.NewID(), Kind: "test-publish", Vhost: stream.DefaultVhost, App: "live", Stream: "a", Name: "a",
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// play publishes what shots there are, in real time, as one layout's.
func (h *house) play(p *stream.Publisher, l *media.Layout, lists ...[]shot) {
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b shot) int { return int((a.dts - b.dts) / ms) })
	for i, s := range all {
		if i > 0 {
			time.Sleep(time.Duration(s.dts - all[i-1].dts))
		}
		f := media.NewFrame(nil, s.data)
		f.Layout, f.Track, f.Key, f.DTS, f.PTS, f.At = l, s.track, s.key, s.dts, s.pts, media.Now()
		_ = p.WriteFrame(f) // it may have been ended
	}
	time.Sleep(time.Second)
	synctest.Wait()
}

func both() *media.Layout { return layout(avc(), sound(48000)) }

func span(from, to int64) [][]shot {
	return [][]shot{pictures(from, to, 25, 50), tones(1, from, to, 48000, 1024, nil)}
}

// whole fails unless chunks follow each other, and returns their pictures.
func whole(t *testing.T, what string, list []*Chunk) (pictures int) {
	t.Helper()
	for i, c := range list {
		if pictures += c.Pictures; i > 0 && (c.Cut || c.Start != list[i-1].End()) {
			t.Errorf("%s: chunk %d at %v does not follow", what, i, time.Duration(c.Start))
		}
	}
	if len(list) == 0 || !list[0].Key {
		t.Errorf("%s: %d chunks, or no key frame to begin with", what, len(list))
	}
	return pictures
}

// TestStanding has two kinds be switched on and off while a stream is live.
func TestStanding(t *testing.T) {
	a, b := newKeeper("a", true, 0), newKeeper("b", false, 200*time.Millisecond)
	inHouse(t, []*keeper{a, b}, func(t *testing.T, h *house) {
		p, l := h.publish(), both()
		h.play(p, l, span(0, 5*second)...)
		a.want(t, "one is wanted", 1, 0)
		b.want(t, "one is wanted", 0, 0)
		h.change(func() { b.on.Store(true) })
		h.play(p, l, span(5*second, 11*second)...)
		b.want(t, "the other too", 1, 0)
		h.change(func() { b.on.Store(false) })
		h.play(p, l, span(11*second, 15*second)...)
		a.want(t, "one again", 1, 0)
		b.want(t, "one again", 1, 1)
		_ = p.Close()
		synctest.Wait()
		time.Sleep(time.Second)
		a.want(t, "at the end", 1, 1)
		if n := whole(t, "the first", a.run(0)); n != 15*25 {
			t.Errorf("%d pictures; want all", n)
		}
		list := b.run(0)
		whole(t, "the second", list)
		if list[0].Limit > 210*time.Millisecond && list[len(list)-1].Limit > 210*time.Millisecond {
			t.Errorf("nobody has asked for chunks of %v", list[0].Limit)
		}
		if !slices.Contains(a.run(0), list[0]) {
			t.Error("chunks are not shared")
		}

		p = h.publish()
		h.play(p, both(), span(0, 3*second)...)
		a.want(t, "the next publication", 2, 1)
		h.change(func() { a.on.Store(false) })
		time.Sleep(time.Second)
		a.want(t, "none is wanted", 2, 2)
		if n := whole(t, "the last", a.run(1)); n != 75 {
			t.Errorf("%d pictures; want all that were there", n)
		}
		h.change(func() { b.on.Store(true) })
		h.play(p, both(), span(3*second, 9*second)...)
		b.want(t, "the other later", 2, 1)
		_ = p.Close()
		time.Sleep(time.Second)
		b.want(t, "at the end", 2, 2)
	})
}

// TestStandingPanics has one kind panic, at each of its calls: the other does not notice.
func TestStandingPanics(t *testing.T) {
	for name, at := range map[string]int64{"at its begin": 0, "in the middle": 4 * second, "at its end": 8 * second} {
		t.Run(name, func(t *testing.T) {
			bad, good := newKeeper("bad", true, 200*time.Millisecond), newKeeper("good", true, 500*time.Millisecond)
			inHouse(t, []*keeper{bad, good}, func(t *testing.T, h *house) {
				bad.bad.Store(at == 0)
				p, l := h.publish(), both()
				h.play(p, l, span(0, max(at, second))...)
				bad.bad.Store(true)
				h.change(func() {}) // it stays off
				h.play(p, l, span(max(at, second), 8*second+ms)...)
				_ = p.Close()
				time.Sleep(time.Second)
				good.want(t, name, 1, 1)
				bad.want(t, name, int(min(at, 1)), 0)
				if n := whole(t, name, good.run(0)); n < 8*25 {
					t.Errorf("%d pictures; want all", n)
				}
				want := 1
				if at > 0 { // it is ended, and panics at that too
					want = 2
				}
				if n := strings.Count(h.log.String(), "panic: this output ends"); n != want || !strings.Contains(h.log.String(), "output=bad") {
					t.Errorf("%d panics in the log:\n%s", n, &h.log)
				}
				bad.bad.Store(false)
				p = h.publish()
				h.play(p, both(), span(0, 3*second)...)
				_ = p.Close()
				time.Sleep(time.Second)
				bad.want(t, "the next publication", int(min(at, 1))+1, 1)
			})
		})
	}
}

// TestLive has chunks come as soon as they are wanted.
func TestLive(t *testing.T) {
	for _, c := range []struct{ part, late time.Duration }{
		{200 * time.Millisecond, 50 * time.Millisecond}, {0, relax + 50*time.Millisecond}, {2 * time.Second, relax + 50*time.Millisecond},
	} {
		k := newKeeper("k", true, c.part)
		inHouse(t, []*keeper{k}, func(t *testing.T, h *house) {
			p := h.publish()
			began := time.Now()
			h.play(p, both(), span(0, 10*second)...)
			_ = p.Close()
			time.Sleep(time.Second)
			list := k.run(0)
			whole(t, "live", list)
			for _, one := range list[:len(list)-1] {
				if late := one.At.Sub(began) - time.Duration(one.End()); late < 0 || late > c.late {
					t.Errorf("chunks of %v: one that ends at %v comes %v later", c.part, time.Duration(one.End()), late)
				}
				if want := max(c.part, 0); want > 0 && one.Limit > want+2*jitter {
					t.Errorf("chunks of %v; want %v", one.Limit, want)
				}
			}
		})
	}
}

// TestSlow has an output keep the others for longer than the stream's memory: what was lost is a cut.
func TestSlow(t *testing.T) {
	k := newKeeper("k", true, 200*time.Millisecond)
	inHouse(t, []*keeper{k}, func(t *testing.T, h *house) {
		p, l := h.publish(), both()
		k.slow.Store(int64(20 * time.Second))
		h.play(p, l, span(0, 30*second)...)
		_ = p.Close()
		time.Sleep(time.Second)
		cuts := 0
		list := k.run(0)
		for _, c := range list[1:] {
			if c.Cut {
				cuts++
				if !c.Key {
					t.Error("behind a cut no key frame")
				}
			}
			if c.Tracks != list[0].Tracks {
				t.Error("other tracks")
			}
		}
		if cuts != 1 {
			t.Errorf("%d cuts", cuts)
		}
	})
}
