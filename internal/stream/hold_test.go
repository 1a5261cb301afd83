package stream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

var errCut = errors.New("the connection broke")

// waiting is a registry that waits for lost publishers.
type waiting struct {
	*Registry
	log strings.Builder

	mu    sync.Mutex
	rules Settings
}

func newWaiting(gates ...Gate) *waiting {
	w := &waiting{rules: cached}
	w.rules.Resume = 10 * time.Second
	w.Registry = NewRegistry(Options{
		Settings: func(string) Settings {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.rules
		},
		Gates: gates,
		Log:   slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	return w
}

// set changes the rules.
func (w *waiting) set(resume, idle time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules.Resume, w.rules.Idle = resume, idle
}

// told checks how often the log has a line with all the words.
func (w *waiting) told(t *testing.T, times int, words ...string) {
	t.Helper()
	synctest.Wait()
	n := 0
	for line := range strings.Lines(w.log.String()) {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			n++
		}
	}
	if n != times {
		t.Errorf("%q is in the log %d times, not %d:\n%s", words, n, times, &w.log)
	}
}

// noticed is a request of a viewer who wants to hear of publishers' ends.
func noticed(name string) *Request {
	r := request(name)
	r.Wait, r.Notice, r.Viewer = true, true, true
	return r
}

// changes drains a reader and returns its frames and what changed between the first and the
// last of them.
func changes(t *testing.T, r *Subscriber) ([]*media.Frame, media.Change) {
	t.Helper()
	dst := make([]*media.Frame, 100)
	n, _, err := r.next(dst)
	if n < 2 || err != nil {
		t.Fatalf("%d frames, %v", n, err)
	}
	return dst[:n], dst[n-1].Layout.Since(dst[0].Layout)
}

// TestRetiredWaitsForNobody has publishers be lost before and after it retires: readers hear of it at once, and are sent away.
func TestRetiredWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newWaiting()
		before, after := publish(t, g.Registry, request("before")), publish(t, g.Registry, request("after"))
		readers := map[string]*Subscriber{}
		kicked := 0
		for _, name := range []string{"before", "after"} {
			r := noticed(name)
			r.Kick = func(error) { kicked++ }
			readers[name] = subscribe(t, g.Registry, r)
		}
		before.must(t, "K")
		after.must(t, "K")
		want(t, readers["before"], "K0", nil)
		want(t, readers["after"], "K0", nil)
		before.Lost(errCut)
		want(t, readers["before"], "", nil) // it is waited for
		g.Retire()
		want(t, readers["before"], "", ErrUnpublished)
		g.told(t, 1, "publisher did not return", "cid="+before.request.ID, errElsewhere.Error())
		after.Lost(errCut)
		want(t, readers["after"], "", ErrUnpublished)
		for _, s := range g.Streams() {
			if s.Live {
				t.Errorf("%s is live", s.Name)
			}
		}
		if g.DismissIdle(ErrEnding); kicked != 2 {
			t.Errorf("%d readers are sent away", kicked)
		}
	})
}

func TestLostPublisherReturns(t *testing.T) {
	for name, c := range map[string]struct {
		layout *media.Layout
		config bool
	}{
		"equal headers": {pictures(), false},
		"other codecs":  {sounds(), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newWaiting()
			seen := subscribe(t, g.Registry, request("s"))
			plain := subscribe(t, g.Registry, request("s"))
			fussy := subscribe(t, g.Registry, noticed("s"))
			first := publish(t, g.Registry, request("s"))
			first.must(t, "KPKPa")
			want(t, plain, "K0 P1 K2 P3 a4", nil)
			want(t, fussy, "K0 P1 K2 P3 a4", nil)
			first.Lost(errCut)
			first.Lost(errCut)
			first.Close()
			g.told(t, 1, "publisher lost, its viewers wait for it", "limit=10s", "cause=", errCut.Error(), "cid="+first.request.ID)
			if err := first.write("P"); !errors.Is(err, ErrClosed) {
				t.Errorf("%s: a lost publisher's write gives %v", name, err)
			}
			time.Sleep(9 * time.Second)
			want(t, plain, "", nil)
			want(t, fussy, "", nil)
			late := subscribe(t, g.Registry, request("s"))
			if late.Layout() == nil {
				t.Errorf("%s: a late joiner sees no layout", name)
			}
			want(t, late, "K2 P3 a4", nil)
			if s := g.Streams(); len(s) != 1 || s[0].Publisher != "" || s[0].Clients != 4 || s[0].Layout == nil {
				t.Errorf("%s: during the hold: %+v", name, s)
			}
			next := publish(t, g.Registry, request("s"))
			g.told(t, 1, "publisher returned after 9s", "cid="+next.request.ID, "before="+first.request.ID)
			next.layout, next.own = c.layout, time.Hour
			next.must(t, "aa")
			want(t, plain, "a0 a1", nil)
			want(t, fussy, "a0 a1", nil)
			want(t, late, "a0 a1", nil)
			frames, change := changes(t, seen)
			if change&media.ChangePublisher == 0 || change&media.ChangeConfig != 0 != c.config {
				t.Errorf("%s: change %b", name, change)
			}
			var last int64
			for _, f := range frames {
				if f.DTS < last || f.DTS > last+int64(tick) {
					t.Errorf("%s: %d follows %d: the timeline has a step", name, f.DTS, last)
				}
				last = f.DTS
			}
			time.Sleep(time.Minute)
			want(t, plain, "", nil) // the hold is over
			next.Close()
			want(t, fussy, "", ErrUnpublished)
			want(t, fussy, "", nil)
			want(t, plain, "", io.EOF)
			g.told(t, 0, "did not return")
		})
	}
}

