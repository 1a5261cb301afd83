package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
	"weir/internal/testkit/logbook"
)

// stage is a hub with relays by "rtmp", whose other side the test plays.
type stage struct {
	t        *testing.T
	registry *stream.Registry
	relay    *Relay
	log      logbook.Book
	began    time.Time

	mu      sync.Mutex
	cfg     *config.Config
	told    []string // when what was asked for
	events  []string // of targets
	backend func(url string, r *stream.Request) ([]string, error)
}

func newStage(t *testing.T, s Scheme) *stage {
	x := &stage{t: t, began: time.Now(), cfg: config.Default()}
	x.cfg.Vhosts = []*config.Vhost{{Name: config.DefaultVhost, Enabled: true}}
	get := func() *config.Config {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.cfg
	}
	x.relay = New(Options{Registry: func() *stream.Registry { return x.registry }, Config: get, Name: "me", Log: slog.New(slog.NewTextHandler(&x.log, nil)), Backend: x.ask})
	s.Check = func(url string) error {
		if strings.Contains(url, "bad") {
			return errors.New("it is bad")
		}
		return nil
	}
	x.relay.Serve(map[string]Scheme{"rtmp": s})
	x.registry = stream.NewRegistry(stream.Options{
		Settings: func(string) stream.Settings {
			play := get().Vhosts[0].Play
			return stream.Settings{GOPCache: play.GopCache, QueueLength: play.QueueLength}
		},
		Gates: []stream.Gate{x.relay.Gate()}, Route: x.relay.Route, Supply: x.relay.Supply(), Standing: []stream.Standing{x.relay.Standing()},
		Witnesses: []stream.Witness{x.hear},
	})
	return x
}

// newEdge is a stage of an edge of these origins, in this order.
func newEdge(t *testing.T, s Scheme, origins ...string) *stage {
	x := newStage(t, s)
	x.change(func(v *config.Vhost) {
		v.Cluster = config.Cluster{Mode: "remote", Origin: origins}
		v.Play.GopCache, v.Play.QueueLength = true, 30*time.Second
	})
	return x
}

// originOf is the one that an address is of.
func originOf(url string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(url, "rtmp://"), "/")
	return name
}

// change puts another configuration in force.
func (x *stage) change(edit func(*config.Vhost)) {
	x.mu.Lock()
	v := *x.cfg.Vhosts[0]
	edit(&v)
	c := *x.cfg
	c.Vhosts = []*config.Vhost{&v}
	x.cfg = &c
	x.mu.Unlock()
	x.registry.Review()
	x.relay.Review()
}

func (x *stage) tell(what string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.told = append(x.told, fmt.Sprintf("%.1f %s", time.Since(x.began).Seconds(), what))
}

func (x *stage) want(what ...string) {
	x.t.Helper()
	synctest.Wait()
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Equal(x.told, what) {
		x.t.Errorf("it was told\n%s\nwant\n%s", strings.Join(x.told, "\n"), strings.Join(what, "\n"))
	}
}

// hear notes the events of targets.
func (x *stage) hear(e stream.Event) {
	if name, ok := strings.CutPrefix(string(e.What), "forward_"); ok {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.events = append(x.events, strings.TrimSpace(fmt.Sprint(name, " ", e.Target, " ", words(e.Cause))))
	}
}

