package stream

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

var errFar = errors.New("origin: connection reset")

// far is an Onward that notes what happens to it.
type far struct {
	fails chan error // ends it

	mu     sync.Mutex
	frames []*media.Frame
	times  []int64 // of the publisher
	ended  error
	closed int
}

func newFar() *far { return &far{fails: make(chan error, 1)} }

func (f *far) Run(sub *Subscriber) error {
	broken := make(chan error, 1)
	go func() {
		select {
		case err := <-f.fails:
			broken <- err
			sub.Close()
		case <-sub.Done():
		}
	}()
	for {
		m, err := sub.ReadFrame()
		f.mu.Lock()
		if err != nil {
			f.ended = err
			f.mu.Unlock()
			select {
			case err := <-broken:
				return err
			default:
				return nil
			}
		}
		f.frames, f.times = append(f.frames, m), append(f.times, m.DTS-m.Layout.Offset)
		f.mu.Unlock()
	}
}

func (f *far) Reads() bool { return true }

func (f *far) Close() { f.closed++ }

func (f *far) want(t *testing.T, frames string, end error) {
	t.Helper()
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := text(f.frames); got != frames || f.ended != end { //nolint:errorlint // the end is to come as it is
		t.Errorf("what goes on is %q, %v; want %q, %v", got, f.ended, frames, end)
	}
}

// TestOnward has a publisher's frames go on elsewhere, with the publisher's times, beside the readers that are here.
func TestOnward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := newFar()
		g := NewRegistry(Options{Settings: func(string) Settings { return cached }, Route: func(context.Context, *Request) (Onward, error) {
			time.Sleep(3 * time.Second) // the origin takes its time
			return way, nil
		}})
		began := time.Now()
		p := publish(t, g, request("s"))
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("it may publish after %s", d)
		}
		p.own = time.Hour
		sub := subscribe(t, g, request("s"))
		p.must(t, "KPa")
		way.want(t, "K0 P1 a2", nil)
		want(t, sub, "K0 P1 a2", nil)
		if way.times[0] != int64(time.Hour+tick) {
			t.Errorf("times %v: they are to be the publisher's", way.times)
		}
		if d := lonely(p); d != 0 {
			t.Errorf("alone = %s, but there are viewers elsewhere", d)
		}
		p.Close()
		way.want(t, "K0 P1 a2", io.EOF)
		if way.closed != 0 {
			t.Error("it is given up")
		}
	})
}

// TestOnwardFails has the way end: so does the publisher, who hears why.
func TestOnwardFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := newFar()
		g := NewRegistry(Options{Route: func(context.Context, *Request) (Onward, error) { return way, nil }})
		r := request("s")
		var told error
		r.Kick = func(cause error) { told = cause }
		p := publish(t, g, r)
		p.must(t, "K")
		way.fails <- errFar
		synctest.Wait()
		if err := p.write("P"); !errors.Is(err, errFar) || !errors.Is(told, errFar) {
			t.Errorf("write gives %v, and it is told %v", err, told)
		}
	})
}

// TestOnwardStays has publishers drop out, return and take over: the way goes on, and is asked for once.
func TestOnwardStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ways []*far
		rules := Settings{Takeover: true, Resume: 10 * time.Second, QueueLength: 30 * time.Second}
		g := NewRegistry(Options{
			Settings: func(string) Settings { return rules },
			Route: func(_ context.Context, r *Request) (Onward, error) {
				if r.Param == "?lost" {
					return nil, errFar
				}
				ways = append(ways, newFar())
				return ways[len(ways)-1], nil
			},
		})
		lost := request("s")
		lost.Param = "?lost"
		if _, err := g.Publish(t.Context(), lost); !errors.Is(err, errFar) {
			t.Errorf("without a way: %v", err)
		}
		a := publish(t, g, request("s"))
		a.must(t, "K")
		a.Lost(errors.New("broken"))
		time.Sleep(5 * time.Second)
		b := publish(t, g, request("s"))
		b.must(t, "KP")
		c := publish(t, g, request("s"))
		c.must(t, "K")
		c.Close()
		ways[0].want(t, "K0 K0 P1 K0", io.EOF)
		d := publish(t, g, request("s"))
		d.must(t, "K")
		d.Lost(errors.New("broken"))
		time.Sleep(11 * time.Second)
		if len(ways) != 2 {
			t.Fatalf("%d ways", len(ways))
		}
		ways[1].want(t, "K0", io.EOF)
	})
}

// TestOnwardOfLosers has a publisher come too late, whose way is given up.
func TestOnwardOfLosers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ways []*far
		enter := make(chan struct{})
		g := NewRegistry(Options{Route: func(context.Context, *Request) (Onward, error) {
			<-enter
			w := newFar()
			ways = append(ways, w)
			return w, nil
		}})
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = g.Publish(t.Context(), request("s"))
			})
		}
		synctest.Wait()
		enter <- struct{}{}
		synctest.Wait()
		enter <- struct{}{}
		wg.Wait()
		if !errors.Is(errors.Join(errs...), ErrBusy) || ways[0].closed+ways[1].closed != 1 {
			t.Errorf("%v, closed %d and %d", errs, ways[0].closed, ways[1].closed)
		}
		for _, s := range g.Sessions() {
			_ = g.Kick(s.Request.ID, ErrKicked)
		}
		g.close()
	})
}

// TestLaneOnward has frames made of a lane that is read nowhere here.
func TestLaneOnward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := newFar()
		g := NewRegistry(Options{Route: func(context.Context, *Request) (Onward, error) { return way, nil }})
		p := publish(t, g, request("s"))
		m := &maker{feed: p}
		l := p.Lane("", m.frames)
		synctest.Wait()
		_ = l.WritePacket(packet(1))
		way.want(t, "K0", nil)
		p.Close()
		l.Wait()
	})
}

// claim is an Onward that reads nothing.
type claim struct{ ended chan error }

func (c claim) Run(sub *Subscriber) error {
	err := sub.Outlast()
	c.ended <- err
	return nil
}

func (claim) Reads() bool { return false }
func (claim) Close()      {}

// TestOnwardWithoutReading has a way outlast a publication of which it holds nothing, through a takeover.
func TestOnwardWithoutReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := claim{make(chan error, 1)}
		g := NewRegistry(Options{
			Settings: func(string) Settings { return Settings{Takeover: true} },
			Route:    func(context.Context, *Request) (Onward, error) { return c, nil },
		})
		p := publish(t, g, request("s"))
		p.must(t, gops(100))
		if base, next, _ := span(p.stream); next-base > 20 {
			t.Errorf("%d frames are held", next-base)
		}
		q := publish(t, g, request("s"))
		q.must(t, "K")
		synctest.Wait()
		if len(c.ended) != 0 {
			t.Error("it has ended with a takeover")
		}
		q.Close()
		if err := <-c.ended; !errors.Is(err, io.EOF) {
			t.Errorf("it ends with %v", err)
		}
	})
}
