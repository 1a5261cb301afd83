package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

// gate is a Gate made of a function.
type gate func(ctx context.Context, r *Request, publish bool) error

func (g gate) Check(ctx context.Context, a Ask) error {
	return g(ctx, a.Request, a.Act == Publish)
}

func TestGates(t *testing.T) {
	denied, moved, broken := &Denied{"on_play", "no"}, &Moved{"elsewhere"}, errors.New("no answer")
	for name, c := range map[string]struct {
		answers []error
		want    error
		asked   int
	}{
		"no gates":       {nil, nil, 0},
		"all allow":      {[]error{nil, nil}, nil, 2},
		"first denies":   {[]error{denied, nil}, denied, 1},
		"second denies":  {[]error{nil, denied}, denied, 2},
		"moved":          {[]error{moved, denied}, moved, 1},
		"fault of ours":  {[]error{nil, broken}, broken, 2},
		"first of three": {[]error{nil, moved, denied}, moved, 2},
	} {
		for _, publishes := range []bool{true, false} {
			var asked int
			var gates []Gate
			r := request("s")
			for _, err := range c.answers {
				gates = append(gates, gate(func(_ context.Context, q *Request, publish bool) error {
					if q != r || publish != publishes {
						t.Errorf("%s: asked about %v, publish %v", name, q, publish)
					}
					asked++
					return err
				}))
			}
			g := newRegistry(cached, gates...)
			var err error
			if publishes {
				_, err = g.Publish(t.Context(), r)
			} else {
				_, err = g.Subscribe(t.Context(), r)
			}
			if err != c.want || asked != c.asked { //nolint:errorlint // gate errors come as they are
				t.Errorf("%s: %v after %d gates; want %v after %d", name, err, asked, c.want, c.asked)
			}
			if n := g.Totals(); (n.Streams == 1) != (c.want == nil) || n.Clients != n.Streams {
				t.Errorf("%s: %+v", name, n)
			}
		}
	}
	for want, err := range map[string]error{"on_play: no": denied, "stream moved to elsewhere": moved} {
		if err.Error() != want {
			t.Errorf("error says %q, want %q", err, want)
		}
	}
}

func TestSlowGateHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached, gate(func(_ context.Context, r *Request, _ bool) error {
			if r.Param == "?slow" {
				time.Sleep(5 * time.Second)
			}
			return nil
		}))
		began := time.Now()
		var slow sync.WaitGroup
		for _, publishes := range []bool{true, false} {
			slow.Go(func() {
				r := request("s")
				r.Param = "?slow"
				if publishes {
					if p, err := g.Publish(t.Context(), r); !errors.Is(err, ErrBusy) {
						t.Errorf("Publish = %v, %v", p, err)
					}
					return
				}
				if _, err := g.Subscribe(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		p := publish(t, g, request("s"))
		r := subscribe(t, g, request("s"))
		p.must(t, "KP")
		want(t, r, "K0 P1", nil)
		if n := g.Totals(); n.Clients != 2 || len(g.Sessions()) != 2 || len(g.Streams()) != 1 {
			t.Errorf("Totals = %+v", n)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %s", d)
		}
		slow.Wait()
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("the slow ones took %s", d)
		}
	})
}

func TestContextEndsInTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, check := range map[string]gate{
			"gate heeds it":  func(ctx context.Context, _ *Request, _ bool) error { <-ctx.Done(); return ctx.Err() },
			"gate allows it": func(context.Context, *Request, bool) error { time.Sleep(2 * time.Second); return nil },
		} {
			g := newRegistry(cached, check)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := g.Publish(ctx, request("s")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: Publish: %v", name, err)
			}
			if _, err := g.Subscribe(ctx, request("s")); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: Subscribe: %v", name, err)
			}
			cancel()
			if n := g.Totals(); n != (Totals{}) {
				t.Errorf("%s: %+v is left", name, n)
			}
		}
	})
}

