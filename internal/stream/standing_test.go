package stream

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a standing output that notes what it reads, run by run.
type recorder struct {
	on   atomic.Bool
	slow time.Duration // what a run's end takes
	mu   sync.Mutex
	runs []string
	both bool // two have run at once
	busy bool
}

func (r *recorder) standing() Standing {
	r.on.Store(true)
	return Standing{Name: "recorder", Wanted: func(string) bool { return r.on.Load() }, Run: r.run}
}

func (r *recorder) run(sub *Subscriber) {
	r.mu.Lock()
	r.both = r.both || r.busy
	r.busy = true
	n := len(r.runs)
	r.runs = append(r.runs, "")
	r.mu.Unlock()
	for {
		f, err := sub.ReadFrame()
		what := "+" // a frame
		switch {
		case errors.Is(err, io.EOF):
			what = " EOF"
		case errors.Is(err, ErrClosed):
			what = " closed"
		case err == nil && f.Key:
			what = "K"
		}
		r.mu.Lock()
		r.runs[n] += what
		r.mu.Unlock()
		if err != nil {
			break
		}
	}
	time.Sleep(r.slow)
	r.mu.Lock()
	r.busy = false
	r.mu.Unlock()
}

func (r *recorder) want(t *testing.T, what string, runs ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(runs) != len(r.runs) {
		t.Fatalf("%s: runs %q, want %q", what, r.runs, runs)
	}
	for i, want := range runs {
		if r.runs[i] != want {
			t.Errorf("%s: run %d is %q, want %q", what, i, r.runs[i], want)
		}
	}
	if r.both {
		t.Errorf("%s: two runs at once", what)
	}
}

// TestStanding has an output that nobody reads follow a stream from publication to publication.
func TestStanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &recorder{slow: 3 * time.Second}
		rules := cached
		g := NewRegistry(Options{Settings: func(string) Settings { return rules }, Standing: []Standing{out.standing()}})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() { defer close(ran); _ = g.Run(ctx) }()

		p := publish(t, g, request("s"))
		if p.stream.Publication() != p.request {
			t.Error("the publication is another's")
		}
		p.must(t, "KP")
		out.want(t, "published", "K+")
		p.Close()
		out.want(t, "unpublished", "K+ EOF")
		q := publish(t, g, request("s"))
		q.must(t, "KPP")
		out.want(t, "the next, while the run before still ends", "K+ EOF")
		time.Sleep(out.slow)
		out.want(t, "the next", "K+ EOF", "K++")

		out.on.Store(false)
		g.Review()
		out.want(t, "off", "K+ EOF", "K++ closed")
		q.must(t, "PKP")
		out.on.Store(true)
		time.Sleep(out.slow)
		g.Review()
		g.Review()
		out.want(t, "on again, from the newest key frame", "K+ EOF", "K++ closed", "K+")

		rules.Resume = time.Minute
		q.Lost(errCut)
		publish(t, g, request("s")).must(t, "KP")
		out.want(t, "a splice is no end", "K+ EOF", "K++ closed", "K+K+")

		cancel()
		<-ran // the runs have ended
		out.want(t, "the server stops", "K+ EOF", "K++ closed", "K+K+ closed")
		publish(t, g, request("another")).must(t, "K")
		out.want(t, "after that", "K+ EOF", "K++ closed", "K+K+ closed")
	})
}

// TestStandingPanics has an output end by a panic: the stream goes on, and is forgotten in the end.
func TestStandingPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		g := NewRegistry(Options{Standing: []Standing{{
			Name: "bad", Wanted: func(string) bool { return true },
			Run: func(*Subscriber) { runs.Add(1); panic("on purpose") },
		}}})
		p := publish(t, g, request("s"))
		synctest.Wait()
		p.must(t, "KP")
		p.Close()
		publish(t, g, request("s")).Close()
		synctest.Wait()
		if n := runs.Load(); n != 2 {
			t.Errorf("%d runs, want one for each publication", n)
		}
		if n := len(g.Streams()); n != 0 {
			t.Errorf("%d streams stay", n)
		}
	})
}

// TestIndirect has a reader of an output: it is listed and can be kicked, and holds no frames.
func TestIndirect(t *testing.T) {
	rules := cached
	rules.QueueLength = time.Hour
	g := newRegistry(rules)
	p := publish(t, g, request("s"))
	r := request("s")
	r.Indirect, r.Viewer = true, true
	sub := subscribe(t, g, r)
	defer sub.Close()
	for range 50 {
		p.must(t, "KPPP")
	}
	p.must(t, "K")
	if n := p.stream.frames.next - p.stream.frames.base; n != 1 {
		t.Errorf("%d frames are kept, want the newest key frame alone", n)
	}
	if _, ok := g.Session(r.ID); !ok {
		t.Error("it is not listed")
	}
}