// TestHoldEnds has nobody come back: readers hear of it once, and the stream is gone with them.
func TestHoldEnds(t *testing.T) {
	const bit = 2100 * time.Millisecond // falls on no holdCheck
	for name, c := range map[string]struct {
		during func(g *waiting, id string) // after two seconds and a bit
		after  time.Duration               // from the loss
		cause  string
	}{
		"its time is over": {func(*waiting, string) {}, 10 * time.Second, "resume_timeout is over"},
		"kick": {func(g *waiting, id string) {
			if err := g.Kick(id, ErrKicked); err != nil {
				t.Error(err)
			}
			if err := g.Kick(id, ErrKicked); !errors.Is(err, ErrNoSession) {
				t.Error(err)
			}
		}, bit, ErrKicked.Error()},
		"new rules":           {func(g *waiting, _ string) { g.set(0, 0) }, 2500 * time.Millisecond, "resume_timeout is over"},
		"a longer time":       {func(g *waiting, _ string) { g.set(20*time.Second, 0) }, 20 * time.Second, "resume_timeout is over"},
		"nobody watches":      {func(g *waiting, _ string) { g.set(10*time.Second, 7*time.Second) }, 3 * time.Second, "kickoff_for_idle: 7s"},
		"idle longer than it": {func(g *waiting, _ string) { g.set(10*time.Second, time.Minute) }, 10 * time.Second, "resume_timeout is over"},
		"the server ends":     {func(g *waiting, _ string) { g.close() }, bit, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newWaiting()
			p := publish(t, g.Registry, request("s"))
			r := noticed("s")
			r.Viewer = false // it is a recorder
			reader := subscribe(t, g.Registry, r)
			var end atomic.Int64        // since the loss
			time.Sleep(4 * time.Second) // alone from the beginning
			p.must(t, "KP")
			lost := time.Now()
			p.Lost(errCut)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for {
					_, err := reader.ReadFrame()
					if errors.Is(err, ErrUnpublished) && end.Load() == 0 {
						end.Store(int64(time.Since(lost)))
						continue // the news comes once
					}
					if err != nil {
						return
					}
				}
			}()
			time.Sleep(bit)
			c.during(g, p.request.ID)
			time.Sleep(time.Minute)
			if got := time.Duration(end.Load()); got != c.after {
				t.Errorf("%s: it ends after %s, not %s", name, got, c.after)
			}
			if s := g.Streams(); len(s) != 1 {
				t.Errorf("%s: %+v", name, s)
			}
			reader.Close()
			<-ended
			if n := g.Totals(); n.Streams != 0 {
				t.Errorf("%s: %+v is left", name, n)
			}
			times := 1
			if c.cause == "" {
				times = 0
			}
			g.told(t, times, "publisher did not return", c.cause, "cid="+p.request.ID)
		})
	}
}

// TestHoldWithoutReaders checks that the stream stays for late joiners, and then leaves nothing.
func TestHoldWithoutReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newWaiting()
		p := publish(t, g.Registry, request("s"))
		p.must(t, "KPKP")
		p.Lost(errCut)
		time.Sleep(9 * time.Second)
		for range 2 { // the cache stays as they come and go
			r := subscribe(t, g.Registry, request("s"))
			want(t, r, "K2 P3", nil)
			r.Close()
		}
		if n := g.Totals(); n.Streams != 1 || n.Clients != 0 {
			t.Errorf("during the hold: %+v", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := g.Totals(); n.Streams != 0 {
			t.Errorf("after the hold: %+v", n)
		}
		next := publish(t, g.Registry, request("s"))
		next.must(t, "K")
		if f := held(next.stream)[0]; f.DTS != 0 {
			t.Errorf("a new stream begins at %d", f.DTS)
		}
	})
}

