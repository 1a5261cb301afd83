package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// origin is a server that sends a show to everybody, from its newest key frame on.
type origin struct {
	clock time.Duration
	down  error // who comes is told

	mu     sync.Mutex
	began  time.Time // of the show; zero is not yet
	next   int       // picture
	feeds  map[*originFeed]bool
	silent bool // nothing is sent of the show
	pauses bool // the show does not go on
}

// originFeed is one that has come to an origin.
type originFeed struct {
	origin *origin
	ctx    context.Context
	queue  chan any // *media.Frame or error
}

func (f *originFeed) ReadBatch(dst []*media.Frame) (int, error) {
	for n := 0; ; {
		if n > 0 && (n == len(dst) || len(f.queue) == 0) {
			return n, nil
		}
		select {
		case x := <-f.queue:
			if err, ok := x.(error); ok {
				return n, err // no test has both at once
			}
			dst[n] = x.(*media.Frame)
			n++
		case <-f.ctx.Done():
			return 0, f.ctx.Err()
		}
	}
}

func (f *originFeed) Close() error {
	f.origin.mu.Lock()
	defer f.origin.mu.Unlock()
	delete(f.origin.feeds, f)
	return nil
}

// world is a server of ours with origins that the test plays.
type world struct {
	*stage
	show    show
	origins map[string]*origin
}

// newWorld has an edge of these origins, in this order.
func newWorld(t *testing.T, names ...string) *world {
	w := &world{show: newShow(), origins: map[string]*origin{}}
	w.show.gop = 50
	for _, name := range names {
		w.origins[name] = &origin{feeds: map[*originFeed]bool{}}
	}
	w.stage = newEdge(t, Scheme{Fetch: func(ctx context.Context, url string, v transport.Visit) (transport.Feed, error) {
		v.Traffic.Received.Add(100)
		w.tell("fetch " + url)
		o := w.origins[originOf(url)]
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.down != nil {
			return nil, o.down
		}
		f := &originFeed{o, ctx, make(chan any, 10_000)}
		o.feeds[f] = true
		if !o.began.IsZero() && !o.silent {
			newest := max(0, o.next-1)
			for _, m := range w.show.frames(newest-newest%w.show.gop, o.next, o.clock) {
				f.queue <- m
			}
		}
		return f, nil
	}}, names...)
	return w
}

// play has all origins send for a while.
func (w *world) play(d time.Duration) { w.playEach(40*time.Millisecond, d) }

// playEach has them send a picture each so often.
func (w *world) playEach(pace, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(pace) {
		for _, o := range w.origins {
			o.mu.Lock()
			if o.began.IsZero() {
				o.began = time.Now()
			}
			for f := range o.feeds {
				if o.silent || o.pauses {
					break
				}
				for _, m := range w.show.frames(o.next, o.next+1, o.clock) {
					m.At = media.Now()
					f.queue <- m
				}
			}
			if !o.pauses {
				o.next++
			}
			o.mu.Unlock()
		}
	}
}

// say has an origin tell all who have come something, or end with it.
func (w *world) say(name string, err error) {
	o := w.origins[name]
	o.mu.Lock()
	defer o.mu.Unlock()
	for f := range o.feeds {
		f.queue <- err
	}
}

// mute has an origin send nothing, or again.
func (w *world) mute(name string, on bool) {
	o := w.origins[name]
	o.mu.Lock()
	defer o.mu.Unlock()
	o.silent = on
}

// fall has an origin be there no more.
func (w *world) fall(name string, err error) {
	w.say(name, io.ErrUnexpectedEOF)
	w.origins[name].mu.Lock()
	defer w.origins[name].mu.Unlock()
	w.origins[name].down = err
}

// viewer reads a stream until the test ends.
type viewer struct {
	sub *stream.Subscriber

	mu     sync.Mutex
	frames []*media.Frame
	at     []time.Time
	end    error
	done   chan struct{}
}

func (w *world) view() *viewer { return w.viewOf("s") }

