package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// spring is a Supply whose work the test does.
type spring struct {
	linger time.Duration

	mu   sync.Mutex
	runs []string // what became of them, with the time of each
	g    *Registry
	at   time.Time
	work func(ctx context.Context, r *Request)
}

func newSpring(linger time.Duration, rules Settings) *spring {
	x := &spring{linger: linger, at: time.Now()}
	x.g = NewRegistry(Options{
		Settings: func(string) Settings { return rules },
		Supply: &Supply{
			Wanted: func(vhost string) bool { return vhost == DefaultVhost },
			Linger: func(string) time.Duration { return x.linger },
			Run: func(ctx context.Context, r *Request) {
				x.note("+" + r.Stream)
				defer x.note("-" + r.Stream)
				if x.work != nil {
					x.work(ctx, r)
					return
				}
				<-ctx.Done()
			},
		},
	})
	return x
}

func (x *spring) note(what string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.runs = append(x.runs, fmt.Sprintf("%s%d", what, int(time.Since(x.at).Seconds())))
}

func (x *spring) want(t *testing.T, what ...string) {
	t.Helper()
	synctest.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Equal(x.runs, what) {
		t.Errorf("it has run %q, want %q", x.runs, what)
	}
}

// bring publishes what the Supply brings.
func (x *spring) bring(t *testing.T, name string) *feed {
	t.Helper()
	r := request(name)
	r.Kick = func(error) {}
	p, err := x.g.Bring(r)
	if err != nil {
		t.Fatal("Bring:", err)
	}
	return &feed{Publisher: p, layout: pictures()}
}

// TestSupply has readers come and go: one run for all, from the first to a while after the last.
func TestSupply(t *testing.T) {
	for _, linger := range []time.Duration{0, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			x := newSpring(linger, cached)
			a := subscribe(t, x.g, request("s"))
			x.want(t, "+s0")
			b := subscribe(t, x.g, request("s"))
			other := request("s")
			other.Vhost = "a.test"
			subscribe(t, x.g, other) // whose streams are not brought
			p := x.bring(t, "s")
			p.must(t, "KP")
			want(t, a, "K0 P1", nil)
			want(t, b, "K0 P1", nil)
			time.Sleep(time.Second)
			a.Close()
			time.Sleep(time.Second)
			b.Close()
			time.Sleep(2 * time.Second)
			if linger == 0 {
				x.want(t, "+s0", "-s2")
				p.Close()
				if n := len(x.g.Streams()); n != 1 {
					t.Errorf("%d streams are left", n)
				}
				return
			}
			c := subscribe(t, x.g, request("s"))
			want(t, c, "K0 P1", nil)
			time.Sleep(time.Minute)
			x.want(t, "+s0")
			c.Close()
			time.Sleep(10 * time.Second)
			x.want(t, "+s0", "-s69")
			p.Close()
		})
	}
}

// TestSupplyGivesWay has somebody publish the stream here: readers are spliced to him and back.
func TestSupplyGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSpring(0, cached)
		r := request("s")
		r.Wait = true
		sub := subscribe(t, x.g, r)
		far := x.bring(t, "s")
		far.must(t, "KP")
		want(t, sub, "K0 P1", nil)
		here := publish(t, x.g, request("s"))
		here.must(t, "KPP")
		want(t, sub, "K0 P1 P2", nil)
		x.want(t, "+s0", "-s0")
		if err := far.write("P"); !errors.Is(err, ErrReplaced) {
			t.Errorf("the other's write gives %v", err)
		}
		far.Close()
		if _, err := x.g.Bring(request("s")); !errors.Is(err, ErrBusy) {
			t.Errorf("Bring beside a publisher gives %v", err)
		}
		if info := x.g.Streams()[0]; info.Supplied || !info.Live {
			t.Errorf("%+v", info)
		}
		time.Sleep(3 * time.Second)
		here.Close()
		x.want(t, "+s0", "-s0", "+s3")
		far = x.bring(t, "s")
		far.must(t, "K")
		want(t, sub, "K0", nil)
		far.Close()
		sub.Close()
		x.want(t, "+s0", "-s0", "+s3", "-s3")
	})
}

