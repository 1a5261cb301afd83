package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/transport"
)

// pushes is the other side of targets.
type pushes func(ctx context.Context, url string, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error

func (f pushes) scheme() Scheme {
	return Scheme{Push: func(ctx context.Context, url string, v transport.Visit, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
		return f(ctx, url, func(c stream.Cargo) *stream.Subscriber {
			v.Traffic.Sent.Add(100)
			return open(c)
		}, over)
	}}
}

// takes is a target that takes a stream to its end.
func takes(ctx context.Context, open func(stream.Cargo) *stream.Subscriber) (frames int64, err error) {
	sub := open("")
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { sub.Close() })()
	frames, err = media.Copy(discard{}, sub)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return frames, err
}

// film returns what writes frames for so long. They do not come at the same times as anything else.
func (x *stage) film(p *stream.Publisher) func(time.Duration) {
	l, n := &media.Layout{Tracks: []*media.Track{{Kind: media.Audio, Codec: media.AAC}}}, 0
	time.Sleep(10 * time.Millisecond)
	return func(d time.Duration) {
		for end := n + int(d/(20*time.Millisecond)); n < end; n++ {
			if err := p.WriteFrame(frame(l, n)); err != nil {
				x.t.Error(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func destinations(names ...string) func(*config.Vhost) {
	return func(v *config.Vhost) { v.Forward = config.Forward{Enabled: true, Destination: names} }
}

func backend(onError string, destinations ...string) func(*config.Vhost) {
	return func(v *config.Vhost) {
		v.Forward = config.Forward{Enabled: true, Destination: destinations, Backend: "http://one.test", BackendOnError: onError}
	}
}

// heard returns what has been heard of targets.
func (x *stage) heard() string {
	synctest.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	return strings.Join(x.events, "; ")
}

// list returns what the relay tells of targets.
func (x *stage) list() string {
	synctest.Wait()
	var out []string
	for _, t := range x.relay.Targets() {
		out = append(out, fmt.Sprint(t.URL, " ", t.State, " ", t.Attempts, " ", t.Sent, " ", t.LastError))
	}
	return strings.Join(out, "; ")
}

func (x *stage) same(what, got, want string) {
	x.t.Helper()
	if got != want {
		x.t.Errorf("%s: %s\nwant %s", what, got, want)
	}
}

// TestForward has a target that is not there at first, breaks off, and comes back: each attempt begins with a position of its
// own, the end of the publication is the end, and all of it is told.
func TestForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x *stage
		attempts := 0
		x = newStage(t, pushes(func(ctx context.Context, url string, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
			switch attempts++; attempts {
			case 1:
				time.Sleep(time.Second)
				return errors.New("nobody there")
			case 2:
				return fmt.Errorf("%w: full", transport.ErrRefused)
			case 3:
				ctx, cancel := context.WithTimeoutCause(ctx, 4*time.Second, errors.New("broken off"))
				defer cancel()
				n, err := takes(ctx, open)
				x.tell(fmt.Sprintf("%d frames, %v", n, err))
				return err
			}
			n, err := takes(ctx, open)
			x.tell(fmt.Sprintf("%d frames, %v", n, err))
			return err
		}).scheme())
		x.change(destinations("a.test", "rtmp://bad.test/app/k3y?secret=1"))
		p := x.publish()
		run := x.film(p)
		const bad, a = "rtmp://bad.test/app/***a1ac?secret=*** refused 0 0 it is bad", "rtmp://a.test/live/s?token=*** "
		x.same("at first", x.list(), a+"connecting 1 0 ; "+bad)
		run(2 * time.Second)
		x.same("nobody there", x.list(), a+"waiting 1 0 nobody there; "+bad)
		run(1500 * time.Millisecond)
		x.same("refused", x.list(), a+"refused 2 0 refused by the server: full; "+bad)
		for _, x := range x.relay.Targets() {
			if next := time.Until(x.Next); x.Attempts == 2 && (next < 3*time.Second || next > 6*time.Second) {
				t.Errorf("the third attempt is in %s", next)
			}
		}
		run(6 * time.Second)
		x.same("sending", x.list(), a+"sending 3 100 refused by the server: full; "+bad)
		run(13 * time.Second)
		x.same("again", x.list(), a+"sending 4 200 broken off; "+bad)
		p.Close()
		time.Sleep(2 * lookEvery)
		x.same("at the end", x.list(), "")
		time.Sleep(time.Minute)
		if attempts != 4 || len(x.told) != 2 || !strings.HasSuffix(x.told[0], "200 frames, broken off") {
			t.Errorf("%d attempts: %q", attempts, x.told)
		}
		got := strings.ReplaceAll(x.heard(), "rtmp://a.test/live/s?token=***", "A")
		const badly = "error rtmp://bad.test/app/***a1ac?secret=*** it is bad"
		got = strings.TrimPrefix(strings.Replace(got, badly+"; ", "", 1), "; ")
		x.same("events", got, "error A nobody there; error A refused by the server: full; begin A; end A broken off; error A broken off; begin A; end A")
		for words, n := range map[string]int{"nobody there": 1, "it is bad": 1, "stream is sent on\"": 2, "broken off": 1, "to its end": 1} {
			if lines := x.log.Lines(words); len(lines) != n {
				t.Errorf("the log has %d lines with %q: %q", len(lines), words, lines)
			}
		}
	})
}

// TestForwardBackoff has a target that is not there for long: attempts become rarer, and are frequent again once it has
// taken the stream for a while, but not if that was short.
func TestForwardBackoff(t *testing.T) {
	for taken, soon := range map[time.Duration]bool{10 * time.Second: false, 40 * time.Second: true} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			x := newStage(t, pushes(func(ctx context.Context, _ string, open func(stream.Cargo) *stream.Subscriber, _ <-chan struct{}) error {
				if at = append(at, time.Now()); len(at) == 9 {
					ctx, cancel := context.WithTimeout(ctx, taken)
					defer cancel()
					_, err := takes(ctx, open)
					return err
				}
				return errors.New("nobody there")
			}).scheme())
			x.change(destinations("a.test"))
			p := x.publish()
			run := x.film(p)
			run(6 * time.Minute)
			p.Close()
			time.Sleep(time.Minute)
			synctest.Wait()
			for n := range 8 {
				gap, most := at[n+1].Sub(at[n]), min(3*time.Second<<n, 30*time.Second)
				if gap > most || gap < most*3/4 || n == 0 && gap != 3*time.Second {
					t.Errorf("attempt %d comes %s after the one before", n+2, gap)
				}
			}
			gap := at[10].Sub(at[9])
			if soon && (gap < 4500*time.Millisecond || gap > 6*time.Second) || !soon && gap < 22*time.Second {
				t.Errorf("after %s that went well, the second attempt comes %s after the first", taken, gap)
			}
			want := map[bool]int{false: 1, true: 2}[soon]
			if lines := x.log.Lines("nobody there"); len(lines) < want {
				t.Errorf("%q", lines)
			}
		})
	}
}

