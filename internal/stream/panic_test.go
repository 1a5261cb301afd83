package stream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// logged returns a registry and what it logs.
func logged() (*Registry, *strings.Builder) {
	var log strings.Builder
	handler := slog.NewTextHandler(&log, nil)
	return NewRegistry(Options{Settings: func(string) Settings { return cached }, Log: slog.New(handler)}), &log
}

// notes checks that a panic is logged once, with its place and its stack.
func notes(t *testing.T, log *strings.Builder, stream string) {
	t.Helper()
	got := log.String()
	if strings.Count(got, "level=ERROR") != 1 || strings.Count(got, "panic=damaged") != 1 ||
		!strings.Contains(got, "stream="+stream) || !strings.Contains(got, "panic_test.go") {
		t.Errorf("the log says %s", got)
	}
}

// burst panics when it reads a sound.
type burst struct{ sub *Subscriber }

func (b *burst) start(sub *Subscriber) (Output[*burst], error) {
	b = &burst{sub}
	return Output[*burst]{Value: b, Run: func() {
		for {
			f, err := sub.ReadFrame()
			if err != nil {
				return
			}
			if f.Track == 1 {
				panic("damaged")
			}
		}
	}}, nil
}

// wait is how a reader of the output waits.
func (b *burst) wait() error {
	<-b.sub.Done()
	return ErrClosed
}

func TestOutputPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, log := logged()
		p := publish(t, g, request("s"))
		r := subscribe(t, g, request("s"))
		p.must(t, "KP")
		o, well := &burst{}, &output{}
		a, releaseA, err := Derive(r.Stream(), "key", o.start)
		if err != nil {
			t.Fatal(err)
		}
		b, releaseB, _ := Derive(r.Stream(), "key", o.start)
		_, releaseWell, _ := Derive(r.Stream(), "another key", well.start)
		ended := make(chan error, 2)
		go func() { ended <- a.wait() }()
		go func() { ended <- b.wait() }()
		synctest.Wait()
		if a != b || len(ended) != 0 {
			t.Fatalf("%p and %p, %d have ended", a, b, len(ended))
		}
		p.must(t, "a")
		synctest.Wait()
		if len(ended) != 2 {
			t.Fatalf("%d of 2 readers have heard of the end", len(ended))
		}
		notes(t, log, "/live/s")
		p.must(t, "P")
		synctest.Wait()
		if got := well.text(); got != "K0 P1 a2 P3" {
			t.Errorf("the other output reads %q", got)
		}
		want(t, r, "K0 P1 a2 P3", nil)

		c, releaseC, err := Derive(r.Stream(), "key", well.start) // before the others have left
		if c != well || err != nil || well.starts.Load() != 2 {
			t.Errorf("then Derive = %p, %v", c, err)
		}
		releaseA()
		releaseB()
		if d, release, _ := Derive(r.Stream(), "key", well.start); d != c || well.starts.Load() != 2 {
			t.Error("the old one's last reader takes the new one along")
		} else {
			release()
		}
		releaseC()
		releaseWell()
		r.Close()
		p.Close()
		if n := g.Totals(); n.Streams+n.Clients != 0 || well.ends.Load() != 2 {
			t.Errorf("%+v is left, %d have ended", n, well.ends.Load())
		}
	})
}

// An output whose Run just returns is over as well.
func TestOutputReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, log := logged()
		r := subscribe(t, g, request("s"))
		starts := 0
		start := func(sub *Subscriber) (Output[*Subscriber], error) {
			starts++
			return Output[*Subscriber]{Value: sub, Run: func() {}}, nil
		}
		for want := 1; want < 4; want++ {
			sub, release, err := Derive(r.Stream(), "key", start)
			if err != nil || starts != want {
				t.Fatalf("%v, %d starts; want %d", err, starts, want)
			}
			<-sub.Done()
			synctest.Wait()
			defer release()
		}
		if log.Len() != 0 {
			t.Errorf("the log says %s", log)
		}
	})
}

func TestMakingOfFramesPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, log := logged()
		var kicked []error
		q := request("s")
		q.Kick = func(cause error) {
			kicked = append(kicked, cause)
			g.Totals() // no lock is held
		}
		p := publish(t, g, q)
		other := publish(t, g, request("other"))
		l := p.Lane("", func(_ context.Context, in *LaneReader) error {
			_, _ = packets(in)
			panic("damaged")
		})
		r, s := subscribe(t, g, request("s")), subscribe(t, g, request("s"))
		in := s.Lane(t.Context())
		_ = l.WritePacket(packet(0))
		want(t, r, "", nil) // somebody reads frames
		synctest.Wait()
		notes(t, log, "/live/s")
		if len(kicked) != 1 || !errors.Is(kicked[0], errPanic) {
			t.Errorf("kicked: %v", kicked)
		}
		if err := l.WritePacket(packet(1)); !errors.Is(err, errPanic) {
			t.Errorf("WritePacket = %v", err)
		}
		if err := p.write("K"); !errors.Is(err, errPanic) {
			t.Errorf("WriteFrame = %v", err)
		}
		want(t, r, "", errEnded)
		if list, err := packets(in); len(list) != 1 || !errors.Is(err, io.EOF) {
			t.Errorf("the reader of packets gets %v, %v", list, err)
		}
		p.Close()
		l.Wait()
		other.must(t, "K")
		publish(t, g, request("s")).must(t, "K") // its name is free
	})
}

// A lane that is over may panic without harm to the next one.
func TestMakingOfFramesPanicsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, log := logged()
		q := request("s")
		q.Kick = func(cause error) { t.Errorf("kicked: %v", cause) }
		p := publish(t, g, q)
		late := func(ctx context.Context, _ *LaneReader) error {
			<-ctx.Done()
			panic("damaged")
		}
		old := p.Lane("", late)
		r := subscribe(t, g, request("s"))
		want(t, r, "", nil)
		synctest.Wait()
		next := p.Lane("", nil)
		old.Wait()
		notes(t, log, "/live/s")
		if err := next.WritePacket(packet(0)); err != nil {
			t.Error(err)
		}
		p.must(t, "K")
		want(t, r, "K0", nil)
		last := p.Lane("", late)
		synctest.Wait()
		p.Close()
		last.Wait()
		publish(t, g, request("s")).must(t, "K")
	})
}