func (w *world) viewOf(name string) *viewer {
	sub, err := w.registry.Subscribe(w.t.Context(), &stream.Request{
		ID: stream.NewID(), Vhost: config.DefaultVhost, App: "live", Stream: name, Param: "?token=1", Viewer: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	v := &viewer{sub: sub, done: make(chan struct{})}
	go func() {
		defer close(v.done)
		for {
			f, err := sub.ReadFrame()
			v.mu.Lock()
			if err != nil {
				v.end = err
				v.mu.Unlock()
				return
			}
			v.frames, v.at = append(v.frames, f), append(v.at, time.Now())
			v.mu.Unlock()
		}
	}()
	return v
}

// ends closes the view, and reports the longest time without a frame, how many pictures are missing or come twice, and how often the
// publisher has changed.
func (v *viewer) ends() (gap time.Duration, odd, splices int) {
	v.sub.Close()
	<-v.done
	last := -1
	for i, f := range v.frames {
		if i > 0 {
			gap = max(gap, v.at[i].Sub(v.at[i-1]))
			if f.Layout.Publisher != v.frames[i-1].Layout.Publisher {
				splices++
				last = -1
			}
		}
		if f.Track != 0 {
			continue
		}
		n := 0
		for _, c := range strings.TrimPrefix(string(f.Raw()), "picture ") {
			n = 10*n + int(c-'0')
		}
		if last >= 0 && n != last+1 {
			odd++
		}
		last = n
	}
	return gap, odd, splices
}

// TestPull has one pull for all viewers, from the first to the last.
func TestPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1")
		a := w.view()
		w.play(2 * time.Second)
		b := w.view()
		w.play(2 * time.Second)
		a.sub.Close()
		w.play(2 * time.Second)
		if fetched, _ := w.relay.Hauls(); fetched != (stream.Haul{Streams: 1, Bytes: 100}) {
			t.Errorf("fetched %+v", fetched)
		}
		if gap, odd, splices := b.ends(); gap > 100*time.Millisecond || odd > 0 || splices > 0 || len(b.frames) < 200 {
			t.Errorf("gap %s, %d odd, %d splices, %d frames", gap, odd, splices, len(b.frames))
		}
		w.want("0.0 fetch rtmp://a:1/live/s?token=1")
		if n := len(w.origins["a:1"].feeds); n != 0 || len(w.registry.Streams()) != 0 {
			t.Errorf("%d feeds are left, and %v", n, w.registry.Streams())
		}
		if fetched, _ := w.relay.Hauls(); fetched != (stream.Haul{Bytes: 100}) {
			t.Errorf("fetched %+v at the end", fetched)
		}
		<-a.done
	})
}

// TestPullHeadStart has the first origin not answer: the next is tried beside it.
func TestPullHeadStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1", "b:1", "c:1")
		w.origins["a:1"].silent = true
		w.play(40 * time.Millisecond)
		v := w.view()
		w.play(time.Second)
		v.ends()
		if v.at[0].Sub(w.began) > 350*time.Millisecond {
			t.Errorf("the first frame comes after %s", v.at[0].Sub(w.began))
		}
		w.want("0.0 fetch rtmp://a:1/live/s?token=1", "0.3 fetch rtmp://b:1/live/s?token=1")
	})
}

// TestPullFailover has the origin die, fall silent, and ask to be left: the viewer sees all pictures, once.
func TestPullFailover(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(w *world)
		clock   time.Duration // of the other origin
		gap     time.Duration
	}{
		"it dies":         {func(w *world) { w.fall("a:1", errors.New("refused")) }, 0, 100 * time.Millisecond},
		"it is restarted": {func(w *world) { w.fall("a:1", errors.New("refused")) }, -time.Hour, 100 * time.Millisecond},
		"it is cut off":   {func(w *world) { w.mute("a:1", true) }, time.Second, 1200 * time.Millisecond},
		"it asks":         {func(w *world) { w.say("a:1", transport.ErrMove) }, time.Second, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "a:1", "b:1")
				w.origins["b:1"].clock = c.clock
				w.play(40 * time.Millisecond)
				v := w.view()
				w.play(2200 * time.Millisecond)
				c.happens(w)
				w.play(3 * time.Second)
				if gap, odd, splices := v.ends(); gap > c.gap || odd > 0 || splices > 0 || len(v.frames) < 250 {
					t.Errorf("gap %s, %d odd, %d splices, %d frames", gap, odd, splices, len(v.frames))
				}
				if n := len(w.told); n != 2 {
					t.Errorf("it was told %q", w.told)
				}
			})
		})
	}
}

// TestPullRevives has the only origin be silent for a while: it is dialled anew beside the connection that there is, by which the stream
// goes on, and nothing is begun anew.
func TestPullRevives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1")
		v := w.view()
		w.play(2 * time.Second)
		w.mute("a:1", true)
		w.play(9400 * time.Millisecond)
		w.mute("a:1", false)
		w.play(2 * time.Second)
		w.mute("a:1", true) // and for a moment, which is nothing to do about
		w.play(3 * time.Second)
		w.mute("a:1", false)
		w.play(time.Second)
		if gap, _, splices := v.ends(); gap < 8*time.Second || splices > 0 {
			t.Errorf("gap %s, %d splices", gap, splices)
		}
		if n := w.dials(); n != 2 {
			t.Errorf("%d dials", n)
		}
	})
}

