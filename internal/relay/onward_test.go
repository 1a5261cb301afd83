package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// takers are origins that take streams, and what each was sent.
type takers struct {
	*stage

	mu    sync.Mutex
	says  map[string]error         // what one says to a newcomer; nil takes him
	slow  map[string]time.Duration // before
	drop  map[string]chan error    // ends what is being sent
	lets  map[string]time.Duration // after which one lets a stream go; 0 is never
	got   map[string][]string      // by origin
	visit transport.Visit          // the newest
}

func newTakers(t *testing.T, names ...string) *takers {
	x := &takers{says: map[string]error{}, slow: map[string]time.Duration{}, drop: map[string]chan error{}, lets: map[string]time.Duration{}, got: map[string][]string{}}
	for _, name := range names {
		x.drop[name] = make(chan error, 1)
	}
	x.stage = newEdge(t, Scheme{Push: x.push}, names...)
	return x
}

func (x *takers) push(ctx context.Context, url string, v transport.Visit, open func(stream.Cargo) *stream.Subscriber, _ <-chan struct{}) error {
	name := originOf(url)
	x.tell(url)
	x.mu.Lock()
	err, slow, drop, lets := x.says[name], x.slow[name], x.drop[name], x.lets[name]
	x.visit = v
	x.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	sub := open("")
	if sub == nil {
		return context.Cause(ctx)
	}
	v.Traffic.Sent.Add(100)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { sub.Close() })()
	ended := make(chan error, 1)
	go func() {
		for {
			f, err := sub.ReadFrame()
			if err != nil {
				ended <- err
				return
			}
			x.mu.Lock()
			x.got[name] = append(x.got[name], string(f.Raw()))
			x.mu.Unlock()
		}
	}()
	var late <-chan time.Time
	if lets > 0 {
		late = time.After(lets)
	}
	select {
	case err := <-drop:
		return err
	case <-late:
		return errors.New("it closes")
	case err := <-ended:
		if errors.Is(err, stream.ErrClosed) {
			return context.Cause(ctx)
		}
		return nil
	}
}

func (x *takers) say(name string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.says[name] = err
}

// shown publishes pictures, numbered from one on.
func (x *takers) shown(p *stream.Publisher, from, to int) {
	for _, f := range newShow().frames(from, to, 0) {
		if err := p.WriteFrame(f); err != nil {
			x.t.Error(err)
			return
		}
		if f.Track == 1 {
			time.Sleep(40 * time.Millisecond)
		}
	}
}

// TestRoute has a publisher at an edge: the origin takes the stream first, and is sent all of it.
func TestRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTakers(t, "a:1", "b:1")
		x.slow["a:1"] = 2 * time.Second
		p := x.publish()
		if d := time.Since(x.began); d != 2*time.Second {
			t.Errorf("it may publish after %s", d)
		}
		x.shown(p, 0, 30)
		if _, sent := x.relay.Hauls(); sent != (stream.Haul{Streams: 1, Bytes: 100}) {
			t.Errorf("sent %+v", sent)
		}
		p.Close()
		synctest.Wait()
		if _, sent := x.relay.Hauls(); sent != (stream.Haul{Bytes: 100}) {
			t.Errorf("sent %+v at the end", sent)
		}
		if got := x.got["a:1"]; len(got) != 60 || got[0] != "picture 0" {
			t.Errorf("%d frames: %q", len(got), got)
		}
		if x.visit.Request.Stream != "s" || fmt.Sprint(x.visit.Via) != "[me]" || x.visit.TCURL != "rtmp://a:1/live" {
			t.Errorf("visit %+v", x.visit)
		}
		x.want("0.0 rtmp://a:1/live/s?token=1")
	})
}

// TestRouteRefused has origins that refuse, or cannot be reached.
func TestRouteRefused(t *testing.T) {
	refused := fmt.Errorf("%w: bad token", transport.ErrRefused)
	down := errors.New("connection refused")
	for name, c := range map[string]struct {
		a, b error
		want error
		told int
	}{
		"the first refuses":        {refused, nil, nil, 1},
		"somebody publishes there": {fmt.Errorf("%w: %w", transport.ErrRefused, stream.ErrBusy), nil, stream.ErrBusy, 1},
		"none is there":            {down, down, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTakers(t, "a:1", "b:1")
				x.say("a:1", c.a)
				x.say("b:1", c.b)
				_, err := x.registry.Publish(t.Context(), &stream.Request{ID: "12345678", Vhost: config.DefaultVhost, App: "live", Stream: "s"})
				denied := new(stream.Denied)
				if c.want != nil && !errors.Is(err, c.want) || c.want == nil && !errors.As(err, &denied) || len(x.told) != c.told {
					t.Errorf("%v, after %q", err, x.told)
				}
			})
		})
	}
}

// TestRouteFailover has the origin die while a stream goes there: another one takes it, from its newest key frame on, and the publisher
// does not notice. When there is none any more, the publisher is ended.
func TestRouteFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTakers(t, "a:1", "b:1")
		p := x.publish()
		x.shown(p, 0, 15)
		x.say("a:1", errors.New("connection refused"))
		x.drop["a:1"] <- errors.New("reset")
		x.shown(p, 15, 45)
		synctest.Wait()
		if got := x.got["b:1"]; len(got) < 60 || got[0] != "picture 10" {
			t.Errorf("%d frames: %q", len(got), got)
		}
		x.say("b:1", errors.New("connection refused"))
		x.drop["b:1"] <- errors.New("reset")
		var err error
		began := time.Now()
		for n := 45; err == nil && time.Since(began) < time.Minute; n++ {
			for _, f := range newShow().frames(n, n+1, 0) {
				err = p.WriteFrame(f)
			}
			time.Sleep(40 * time.Millisecond)
		}
		if took := time.Since(began); !errors.Is(err, errUntaken) || took < homeless || took > homeless+time.Second {
			t.Errorf("the publisher ends with %v, after %s", err, took)
		}
		p.Close()
	})
}