// TestForwardSlow has a target that takes the stream and then reads nothing, beside one that is well and one that is down: it
// loses what is older than queue_length, and nobody waits for it.
func TestForwardSlow(t *testing.T) {
	for _, length := range []time.Duration{time.Second, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var x *stage
			x = newStage(t, pushes(func(ctx context.Context, url string, open func(stream.Cargo) *stream.Subscriber, _ <-chan struct{}) error {
				switch {
				case strings.Contains(url, "down"):
					return errors.New("nobody there")
				case strings.Contains(url, "slow"):
					sub := open("")
					defer sub.Close()
					_, _ = sub.ReadFrame()
					<-ctx.Done()
					return ctx.Err()
				}
				n, err := takes(ctx, open)
				x.tell(fmt.Sprint(n, " frames"))
				return err
			}).scheme())
			x.change(destinations("slow.test", "well.test", "down.test"))
			x.change(func(v *config.Vhost) { v.Play.QueueLength = length })
			p := x.publish()
			run := x.film(p)
			began := time.Now()
			run(20 * time.Second)
			if took := time.Since(began); took != 20*time.Second {
				t.Errorf("20 s took %s", took)
			}
			list := x.relay.Targets()
			if len(list) != 3 {
				t.Fatal(x.list())
			}
			kept := 1000 - 1 - int(list[1].Lost)
			if most := int(length / (20 * time.Millisecond)); list[1].State != stream.Sending || kept < most*3/4 || kept > most+60 {
				t.Errorf("the slow target: %+v, of 1000 frames %d wait", list[1], kept)
			}
			if list[1].Frames != 1 || list[2].Frames != 1000 {
				t.Errorf("the slow target was sent %d frames, and the other %d", list[1].Frames, list[2].Frames)
			}
			if list[2].Lost != 0 || list[2].State != stream.Sending {
				t.Errorf("the target that is well: %+v", list[2])
			}
			p.Close()
			time.Sleep(drainTime + time.Second)
			x.want("20.0 1000 frames")
		})
	}
}

