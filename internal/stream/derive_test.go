package stream

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

// output is a derivation that notes what it is given.
type output struct {
	starts, ends atomic.Int64
	slow         time.Duration // what its end takes
	mu           sync.Mutex
	frames       []*media.Frame
}

func (o *output) start(sub *Subscriber) (Output[*output], error) {
	o.starts.Add(1)
	return Output[*output]{Value: o, Run: func() {
		for {
			f, err := sub.ReadFrame()
			if err != nil {
				break
			}
			o.mu.Lock()
			o.frames = append(o.frames, f)
			o.mu.Unlock()
		}
		time.Sleep(o.slow)
		o.ends.Add(1)
	}}, nil
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return text(o.frames)
}

func TestDerive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		viewer := request("s")
		r := subscribe(t, g, viewer)
		p := publish(t, g, request("s"))
		p.must(t, "KPKP")
		o := &output{slow: 3 * time.Second}
		var releases []func()
		for n := range 3 {
			v, release, err := Derive(r.Stream(), "key", o.start)
			if v != o || err != nil || o.starts.Load() != 1 {
				t.Fatalf("reader %d: %p, %v, started %d times", n, v, err, o.starts.Load())
			}
			releases = append(releases, release)
		}
		if _, release, err := Derive(r.Stream(), "another key", o.start); err != nil || o.starts.Load() != 2 {
			t.Errorf("another output: %v", err)
		} else {
			release()
		}
		synctest.Wait()
		before := len(o.text())
		p.must(t, "P")
		p.Close() // it stays for the next one
		publish(t, g, request("s")).must(t, "K")
		synctest.Wait()
		if got := o.text()[before:]; got != " P4 K0" {
			t.Errorf("the output goes on with %q", got)
		}
		if n := g.Totals(); n.Clients != 2 {
			t.Errorf("%+v: an output is no client", n)
		}
		began := time.Now()
		releases[0]()
		releases[0]() // counts once
		releases[1]()
		synctest.Wait()
		if o.ends.Load() != 1 || time.Since(began) != 0 {
			t.Errorf("it ends before its last reader")
		}
		releases[2]()
		if o.ends.Load() != 2 || time.Since(began) != o.slow {
			t.Errorf("the last reader's release does not wait for the end: %s", time.Since(began))
		}
		_, release, err := Derive(r.Stream(), "key", o.start)
		if err != nil || o.starts.Load() != 3 {
			t.Errorf("after its end it is not started again: %v", err)
		}
		release()
	})
}

func TestDeriveStartsAtTheKeyFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		p := publish(t, g, request("s"))
		r := subscribe(t, g, request("s"))
		p.must(t, "KPKPa")
		o := &output{}
		_, release, err := Derive(r.Stream(), "key", o.start)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := o.text(); got != "K2 P3 a4" {
			t.Errorf("the output reads %q", got)
		}
		release()
	})
}

func TestDeriveConcurrently(t *testing.T) {
	for range 100 {
		g := newRegistry(cached)
		o := &output{}
		var group sync.WaitGroup
		hold := subscribe(t, g, request("s"))
		for range 16 {
			group.Go(func() {
				r := subscribe(t, g, request("s"))
				v, release, err := Derive(r.Stream(), "key", o.start)
				if v != o || err != nil {
					t.Errorf("Derive = %p, %v", v, err)
				}
				release()
				r.Close()
			})
		}
		group.Wait()
		if o.starts.Load() != o.ends.Load() {
			t.Fatalf("%d starts, %d ends", o.starts.Load(), o.ends.Load())
		}
		hold.Close()
		if n := g.Totals().Streams; n != 0 {
			t.Fatalf("%d streams are left", n)
		}
	}
}

func TestDeriveFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRegistry(cached)
		r := subscribe(t, g, request("s"))
		failed := errors.New("no such codec")
		var starts int
		start := func(*Subscriber) (Output[int], error) {
			starts++
			time.Sleep(time.Second)
			return Output[int]{}, failed
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				v, release, err := Derive(r.Stream(), "key", start)
				if v != 0 || !errors.Is(err, failed) {
					t.Errorf("Derive = %d, %v", v, err)
				}
				release()
			})
		}
		group.Wait()
		if starts != 1 {
			t.Errorf("%d starts", starts)
		}
		v, release, err := Derive(r.Stream(), "key", func(*Subscriber) (Output[int], error) {
			return Output[int]{Value: 7}, nil // no Run
		})
		if v != 7 || err != nil {
			t.Errorf("then Derive = %d, %v", v, err)
		}
		release()
		r.Close()
		if _, _, err := Derive(r.Stream(), "key", start); !errors.Is(err, ErrClosed) {
			t.Errorf("on a stream that is gone, Derive = %v", err)
		}
	})
}

func TestDerivePanics(t *testing.T) {
	g := newRegistry(cached)
	r := subscribe(t, g, request("s"))
	broken := func(*Subscriber) (Output[int], error) { panic("damaged") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the reader that starts it does not see the panic")
			}
		}()
		_, _, _ = Derive(r.Stream(), "key", broken)
	}()
	_, release, err := Derive(r.Stream(), "key", func(*Subscriber) (Output[int], error) { return Output[int]{}, nil })
	if err != nil {
		t.Errorf("afterwards, Derive = %v", err)
	}
	release()
	r.Close()
	if n := g.Totals().Streams; n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

func TestDeriveThatDoesNotRead(t *testing.T) {
	g := newRegistry(cached)
	p := publish(t, g, request("s"))
	r := subscribe(t, g, request("s"))
	var own *Subscriber
	_, release, err := Derive(r.Stream(), "key", func(sub *Subscriber) (Output[int], error) {
		own = sub
		return Output[int]{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		p.must(t, gops(1))
		count(t, r)
	}
	if base, next, _ := span(p.stream); next-base != 10 {
		t.Errorf("%d frames are kept, want one GOP", next-base)
	}
	want(t, own, text(held(p.stream)), nil) // if it does read
	if own.Lost() != 0 {
		t.Errorf("Lost = %d", own.Lost())
	}
	release()
	want(t, own, "", ErrClosed)
}