func TestRacingPublishers(t *testing.T) {
	for round := range 1000 {
		g := newRegistry(cached)
		var group sync.WaitGroup
		start := make(chan struct{})
		var all [2]*Publisher
		var errs [2]error
		for n := range all {
			group.Go(func() {
				<-start
				all[n], errs[n] = g.Publish(context.Background(), request("s"))
			})
		}
		close(start)
		group.Wait()
		winner := 0
		if all[0] == nil {
			winner = 1
		}
		if all[winner] == nil || all[1-winner] != nil || !errors.Is(errs[1-winner], ErrBusy) || errs[winner] != nil {
			t.Fatalf("round %d: %v, %v", round, all, errs)
		}
		if n := g.Totals(); n.Clients != 1 || n.Served != 1 {
			t.Fatalf("round %d: %+v", round, n)
		}
		all[winner].Close()
		if n := g.Totals(); n.Clients != 0 || n.Streams != 0 {
			t.Fatalf("round %d: %+v after the end", round, n)
		}
	}
}

func TestRacingTakeovers(t *testing.T) {
	rules := cached
	rules.Takeover = true
	for round := range 200 {
		g := newRegistry(rules)
		var group sync.WaitGroup
		var all [4]*feed
		var kicked [len(all)]error
		for n := range all {
			group.Go(func() {
				r := request("s")
				r.Kick = func(cause error) { kicked[n] = cause }
				all[n] = publish(t, g, r)
			})
		}
		group.Wait()
		alive := 0
		for n, p := range all {
			switch err := p.write("K"); {
			case err == nil && kicked[n] == nil:
				alive++
			case !errors.Is(err, ErrReplaced) || !errors.Is(kicked[n], ErrReplaced):
				t.Fatalf("round %d: write gives %v, kicked with %v", round, err, kicked[n])
			}
			p.Close()
		}
		if alive != 1 || g.Totals().Streams != 0 {
			t.Fatalf("round %d: %d publishers are left", round, alive)
		}
	}
}

func TestTakeover(t *testing.T) {
	rules := cached
	rules.Takeover = true
	g := newRegistry(rules)
	var kicked []error
	q := request("s")
	q.Kick = func(cause error) { kicked = append(kicked, cause) }
	stays := request("s")
	stays.Wait = true
	r := subscribe(t, g, stays)
	a := publish(t, g, q)
	a.must(t, "KP")
	b := publish(t, g, request("s"))
	if len(kicked) != 1 || !errors.Is(kicked[0], ErrReplaced) {
		t.Errorf("kicked with %v", kicked)
	}
	for range 2 {
		if err := a.write("P"); !errors.Is(err, ErrReplaced) {
			t.Errorf("the old one's write gives %v", err)
		}
	}
	b.must(t, "K")
	a.Close()
	if err := a.write("P"); !errors.Is(err, ErrReplaced) {
		t.Errorf("the old one's write after Close gives %v", err)
	}
	b.must(t, "P")
	want(t, r, "K0 P1 K0 P1", nil)
	if s := g.Streams(); len(s) != 1 || s[0].Publisher != b.request.ID || s[0].Clients != 2 {
		t.Errorf("Streams = %+v", s)
	}
	b.Close()
	b.Close()
	if err := b.write("P"); !errors.Is(err, ErrClosed) {
		t.Errorf("write after Close gives %v", err)
	}
}

func TestCloseTwiceFromAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p, r := publish(t, g, request("s")), subscribe(t, g, request("s"))
		var end error
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, end = r.ReadFrame()
		}()
		synctest.Wait()
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if err := errors.Join(r.Close(), p.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if <-read; !errors.Is(end, ErrClosed) && !errors.Is(end, errEnded) {
			t.Errorf("the read that waits ends with %v", end)
		}
		if n := g.Totals(); n.Streams+n.Clients != 0 {
			t.Errorf("%+v is left", n)
		}
	})
}

// lonely returns for how long a publisher has had no viewer.
func lonely(p *feed) time.Duration {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	return p.stream.alone(time.Now())
}