// TestForwardBackend has all that a backend can say when somebody wants to publish.
func TestForwardBackend(t *testing.T) {
	no := &stream.Denied{Gate: "on_forward", Reason: "not today"}
	for name, c := range map[string]struct {
		urls    []string
		err     error
		onError string
		refused string
		sent    string
	}{
		"two":            {[]string{"rtmp://a.test/x/[stream]", "rtmp://b.test/y"}, nil, "deny", "", "rtmp://a.test/x/[stream] rtmp://b.test/y"},
		"the same":       {[]string{"rtmp://a.test/x", "rtmp://a.test/x"}, nil, "deny", "", "rtmp://a.test/x"},
		"none":           {nil, nil, "deny", "", ""},
		"rubbish":        {[]string{"rubbish", "rtmp://bad.test/x", "rtmp://b.test/y"}, nil, "deny", "", "rtmp://b.test/y"},
		"no, deny":       {nil, no, "deny", "on_forward: not today", ""},
		"no, allow":      {nil, no, "allow", "on_forward: not today", ""},
		"failing, deny":  {nil, errors.New("nobody there"), "deny", "on_forward: nobody there", ""},
		"failing, allow": {nil, errors.New("nobody there"), "allow", "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var x *stage
			x = newStage(t, pushes(func(ctx context.Context, url string, _ func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
				x.tell(url)
				<-over
				return nil
			}).scheme())
			x.change(backend(c.onError, "never.test"))
			x.says(func(string, *stream.Request) ([]string, error) { return c.urls, c.err })
			p, err := x.tryPublish()
			if refused := words(err); refused != c.refused {
				t.Errorf("%s: %s", name, refused)
			}
			synctest.Wait()
			asked, sent := 0, []string{}
			for _, line := range x.told {
				if _, what, _ := strings.Cut(line, " "); what == "ask http://one.test" {
					asked++
				} else {
					sent = append(sent, what)
				}
			}
			slices.Sort(sent)
			if got := strings.Join(sent, " "); asked != 1 || got != c.sent {
				t.Errorf("%s: asked %d times, sent to %s", name, asked, got)
			}
			if p != nil {
				p.Close()
				time.Sleep(2 * lookEvery)
			}
		})
	}
}

