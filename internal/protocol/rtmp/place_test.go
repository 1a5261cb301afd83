package rtmp

import (
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// attempt tries to publish, and returns the code that the server answers with.
func (h *house) attempt(name string) (*guest, string) {
	h.t.Helper()
	g := h.enter()
	g.connects()
	g.command("createStream", 2, nil)
	g.command("publish", 3, nil, name, "live")
	_, code, _ := g.status()
	return g, code
}

// departure is a way for a publisher to lose its place.
type departure struct {
	name string
	end  func(*house, *guest)
	told bool          // viewers hear of it, though lost publishers are waited for
	free bool          // the next one gets in at the first attempt
	mute time.Duration // normal_timeout; 0 is the default
}

var departures = []departure{
	{name: "close", end: func(_ *house, g *guest) { g.conn.Close() }},
	{name: "reset", end: func(_ *house, g *guest) { _ = g.conn.(*net.TCPConn).SetLinger(0); g.conn.Close() }},
	{name: "unpublish", end: func(_ *house, g *guest) { g.command("closeStream", 0, nil) }, told: true},
	{name: "kick", end: func(h *house, _ *guest) {
		if err := h.registry.Kick(h.registry.Streams()[0].Publisher, stream.ErrKicked); err != nil {
			h.t.Error(err)
		}
	}, told: true, free: true},
	{name: "takeover", end: func(h *house, _ *guest) { h.takeover.Store(true) }, free: true},
	{name: "stall", end: func(*house, *guest) {}, mute: 40 * time.Millisecond},
}

// TestPlaceIsNeverStuck has a thousand publishers of one name, each of whom leaves in one of
// all ways. After each the next gets in, and a viewer stays and is told what it should be.
func TestPlaceIsNeverStuck(t *testing.T) {
	for _, resume := range []time.Duration{0, time.Minute} {
		t.Run(fmt.Sprint(resume), func(t *testing.T) { relays(t, resume, 500) })
	}
}

func relays(t *testing.T, resume time.Duration, rounds int) {
	before := runtime.NumGoroutine()
	rules := func(mute time.Duration) func(*config.Config) {
		return func(c *config.Config) {
			v := c.Vhost(defaultVhost)
			v.Play.NotifyUnpublish, v.Publish.ResumeTimeout = true, resume
			if mute > 0 {
				v.Publish.NormalTimeout = mute
			}
		}
	}
	h := newHouse(t, rules(0))
	notices, stop := h.listen("s")
	told := 0
	var all []*guest
	leaving := departure{name: "nobody", free: true}
	for n := range rounds + 1 {
		g, tries := h.enters("s", leaving)
		if leaving.free && tries > 1 {
			t.Errorf("round %d: after %s the place is free at attempt %d only", n, leaving.name, tries)
		}
		h.takeover.Store(false)
		all = append(all, g)
		if n == rounds {
			g.command("closeStream", 0, nil)
			told++
			break
		}
		leaving = departures[n%len(departures)]
		if leaving.mute > 0 && n%5 > 0 {
			leaving = departures[0] // stalls take time
		}
		h.reload(rules(leaving.mute))
		g.send(wired(video, 0, avcKey))
		leaving.end(h, g)
		if leaving.told || resume == 0 && leaving.name != "takeover" {
			told++
		}
	}
	for end := time.Now().Add(patience); int(notices.Load()) < told && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := int(notices.Load()); n != told {
		t.Errorf("the viewer has been told of %d ends, not %d", n, told)
	}
	stop()
	for _, g := range all {
		g.conn.Close()
	}
	for end := time.Now().Add(patience); h.registry.Totals().Streams > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if n := h.registry.Totals(); n.Streams != 0 {
		t.Errorf("%+v is left", n)
	}
	h.empty(before)
}

// enters publishes as soon as the place is free, and returns the number of attempts.
func (h *house) enters(name string, after departure) (g *guest, tries int) {
	h.t.Helper()
	start := time.Now()
	for {
		g, code := h.attempt(name)
		tries++
		switch waited := time.Since(start); {
		case code == "NetStream.Publish.Start":
			return g, tries
		case code != codeBadName:
			h.t.Fatalf("after %s: %s", after.name, code)
		case waited > patience:
			h.t.Fatalf("after %s the place is not free for %s", after.name, waited)
		}
		g.conn.Close()
	}
}

// listen plays a stream, and counts how often it is told that the publisher has gone.
func (h *house) listen(name string) (notices *atomic.Int64, stop func()) {
	h.t.Helper()
	notices = new(atomic.Int64)
	g := h.enter()
	g.connects()
	g.plays(name)
	_ = g.conn.SetDeadline(time.Time{})
	ended := make(chan struct{})
	var leaving atomic.Bool
	go func() {
		defer close(ended)
		for {
			m, err := g.in.readMessage()
			if err != nil {
				if !leaving.Load() {
					h.t.Errorf("the viewer is dropped: %v", err)
				}
				return
			}
			if c, err := parseCommand(&m); m.kind == amf0Command && err == nil {
				if info, ok := c.object(1); ok && info.String("code") == "NetStream.Play.UnpublishNotify" {
					notices.Add(1)
				}
			}
		}
	}()
	return notices, func() {
		leaving.Store(true)
		g.conn.Close()
		<-ended
	}
}

// empty waits until no more goroutines are left than before.
func (h *house) empty(before int) {
	h.t.Helper()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			h.t.Fatalf("%d goroutines more\n%s", runtime.NumGoroutine()-before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestPlaceOfTheSilent checks that the place of a publisher who is gone without a word is free
// when normal_timeout is over, though the session says goodbye to it for a second more.
func TestPlaceOfTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		ours, theirs := net.Pipe()
		h.attend(ours)
		g := h.shake(theirs)
		g.connects()
		g.command("publish", 2, nil, "s")
		g.awaits("NetStream.Publish.Start")
		g.send(wired(audio, 0, aacFrame)) // the last that is heard of it
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := h.registry.Totals(); n.Streams != 1 {
			t.Errorf("before normal_timeout: %+v", n)
		}
		time.Sleep(5*time.Second/16 + time.Millisecond)
		synctest.Wait()
		if n := h.registry.Totals(); n.Streams != 0 {
			t.Errorf("after normal_timeout: %+v", n)
		}
		start := time.Now()
		h.sessions.Wait()
		if time.Since(start) < farewellTime/2 {
			t.Error("the session has not lasted longer: nothing was tried")
		}
		theirs.Close()
	})
}