// TestHealth has origins take turns, and those that have failed come last.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHealth()
		list := []string{"a", "b", "c"}
		want := func(what ...string) {
			t.Helper()
			if got := h.order("v", list); fmt.Sprint(got) != fmt.Sprint(what) {
				t.Errorf("order %v, want %v", got, what)
			}
		}
		want("a", "b", "c")
		want("b", "c", "a")
		h.failed("c")
		want("a", "b", "c")
		want("a", "b", "c")
		h.failed("a")
		time.Sleep(time.Second)
		want("b", "c", "a")
		time.Sleep(avoidFirst)
		want("c", "a", "b")
		for range 20 {
			h.failed("b")
		}
		time.Sleep(avoidMost - time.Second)
		want("a", "c", "b")
		h.well("b")
		want("b", "c", "a")
		if got := h.order("v", nil); got != nil {
			t.Errorf("of none: %v", got)
		}
	})
}

// TestResolver has names with several addresses, none, and a name server that fails.
func TestResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver()
		var asked atomic.Int32
		var fails error
		r.lookup = func(_ context.Context, host string) ([]string, error) {
			asked.Add(1)
			if fails != nil {
				return nil, fails
			}
			return map[string][]string{"two.test": {"10.0.0.2", "10.0.0.1"}, "six.test": {"fd00::1"}}[host], nil
		}
		all := func(origins ...string) string {
			list, err := r.all(t.Context(), origins)
			return fmt.Sprint(list, err)
		}
		if got := all("a:1", "dns://two.test:1935", "dns://six.test:1935"); got != "[a:1 10.0.0.1:1935 10.0.0.2:1935 [fd00::1]:1935] <nil>" {
			t.Error(got)
		}
		fails = errors.New("no answer")
		all("dns://two.test:1935")
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
		time.Sleep(resolvedFor)
		if got := all("dns://two.test:1935"); got != "[10.0.0.1:1935 10.0.0.2:1935] <nil>" {
			t.Errorf("while the name server fails: %s", got)
		}
		if got := all("dns://other.test:1935"); got != "[] origin dns://other.test:1935: no answer" {
			t.Error(got)
		}
		if got := all("dns://bad"); !strings.Contains(got, "missing port") {
			t.Error(got)
		}
	})
}

// TestLoop has a stream asked for that would be fetched from this server itself.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1")
		r := &stream.Request{ID: "12345678", Vhost: config.DefaultVhost, App: "live", Stream: "s", Via: []string{"you", "me"}}
		_, err := w.registry.Subscribe(t.Context(), r)
		if denied, ok := errors.AsType[*stream.Denied](err); !ok || !strings.Contains(denied.Reason, "asks for the stream") {
			t.Errorf("a loop gives %v", err)
		}
		w.want()
		r = &stream.Request{ID: "12345679", Vhost: config.DefaultVhost, App: "live", Stream: "s", Via: []string{"you"}}
		sub, err := w.registry.Subscribe(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		w.play(time.Second)
		sub.Close()
		w.want("0.0 fetch rtmp://a:1/live/s")
	})
}

func TestUpstream(t *testing.T) {
	r := &stream.Request{Vhost: "a.test", App: "live", Stream: "s", Param: "?vhost=a.test&token=1", TCURL: "https://a.test/live"}
	plain := &stream.Request{Vhost: config.DefaultVhost, App: "live", Stream: "s", TCURL: "rtmp://127.0.0.1/live"}
	for _, c := range []struct {
		cluster           config.Cluster
		origin            string
		r                 *stream.Request
		pull, whole, tURL string
	}{
		{config.Cluster{}, "o:19350", plain, "rtmp://o:19350/live/s", "rtmp://o:19350/live/s", "rtmp://o:19350/live"},
		{config.Cluster{}, "o", r, "rtmp://o/live/s?token=1", "rtmp://o/live/s?token=1&vhost=a.test", "rtmp://a.test/live"},
		{config.Cluster{Vhost: "x.[vhost]"}, "o:19350", r, "rtmp://o:19350/live/s?token=1", "rtmp://o:19350/live/s?token=1&vhost=x.a.test", "rtmp://x.a.test:19350/live"},
		{config.Cluster{Protocol: "flv"}, "o:8080", plain, "http://o:8080/live/s.flv", "rtmp://o:8080/live/s", "rtmp://o:8080/live"},
		{config.Cluster{Protocol: "flvs"}, "o", r, "https://o/live/s.flv?token=1&vhost=a.test", "rtmp://o/live/s?token=1&vhost=a.test", "rtmp://a.test/live"},
		{config.Cluster{Protocol: "rtmp", FollowClient: true}, "o", r, "https://o/live/s.flv?token=1&vhost=a.test", "rtmp://o/live/s?token=1&vhost=a.test", "rtmp://a.test/live"},
		{config.Cluster{Protocol: "flv", FollowClient: true}, "o", plain, "http://o/live/s.flv", "rtmp://o/live/s", "rtmp://o/live"},
		{config.Cluster{}, "[fd00::1]:1935", plain, "rtmp://[fd00::1]:1935/live/s", "rtmp://[fd00::1]:1935/live/s", "rtmp://[fd00::1]/live"},
	} {
		u := upstream(&c.cluster, protocolOf(&c.cluster, c.r), c.origin, c.r)
		if u.pull != c.pull || u.whole != c.whole || u.tcURL != c.tURL {
			t.Errorf("%+v at %s: %+v", c.cluster, c.origin, u)
		}
	}
}