// TestForwardBackendAgain has a backend that answers late, by which time others publish and the rules have another backend.
func TestForwardBackendAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x *stage
		x = newStage(t, pushes(func(ctx context.Context, url string, _ func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
			x.tell("+" + url)
			select {
			case <-over:
			case <-ctx.Done():
				x.tell("-" + url)
				return ctx.Err()
			}
			return nil
		}).scheme())
		failing := func(string, *stream.Request) ([]string, error) { return nil, errors.New("nobody there") }
		answers := func(urls ...string) func(string, *stream.Request) ([]string, error) {
			return func(string, *stream.Request) ([]string, error) { return urls, nil }
		}
		since := func() (list []string) {
			synctest.Wait()
			x.mu.Lock()
			defer x.mu.Unlock()
			for _, line := range x.told {
				_, what, _ := strings.Cut(line, " ")
				list = append(list, what)
			}
			x.told = nil
			return list
		}
		expect := func(when string, want ...string) {
			t.Helper()
			if got := since(); !slices.Equal(got, want) {
				t.Errorf("%s: %q; want %q", when, got, want)
			}
		}
		const one, two = "ask http://one.test", "ask http://two.test"
		x.change(backend("allow"))
		x.says(failing)
		p := x.publish()
		run := x.film(p)
		run(20 * time.Second) // 0, 3, 7.5 to 9, 16.5 to 21 s
		if n := len(since()); n < 3 || n > 4 {
			t.Errorf("asked %d times in 20 s", n)
		}
		x.same("events", x.heard(), "error  nobody there")
		x.says(answers("rtmp://a.test/x"))
		run(25 * time.Second)
		expect("when it answers", one, "+rtmp://a.test/x")

		x.says(func(string, *stream.Request) ([]string, error) {
			time.Sleep(5 * time.Second)
			return []string{"rtmp://b.test/x"}, nil
		})
		x.change(func(v *config.Vhost) { v.Forward.Backend = "http://two.test" })
		run(4 * time.Second)
		expect("while another backend thinks", two)
		run(4 * time.Second)
		expect("when it has thought", "-rtmp://a.test/x", "+rtmp://b.test/x")

		x.says(func(string, *stream.Request) ([]string, error) {
			return nil, &stream.Denied{Gate: "on_forward", Reason: "no"}
		})
		x.change(func(v *config.Vhost) { v.Forward.Backend = "http://one.test" })
		run(time.Minute)
		expect("when it says no", one, "-rtmp://b.test/x")
		p.Close()
		time.Sleep(time.Minute)

		x.says(answers("rtmp://c.test/x"))
		p = x.publish()
		x.film(p)(2 * time.Second)
		expect("the next publisher", one, "+rtmp://c.test/x")
		x.change(destinations("d.test"))
		time.Sleep(2 * lookEvery)
		expect("without a backend", "-rtmp://c.test/x", "+rtmp://d.test/live/s?token=1")

		x.says(func(string, *stream.Request) ([]string, error) {
			time.Sleep(time.Minute)
			return nil, nil
		})
		x.change(backend("deny"))
		time.Sleep(2 * lookEvery)
		expect("what was said to the publisher is known", "-rtmp://d.test/live/s?token=1", "+rtmp://c.test/x")
		x.change(func(v *config.Vhost) { v.Forward.Backend = "http://two.test" })
		time.Sleep(2 * lookEvery)
		p.Close() // while it thinks
		time.Sleep(2 * time.Minute)
		expect("at the end", two)
	})
}

// TestForwardSupplied does not send on what is fetched from elsewhere, until somebody publishes it here.
func TestForwardSupplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x *stage
		x = newStage(t, pushes(func(_ context.Context, url string, _ func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
			x.tell(url)
			<-over
			return nil
		}).scheme())
		x.change(destinations("a.test"))
		for range 2 {
			p, err := x.registry.Bring(&stream.Request{ID: stream.NewID(), Vhost: config.DefaultVhost, App: "live", Stream: "s"})
			if err != nil {
				t.Fatal(err)
			}
			x.film(p)(5 * time.Second)
			p.Close()
			time.Sleep(time.Second)
		}
		if lines := x.log.Lines("are not sent on"); len(lines) != 1 {
			t.Errorf("the log says %q", lines)
		}
		if _, err := x.registry.Bring(&stream.Request{ID: stream.NewID(), Vhost: config.DefaultVhost, App: "live", Stream: "s"}); err != nil {
			t.Fatal(err)
		}
		p := x.publish() // takes its place
		x.film(p)(2 * time.Second)
		p.Close()
		time.Sleep(2 * lookEvery)
		x.want("12.0 rtmp://a.test/live/s?token=1")
	})
}