func words(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// ask is the backend's side.
func (x *stage) ask(ctx context.Context, url string, r *stream.Request) ([]string, error) {
	x.mu.Lock()
	answer := x.backend
	x.mu.Unlock()
	x.tell("ask " + url)
	urls, err := answer(url, r)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return urls, err
}

// says changes what the backend answers.
func (x *stage) says(answer func(url string, r *stream.Request) ([]string, error)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.backend = answer
}

func (x *stage) publish() *stream.Publisher {
	p, err := x.tryPublish()
	if err != nil {
		x.t.Fatal(err)
	}
	return p
}

func (x *stage) tryPublish() (*stream.Publisher, error) {
	return x.registry.Publish(x.t.Context(), &stream.Request{ID: stream.NewID(), Vhost: config.DefaultVhost, App: "live", Stream: "s", Param: "?token=1"})
}

// frame is one of sound.
func frame(l *media.Layout, n int) *media.Frame {
	f := (&media.Arena{}).Frame(nil, nil)
	f.Layout, f.Key, f.At = l, true, media.Now()
	f.DTS = int64(n) * int64(20*time.Millisecond)
	f.PTS = f.DTS
	return f
}

// TestFetch has an ingest that fails, ends, is kicked, and is taken out.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x *stage
		attempts := 0
		x = newStage(t, Scheme{Pull: func(ctx context.Context, url string, r *stream.Request, begun func()) error {
			attempts++
			x.tell(r.URL() + r.Param)
			switch attempts {
			case 1, 2:
				return errors.New("nobody there")
			case 3:
				time.Sleep(10 * time.Second)
				return errors.New("it has ended")
			case 4:
				time.Sleep(10 * time.Second)
				return stream.ErrKicked
			}
			<-ctx.Done()
			return ctx.Err()
		}})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- x.relay.Run(ctx) }()
		x.change(func(v *config.Vhost) {
			v.Ingest = []*config.Ingest{{Name: "i", Enabled: true, Input: config.Input{URL: "rtmp://a.test/x/y"}, Engine: []*config.Engine{{Output: "rtmp://127.0.0.1/live/s?token=1"}}}}
		})
		time.Sleep(40 * time.Second)
		want := []string{"0.0 /live/s?token=1", "3.0 /live/s?token=1", "6.0 /live/s?token=1", "16.2 /live/s?token=1", "29.2 /live/s?token=1"}
		x.want(want...)
		if lines := x.log.Lines("nobody there"); len(lines) != 1 {
			t.Errorf("the log says %q", lines)
		}
		x.change(func(v *config.Vhost) { v.Ingest = nil })
		synctest.Wait()
		if len(x.relay.sources) != 0 {
			t.Errorf("sources %v", x.relay.sources)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// TestFetchStandsBack has somebody else publish the stream.
func TestFetchStandsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x *stage
		x = newStage(t, Scheme{Pull: func(ctx context.Context, url string, r *stream.Request, begun func()) error {
			x.tell("pull")
			<-ctx.Done()
			return ctx.Err()
		}})
		p := x.publish()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = x.relay.Run(ctx) }() // TestFetch looks at what it gives
		x.change(func(v *config.Vhost) {
			v.Ingest = []*config.Ingest{{Name: "i", Enabled: true, Input: config.Input{URL: "rtmp://a.test/x/y"}, Engine: []*config.Engine{{Output: "rtmp://127.0.0.1/live/s"}}}}
		})
		time.Sleep(10*time.Second + time.Millisecond)
		x.want()
		p.Close()
		time.Sleep(time.Second)
		x.want("11.0 pull")
		cancel()
		synctest.Wait()
	})
}

func TestAddress(t *testing.T) {
	r := &stream.Request{Vhost: config.DefaultVhost, App: "live", Stream: "a&b", Param: "?token=1&x=2"}
	v := &stream.Request{Vhost: "a.test", App: "live", Stream: "s"}
	for _, c := range []struct {
		destination string
		r           *stream.Request
		want        string
	}{
		{"h:1", r, "rtmp://h:1/live/a&b?token=1&x=2"},
		{"h", v, "rtmp://h/live/s?vhost=a.test"},
		{"rtmp://h/x/[stream]_[app]?v=[vhost]&[param]", r, "rtmp://h/x/a&b_live?v=__defaultVhost__&token=1&x=2"},
		{"srt://h:1", v, "srt://h:1?streamid=%23%21%3A%3Ah%3Da.test%2Cr%3Dlive%2Fs%2Cm%3Dpublish"},
		{"srt://h:1?latency=1", r, "srt://h:1?latency=1&streamid=%23%21%3A%3Ar%3Dlive%2Fa%26b%2Cm%3Dpublish%2Ctoken%3D1%2Cx%3D2"},
		{"srt://h:1?streamid=#!::r=[app]/[stream],m=publish", r, "srt://h:1?streamid=#!::r=live/a%26b,m=publish"},
		{"rist://h:2", v, "rist://h:2"},
	} {
		if got := address(c.destination, c.r); got != c.want {
			t.Errorf("%s: %s; want %s", c.destination, got, c.want)
		}
	}
}

type discard struct{}

func (discard) WriteFrame(*media.Frame) error { return nil }