// TestPullReturns has the only origin be restarted: it is tried again soon, and not all the time.
func TestPullReturns(t *testing.T) {
	for name, c := range map[string]struct{ away, gap time.Duration }{
		"for a moment": {600 * time.Millisecond, 1350 * time.Millisecond},
		"for a while":  {5 * time.Second, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "a:1")
				v := w.view()
				w.play(2 * time.Second)
				w.fall("a:1", errors.New("connection refused"))
				w.play(c.away)
				o := w.origins["a:1"]
				o.mu.Lock()
				o.down = nil
				o.mu.Unlock()
				w.play(4 * time.Second)
				w.mu.Lock()
				if n := len(w.told); n > 14 {
					t.Errorf("%d attempts: %q", n, w.told)
				}
				w.mu.Unlock()
				if gap, _, splices := v.ends(); gap > c.gap || splices > 1 {
					t.Errorf("gap %s, %d splices", gap, splices)
				}
			})
		})
	}
}

// TestPullFlaps has the origins break off as soon as they have sent something: they are not called again and again.
func TestPullFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1", "b:1")
		v := w.view()
		for range 250 { // ten seconds
			w.play(40 * time.Millisecond)
			w.say("a:1", io.ErrUnexpectedEOF)
			w.say("b:1", io.ErrUnexpectedEOF)
		}
		v.ends()
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.told); n < 5 || n > 12 {
			t.Errorf("%d attempts: %q", n, w.told)
		}
	})
}

// TestPullEnds has the publisher end at the origin: viewers are told. The next one is a splice for those who come again.
func TestPullEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1")
		v := w.view()
		w.play(2 * time.Second)
		w.say("a:1", stream.ErrUnpublished)
		<-v.done
		if !errors.Is(v.end, io.EOF) {
			t.Errorf("the viewer ends with %v", v.end)
		}
		again := w.view()
		w.play(2 * time.Second)
		if again.ends(); len(again.frames) < 80 {
			t.Errorf("%d frames", len(again.frames))
		}
		v.sub.Close()
		w.want("0.0 fetch rtmp://a:1/live/s?token=1")
	})
}

// TestPullEndsAndCloses has the publisher end at an origin that closes then, as over HTTP: that is no failure, and the next one is
// found.
func TestPullEndsAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1")
		v := w.view()
		w.play(2 * time.Second)
		w.say("a:1", stream.ErrUnpublished)
		w.say("a:1", io.EOF)
		<-v.done
		again := w.view()
		w.play(5 * time.Second)
		if again.ends(); len(again.frames) < 80 {
			t.Errorf("%d frames", len(again.frames))
		}
		v.sub.Close()
		synctest.Wait()
		if strings.Contains(w.log.String(), "WARN") {
			t.Errorf("the log says %s", &w.log)
		}
	})
}

// TestPullNobody has no origin that can be reached: they are tried again and again, and the log says so once.
func TestPullNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "a:1", "b:1")
		for _, o := range w.origins {
			o.down = errors.New("connection refused")
		}
		v := w.view()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		w.mu.Lock()
		if n := len(w.told); n < 6 || n > 10 {
			t.Errorf("%d attempts: %q", n, w.told)
		}
		w.mu.Unlock()
		if lines := w.log.Lines("connection refused"); len(lines) != 2 { // one for each
			t.Errorf("the log says %q", lines)
		}
		for _, o := range w.origins {
			o.mu.Lock()
			o.down = nil
			o.mu.Unlock()
		}
		w.play(4 * time.Second)
		if v.ends(); len(v.frames) == 0 {
			t.Error("nothing has come")
		}
	})
}

// TestPullRefused has an origin refuse viewers that have no leave: it is as good as others for those who have.
func TestPullRefused(t *testing.T) {
	for _, refuses := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "a:1")
			w.origins["a:1"].down = errors.New("connection reset")
			if refuses {
				w.origins["a:1"].down = fmt.Errorf("%w: the token is bad", transport.ErrRefused)
			}
			v := w.view()
			w.play(2 * time.Second)
			v.ends()
			if n := w.bad(); (n == 0) != refuses {
				t.Errorf("refuses %v: %d origins are bad", refuses, n)
			}
		})
	}
}

// TestPullHerd has an origin that many streams come from be gone for a while: those who bring them do not dial it in step.
func TestPullHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 100
		w := newWorld(t, "a:1")
		var views []*viewer
		for i := range streams {
			views = append(views, w.viewOf(fmt.Sprint("s", i)))
		}
		w.play(2 * time.Second)
		w.fall("a:1", errors.New("connection refused"))
		w.play(5 * time.Second)
		for _, v := range views {
			v.ends()
		}
		at := map[string]int{} // tenths of seconds
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, told := range w.told {
			when, _, _ := strings.Cut(told, " ")
			at[when]++
		}
		for when, n := range at {
			if when > "2.9" && n > streams/2 {
				t.Errorf("%d of %d dial at %s", n, streams, when)
			}
		}
	})
}