// TestForwardClaims has two streams for an address that is for one at a time.
func TestForwardClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		scheme := pushes(func(_ context.Context, _ string, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
			defer open("").Close()
			<-over
			return nil
		}).scheme()
		scheme.Sole = func(string) bool { return true }
		x := newStage(t, scheme)
		x.change(destinations("rtmp://a.test"))
		p := x.publish()
		synctest.Wait()
		other, err := x.registry.Publish(t.Context(), &stream.Request{ID: stream.NewID(), Vhost: config.DefaultVhost, App: "live", Stream: "z"})
		if err != nil {
			t.Fatal(err)
		}
		x.same("both", x.list(), "rtmp://a.test sending 1 100 ; rtmp://a.test waiting 0 0 "+errClaimed.Error())
		p.Close()
		time.Sleep(attemptEvery)
		x.same("one", x.list(), "rtmp://a.test sending 1 100 "+errClaimed.Error())
		other.Close()
		time.Sleep(2 * lookEvery)
	})
}

// TestForwardRules has targets come and go by the rules while the stream is live.
func TestForwardRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x *stage
		x = newStage(t, Scheme{Push: func(ctx context.Context, url string, _ transport.Visit, open func(stream.Cargo) *stream.Subscriber, over <-chan struct{}) error {
			x.tell("+" + url)
			select {
			case <-ctx.Done():
				x.tell("-" + url)
				return ctx.Err()
			case <-over:
				x.tell("=" + url)
				return nil
			}
		}})
		p := x.publish()
		run := x.film(p)
		run(time.Second)
		x.change(destinations("a.test"))
		run(2 * time.Second)
		x.change(destinations("b.test", "c.test"))
		run(2 * time.Second)
		x.change(func(v *config.Vhost) { v.Forward.Destination = []string{"c.test"} })
		run(2 * time.Second)
		p.Close()
		time.Sleep(2 * lookEvery)
		x.mu.Lock()
		var list []string
		for _, line := range x.told {
			_, what, _ := strings.Cut(line, " ")
			list = append(list, strings.ReplaceAll(strings.ReplaceAll(what, "rtmp://", ""), ".test/live/s?token=1", ""))
		}
		x.mu.Unlock()
		slices.Sort(list[1:4])
		if got := strings.Join(list, " "); got != "+a +b +c -a -b =c" {
			t.Errorf("targets %s", got)
		}
	})
}

// TestForwardNews has a target fail again and again in one way, at another port of ours each time: it is news once.
func TestForwardNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port := 50000
		x := newStage(t, Scheme{Push: func(context.Context, string, transport.Visit, func(stream.Cargo) *stream.Subscriber, <-chan struct{}) error {
			port++
			return &net.OpError{
				Op: "read", Net: "tcp", Err: syscall.ECONNRESET,
				Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: port}, Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 1935},
			}
		}})
		x.change(func(v *config.Vhost) { v.Forward = config.Forward{Enabled: true, Destination: []string{"a:1"}} })
		p := x.publish()
		time.Sleep(time.Minute)
		_ = p.Close()
		synctest.Wait()
		x.mu.Lock()
		defer x.mu.Unlock()
		if lines := x.log.Lines("connection reset"); len(lines) != 1 || len(x.events) != 1 || port < 50003 {
			t.Errorf("%d attempts, the log says %q, events %q", port-50000, lines, x.events)
		}
	})
}