func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		viewer := request("s")
		viewer.Viewer = true
		early := subscribe(t, g, viewer)
		early.Close()
		time.Sleep(time.Minute)
		p := publish(t, g, request("s"))
		is := func(want time.Duration) {
			t.Helper()
			if d := lonely(p); d != want {
				t.Errorf("alone = %s, want %s", d, want)
			}
		}
		is(0)
		subscribe(t, g, request("s")) // no audience
		time.Sleep(3 * time.Second)
		is(3 * time.Second)
		second := *viewer
		second.ID = NewID()
		a, b := subscribe(t, g, viewer), subscribe(t, g, &second)
		time.Sleep(time.Second)
		is(0)
		a.Close()
		time.Sleep(time.Second)
		is(0)
		b.Close()
		time.Sleep(time.Second)
		is(time.Second)
	})
}

func TestBlockedReaderHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(Settings{GOPCache: true, QueueLength: 2 * time.Second})
		p := publish(t, g, request("s"))
		p.size = 1000
		subscribe(t, g, request("s")) // is blocked forever
		r := subscribe(t, g, request("s"))
		for range 1000 {
			p.must(t, gops(1))
			if n := count(t, r); n != 10 {
				t.Fatalf("the other reader reads %d frames of 10", n)
			}
			if _, _, bytes := span(p.stream); bytes > 80*(1000+frameBytes) {
				t.Fatalf("%d bytes are kept", bytes)
			}
		}
	})
}

// TestEverythingAtOnce is for the race detector: it closes, kicks, lists and takes over while
// frames are written and read.
func TestEverythingAtOnce(t *testing.T) {
	rules := cached
	rules.Takeover = true
	rules.QueueLength = time.Second
	g := newRegistry(rules)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	loop := func(f func(n int)) {
		group.Go(func() {
			for n := 0; n < 300 && ctx.Err() == nil; n++ {
				f(n)
			}
		})
	}
	for range 3 {
		loop(func(n int) {
			r := request(fmt.Sprintf("s%d", n%2))
			r.Traffic = &Traffic{}
			p, err := g.Publish(ctx, r)
			if err != nil {
				t.Error(err)
				return
			}
			f := &feed{Publisher: p, layout: pictures(), now: time.Duration(n) * time.Second}
			_ = f.write("KPaPaPPdaPPK") // replaced at any time
			l := p.Lane("", func(ctx context.Context, in *LaneReader) error {
				<-ctx.Done()
				return ctx.Err()
			})
			_ = l.WritePacket(&media.Packet{})
			p.Close()
			l.Wait()
		})
	}
	for range 4 {
		loop(func(n int) {
			r := request(fmt.Sprintf("s%d", n%2))
			r.Wait, r.Notice, r.Viewer = n%3 > 0, n%3 > 1, true
			s, err := g.Subscribe(ctx, r)
			if err != nil {
				t.Error(err)
				return
			}
			late := time.AfterFunc(time.Millisecond, func() { s.Close() })
			defer late.Stop()
			v, release, err := Derive(s.Stream(), "x", func(sub *Subscriber) (Output[int], error) {
				return Output[int]{Value: n, Run: func() {
					for {
						if _, err := sub.ReadFrame(); err != nil {
							return
						}
					}
				}}, nil
			})
			if err == nil {
				defer release()
			} else if !errors.Is(err, ErrClosed) {
				t.Error(v, err)
			}
			for {
				if _, err := s.ReadFrame(); err != nil && !errors.Is(err, ErrUnpublished) {
					break
				}
			}
			s.Ask(Feedback{Key: true})
			s.Close()
		})
	}
	loop(func(int) {
		g.sample()
		if len(g.Sessions()) > 7 || len(g.Streams()) > 2 || len(g.Vhosts()) > 1 {
			t.Error("more is listed than there is")
		}
		_ = g.Kick("nobody", ErrKicked)
	})
	group.Wait()
	cancel()
	if n := g.Totals(); n.Streams+n.Clients != 0 {
		t.Errorf("%+v is left", n)
	}
}