// TestSupplyBreaksOff has what is brought break off: readers wait as long as the Supply tries, whatever the rules are.
func TestSupplyBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSpring(0, Settings{GOPCache: true, QueueLength: 30 * time.Second})
		sub := subscribe(t, x.g, request("s")) // who leaves with the publisher
		p := x.bring(t, "s")
		p.must(t, "KP")
		want(t, sub, "K0 P1", nil)
		p.Lost(errors.New("broken"))
		time.Sleep(10 * time.Minute)
		want(t, sub, "", nil)
		p = x.bring(t, "s")
		p.must(t, "K")
		want(t, sub, "K0", nil)
		p.Close() // it has ended where it comes from
		want(t, sub, "", errEnded)
		sub.Close()
		x.want(t, "+s0", "-s600")
		if n := len(x.g.Streams()); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// TestBorrowedIsWaitedFor has a stream of the process before end, and that process too: its publisher may come back to this one, and
// is waited for by the rules.
func TestBorrowedIsWaitedFor(t *testing.T) {
	for resume, waits := range map[time.Duration]bool{0: false, 10 * time.Second: true} {
		for name, end := range map[string]func(p *feed, stop func()){
			"the publication ends": func(p *feed, _ func()) { p.Close() },
			"and then the process": func(p *feed, stop func()) { p.Close(); stop() },
			"the process ends":     func(p *feed, stop func()) { p.Lost(errCut); stop() },
		} {
			for _, returns := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					rules := cached
					rules.Resume = resume
					x := newSpring(0, rules)
					ctx, stop := context.WithCancel(t.Context())
					x.work = func(inner context.Context, _ *Request) {
						select {
						case <-ctx.Done():
						case <-inner.Done():
						}
					}
					plain := subscribe(t, x.g, request("s"))
					r := request("s")
					r.Kin, r.Kick = true, func(error) {}
					p, err := x.g.Bring(r)
					if err != nil {
						t.Fatal(err)
					}
					f := &feed{Publisher: p, layout: pictures()}
					f.must(t, "KP")
					want(t, plain, "K0 P1", nil)
					end(f, stop)
					synctest.Wait()
					if !waits {
						want(t, plain, "", io.EOF)
						return
					}
					time.Sleep(9 * time.Second)
					want(t, plain, "", nil)
					if returns {
						publish(t, x.g, request("s")).must(t, "K")
						want(t, plain, "K0", nil)
						time.Sleep(time.Minute)
						want(t, plain, "", nil)
						return
					}
					time.Sleep(2 * time.Second)
					want(t, plain, "", io.EOF)
					if t.Failed() {
						t.Errorf("%s", name)
					}
				})
			}
		}
	}
}

// TestSupplyGivesUp has runs that end by themselves, or panic: the next reader has another, and nobody spins.
func TestSupplyGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSpring(0, cached)
		x.work = func(_ context.Context, r *Request) {
			if r.Param == "?panic" {
				panic("it is broken")
			}
		}
		subscribe(t, x.g, request("s"))
		time.Sleep(time.Minute)
		x.want(t, "+s0", "-s0")
		r := request("s")
		r.Param = "?panic"
		subscribe(t, x.g, r)
		time.Sleep(time.Minute)
		x.want(t, "+s0", "-s0", "+s60", "-s60")
	})
}

// TestSummon has a stream brought for somebody who does not read it yet.
func TestSummon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSpring(0, cached)
		release := x.g.Summon(request("s"))
		x.want(t, "+s0")
		sub := subscribe(t, x.g, request("s"))
		release()
		time.Sleep(time.Second)
		x.want(t, "+s0")
		sub.Close()
		x.want(t, "+s0", "-s1")
		if !x.g.Supplies(DefaultVhost) || x.g.Supplies("a.test") {
			t.Error("Supplies")
		}
	})
}

// TestPaceForServer has other servers wait less than viewers, and no longer than these.
func TestPaceForServer(t *testing.T) {
	for _, c := range []struct{ pace, want Pace }{
		{Pace{Latency: 350 * time.Millisecond, Frames: 8}, Pace{Latency: serverPause}},
		{Pace{Latency: 10 * time.Millisecond}, Pace{Latency: 10 * time.Millisecond}},
		{Pace{}, Pace{}},
	} {
		if got := c.pace.ForServer(); got != c.want {
			t.Errorf("%+v: %+v", c.pace, got)
		}
	}
}

// TestSupplyEnds ends the registry, and with it what is brought.
func TestSupplyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newSpring(time.Hour, cached)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- x.g.Run(ctx) }()
		subscribe(t, x.g, request("s")).Close() // it lingers
		subscribe(t, x.g, request("r"))
		synctest.Wait()
		time.Sleep(time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(x.runs) != 4 {
			t.Errorf("runs %q", x.runs)
		}
	})
}