// TestNoHold has publishers end in ways that nobody waits for.
func TestNoHold(t *testing.T) {
	for name, end := range map[string]func(g *waiting, p *feed){
		"unpublished": func(_ *waiting, p *feed) { p.Close() },
		"kicked": func(g *waiting, p *feed) {
			if err := g.Kick(p.request.ID, ErrKicked); err != nil {
				t.Error(err)
			}
			if err := p.write("P"); !errors.Is(err, ErrKicked) {
				t.Errorf("write gives %v", err)
			}
		},
		"idle":                   func(g *waiting, _ *feed) { g.set(10*time.Second, time.Millisecond); g.sweep(time.Now()) },
		"already too long alone": func(g *waiting, _ *feed) { g.set(10*time.Second, time.Millisecond) },
		"rules":                  func(g *waiting, _ *feed) { g.set(0, 0) },
		"after the end":          func(g *waiting, _ *feed) { g.close() },
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newWaiting()
			q := request("s")
			q.Kick = func(error) {}
			viewer := noticed("s")
			viewer.Viewer = false
			r := subscribe(t, g.Registry, viewer)
			p := publish(t, g.Registry, q)
			p.must(t, "K")
			time.Sleep(time.Second)
			end(g, p)
			p.Lost(errCut)
			want(t, r, "K0", ErrUnpublished)
			g.told(t, 0, "lost")
			r.Close()
			if n := g.Totals(); n.Streams+n.Clients != 0 {
				t.Errorf("%s: %+v is left", name, n)
			}
		})
	}
}

// TestFlapping has an encoder come and go, with gates that are asked each time.
func TestFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		g := newWaiting(gate(func(_ context.Context, r *Request, publish bool) error {
			if publish {
				asked++
			}
			if r.Param == "?bad" {
				return &Denied{"test", "no"}
			}
			return nil
		}))
		r := subscribe(t, g.Registry, noticed("s"))
		for range 5 {
			p := publish(t, g.Registry, request("s"))
			p.must(t, "KP")
			want(t, r, "K0 P1", nil)
			p.Lost(errCut)
			bad := request("s")
			bad.Param = "?bad"
			if _, err := g.Publish(t.Context(), bad); err == nil {
				t.Error("the gate is not asked")
			}
			time.Sleep(9 * time.Second)
		}
		if asked != 10 {
			t.Errorf("the gate is asked %d times", asked)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, r, "", ErrUnpublished)
		g.told(t, 4, "publisher returned after 9s")
		g.told(t, 1, "publisher did not return")
	})
}

// TestTakeoverIsASplice checks that readers of all kinds stay, and late ones have the cache.
func TestTakeoverIsASplice(t *testing.T) {
	rules := cached
	rules.Takeover = true
	g := newRegistry(rules)
	a := publish(t, g, request("s"))
	plain, fussy := subscribe(t, g, request("s")), subscribe(t, g, noticed("s"))
	a.must(t, "KPP")
	b := publish(t, g, request("s"))
	late := subscribe(t, g, request("s"))
	b.own = time.Hour
	b.must(t, "KP")
	a.Lost(errCut)
	frames, change := changes(t, plain)
	if change&media.ChangePublisher == 0 || change&media.ChangeConfig != 0 {
		t.Errorf("change %b", change)
	}
	if got := frames[3].DTS; got != 3*int64(tick) {
		t.Errorf("the new one's first frame is at %d", got)
	}
	want(t, fussy, "K0 P1 P2 K0 P1", nil)
	want(t, late, "K0 P1 P2 K0 P1", nil)
	b.Close()
	want(t, plain, "", io.EOF)
	want(t, fussy, "", ErrUnpublished)
	want(t, fussy, "", nil)
}

func TestLaneOfALostPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newWaiting()
		r := subscribe(t, g.Registry, noticed("s"))
		p := publish(t, g.Registry, request("s"))
		m := &maker{feed: p}
		l := p.Lane("", m.frames)
		in := r.Lane(t.Context())
		reader := subscribe(t, g.Registry, request("s"))
		want(t, reader, "", nil) // frames are made
		p.Lost(errCut)
		l.Wait()
		if err := l.WritePacket(packet(1)); !errors.Is(err, ErrClosed) {
			t.Errorf("write gives %v", err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := in.ReadPackets(make([]*media.Packet, 1))
			ended <- err
		}()
		time.Sleep(5 * time.Second)
		subscribe(t, g.Registry, noticed("s")).Close() // attends to no lane that is over
		select {
		case err := <-ended:
			t.Errorf("during the hold the read ends with %v", err)
		default:
		}
		next := publish(t, g.Registry, request("s"))
		if err := <-ended; !errors.Is(err, io.EOF) {
			t.Errorf("when another has come, the read ends with %v", err)
		}
		_ = next.Lane("", nil).WritePacket(packet(2))
	})
}
