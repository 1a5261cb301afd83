package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/media"
)

// diary is a witness that writes down what it hears.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) hear(e Event) {
	line := string(e.What) + " " + e.Request.ID
	if e.What == Refused {
		line += " " + e.Act.String()
	}
	if e.Cause != nil {
		line += ": " + e.Cause.Error()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("heard\n%q\nwant\n%q", d.lines, want)
	}
	d.lines = nil
}

func named(id string) *Request {
	r := request("s")
	r.ID, r.Kick = id, func(error) {}
	return r
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		var rules atomic.Pointer[Settings]
		rules.Store(&cached)
		no := &Denied{"on_play", "no"}
		var asked Ask
		ctx, cancel := context.WithCancel(t.Context())
		g := NewRegistry(Options{
			Settings: func(string) Settings { return *rules.Load() },
			Gates: []Gate{gateOf(func(a Ask) error {
				asked = a
				if a.Request.Param == "?bad" {
					return no
				}
				return nil
			})},
			Witnesses: []Witness{d.hear},
		})
		var running sync.WaitGroup
		running.Go(func() { _ = g.Run(ctx) })
		defer running.Wait()
		defer cancel()

		// A connection that publishes, its second wish, and who comes between.
		visit := named("a")
		_ = g.Connect(ctx, visit)
		if asked.Act != Connect || asked.StreamID != "" {
			t.Errorf("asked %+v", asked)
		}
		p, err := g.Publish(ctx, named("a"))
		if err != nil {
			t.Fatal(err)
		}
		if asked.Act != Publish || asked.StreamID != p.stream.ID {
			t.Errorf("asked %+v of stream %s", asked, p.stream.ID)
		}
		_, err = g.Publish(ctx, named("b"))
		if !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		bad := named("c")
		bad.Param = "?bad"
		if _, err = g.Subscribe(ctx, bad); err != no { //nolint:errorlint // as it is
			t.Error(err)
		}
		sub, _ := g.Subscribe(ctx, named("d"))
		sub.End(io.ErrClosedPipe)
		_ = sub.Close()
		_ = p.Close()
		p.Lost(io.EOF)
		g.Disconnect(visit, time.Second, nil)
		d.expect(t, "connect a", "publish a", "denied b publish: "+ErrBusy.Error(), "denied c play: on_play: no",
			"play d", "stop d: io: read/write on closed pipe", "unpublish a", "close a")
		if n := g.Totals(); n.Streams != 0 || n.Clients != 0 {
			t.Errorf("%+v", n)
		}

		// Silence, a takeover, kicks, and idleness.
		p, _ = g.Publish(ctx, named("e"))
		p.Lost(fmt.Errorf("%w for 5s", ErrMute))
		rules.Store(&Settings{Takeover: true})
		p, _ = g.Publish(ctx, named("f"))
		p2, _ := g.Publish(ctx, named("g"))
		p.Lost(ErrReplaced)
		sub, _ = g.Subscribe(ctx, named("h"))
		_ = g.Kick("h", ErrKicked)
		_ = sub.Close()
		_ = g.Kick("g", ErrKicked)
		_ = p2.Close()
		p, _ = g.Publish(ctx, named("i"))
		rules.Store(&Settings{Idle: time.Second})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		_ = p.Close()
		d.expect(t, "publish e", "timeout e: publisher sent nothing for 5s", "unpublish e: publisher sent nothing for 5s",
			"publish f", "unpublish f: "+ErrReplaced.Error(), "publish g",
			"play h", "stop h: "+ErrKicked.Error(), "unpublish g: "+ErrKicked.Error(),
			"publish i", "unpublish i: "+idleFor(time.Second).Error())
	})
}

// TestSlowEvents has a reader that loses frames all the time: it is told of now and then.
func TestSlowEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		ctx, cancel := context.WithCancel(t.Context())
		g := NewRegistry(Options{
			Settings:  func(string) Settings { return Settings{GOPCache: true, QueueLength: time.Second} },
			Witnesses: []Witness{d.hear},
		})
		var running sync.WaitGroup
		running.Go(func() { _ = g.Run(ctx) })
		defer running.Wait()
		defer cancel()
		p := publish(t, g, named("p"))
		slow, fast := subscribe(t, g, named("slow")), subscribe(t, g, named("fast"))
		room := make([]*media.Frame, 32)
		for n := range 75 { // each of 0.4 s, 30 s together
			p.must(t, "KPPPPPPPPP")
			time.Sleep(400 * time.Millisecond)
			_, _ = fast.ReadBatch(room)
			if n%10 == 9 {
				_, _ = slow.ReadBatch(room)
			}
		}
		_ = slow.Close()
		_ = fast.Close()
		d.mu.Lock()
		defer d.mu.Unlock()
		if n := len(d.lines) - 5; n < 2 || n > 3 { // once each 10 s
			t.Errorf("%d slow events: %q", n, d.lines)
		}
	})
}

// gateOf is a Gate made of a function.
type gateOf func(Ask) error

func (g gateOf) Check(_ context.Context, a Ask) error { return g(a) }
