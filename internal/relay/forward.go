package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	lookEvery = time.Second      // between two looks at the rules of a stream that is sent on
	drainTime = 2 * time.Second  // for targets to be sent what is left when the publication has ended
	steady    = 30 * time.Second // for which a target must have been sent the stream before its next failure is news
)

// Standing sends streams on, to the targets that the rules of their virtual hosts name.
func (v *Relay) Standing() stream.Standing {
	return stream.Standing{
		Name:   "forward",
		Wanted: func(vhost string) bool { return len(v.rules(vhost).Destination) > 0 },
		Pace:   func(string) stream.Pace { return stream.Pace{Latency: lookEvery} },
		Run:    v.forward,
	}
}

// rules are those in force for a virtual host; none if streams are not sent on.
func (v *Relay) rules(vhost string) config.Forward {
	if x := v.o.Config().Exactly(vhost); x != nil && x.Forward.Enabled && x.Forward.Backend == "" {
		return x.Forward
	}
	return config.Forward{}
}

// forward sends a stream on until its publication ends, or it is not to be any more.
func (v *Relay) forward(sub *stream.Subscriber) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := &forwarding{relay: v, sub: sub, over: make(chan struct{}), targets: map[target]*running{}}
	var watching sync.WaitGroup
	watching.Go(func() { f.watch(ctx) })
	frames := make([]*media.Frame, media.MaxBatch)
	for {
		n, err := sub.ReadBatch(frames) // by which the end of the publication is known
		clear(frames[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			cancel()
			break
		}
	}
	close(f.over)
	watching.Wait()
	defer time.AfterFunc(drainTime, cancel).Stop()
	f.all.Wait()
}

// forwarding is one stream on its way to its targets.
type forwarding struct {
	relay   *Relay
	sub     *stream.Subscriber
	over    chan struct{} // closed when the publication has ended
	all     sync.WaitGroup
	targets map[target]*running // owned by watch
}

// target is where a stream is sent.
type target struct {
	destination string // as the rules have it
	url         string
}

// watch starts and stops targets as the rules in force say, until the publication or ctx ends.
func (f *forwarding) watch(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		f.aim(ctx)
		select {
		case <-look.C:
		case <-f.over:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (f *forwarding) aim(ctx context.Context) {
	r := f.sub.Stream().Publication()
	wanted := map[target]bool{}
	for _, d := range f.relay.rules(r.Vhost).Destination {
		wanted[target{d, address(d, r)}] = true
	}
	var leaving []<-chan struct{}
	for t, x := range f.targets {
		if !wanted[t] {
			x.stop()
			leaving = append(leaving, x.ended)
			delete(f.targets, t)
		}
	}
	for t := range wanted {
		if f.targets[t] != nil {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		x := &running{stop, make(chan struct{})}
		f.targets[t] = x
		f.all.Go(func() {
			defer close(x.ended)
			for _, before := range leaving { // it may have the name or the port
				<-before
			}
			f.send(ctx, r, t)
		})
	}
}

// send sends the stream to one target, again and again, until the publication or ctx ends.
func (f *forwarding) send(ctx context.Context, r *stream.Request, t target) {
	log := f.relay.o.Log.With("cid", r.ID, "stream", r.URL(), "to", stream.Veil(t.destination))
	scheme, known := f.relay.scheme(t.url)
	if !known || scheme.Push == nil {
		log.Error("stream is not sent on: nothing can be sent by this protocol")
		return
	}
	if err := scheme.Check(t.url); err != nil {
		log.Error("stream is not sent on", "cause", err)
		return
	}
	if scheme.Sole != nil && scheme.Sole(t.url) {
		if !f.claim(ctx, t.url, log) {
			return
		}
		defer f.relay.release(t.url)
	}
	failed := failures{log: log}
	for {
		began := time.Now()
		opened, err := f.attempt(ctx, scheme, t.url, log)
		switch {
		case err == nil:
			log.Info("stream was sent on to its end")
			return
		case ctx.Err() != nil:
			log.Info("stream is not sent on any more")
			return
		}
		if !opened.IsZero() && time.Since(opened) > steady {
			failed.over()
		}
		failed.note("stream is not sent on", err)
		if !f.pause(ctx, max(breath, attemptEvery-time.Since(began))) {
			return
		}
	}
}

// attempt sends the stream once, and returns since when it has. One who is not sent anything when the publication ends is not
// waited for.
func (f *forwarding) attempt(ctx context.Context, scheme Scheme, url string, log *slog.Logger) (opened time.Time, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var ending sync.WaitGroup
	defer ending.Wait()
	ending.Go(func() {
		select {
		case <-f.over:
			mu.Lock()
			defer mu.Unlock()
			if opened.IsZero() {
				cancel()
			}
		case <-ctx.Done():
		}
	})
	defer cancel()
	err = guarded(func() error {
		return scheme.Push(ctx, url, func(packets stream.Cargo) *stream.Subscriber {
			mu.Lock()
			defer mu.Unlock()
			if opened.IsZero() {
				opened = time.Now()
			}
			log.Info("stream is sent on")
			return f.sub.Fork(packets)
		}, f.over)
	})
	return opened, err
}

// claim waits until an address that is for one stream at a time is free; it is false if there is nothing to send any more.
func (f *forwarding) claim(ctx context.Context, url string, log *slog.Logger) bool {
	for told := false; !f.relay.claim(url); told = true {
		if !told {
			log.Error("stream is not sent on: another one is, and the address is for one stream at a time")
		}
		if !f.pause(ctx, attemptEvery) {
			return false
		}
	}
	return true
}

// pause waits; it is false if there is nothing to send any more.
func (f *forwarding) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-f.over:
	case <-ctx.Done():
	}
	return false
}

// address is where a stream is sent by a destination: host:port of an RTMP server, where it has the same names, or an
// address with variables.
func address(destination string, r *stream.Request) string {
	param := strings.TrimPrefix(r.Param, "?")
	scheme, _, found := strings.Cut(destination, "://")
	if !found {
		if r.Vhost != stream.DefaultVhost && !strings.Contains("&"+param, "&vhost=") {
			param = strings.TrimPrefix(param+"&vhost="+r.Vhost, "&")
		}
		if param != "" {
			param = "?" + param
		}
		return "rtmp://" + destination + "/" + r.App + "/" + r.Stream + param
	}
	if scheme == "srt" && !strings.Contains(destination, "streamid=") {
		destination += map[bool]string{true: "&", false: "?"}[strings.Contains(destination, "?")] + "streamid=" + url.QueryEscape(streamID(r, param))
	}
	escape := func(s string) string { return s }
	if scheme == "srt" {
		escape = url.QueryEscape
	}
	return strings.NewReplacer(
		"[vhost]", escape(r.Vhost), "[app]", escape(r.App), "[stream]", escape(r.Stream), "[param]", escape(param),
	).Replace(destination)
}

// streamID is the one that an SRT server like this one takes a stream by.
func streamID(r *stream.Request, param string) string {
	id := "#!::r=" + r.App + "/" + r.Stream + ",m=publish"
	if r.Vhost != stream.DefaultVhost {
		id = "#!::h=" + r.Vhost + "," + strings.TrimPrefix(id, "#!::")
	}
	if param != "" {
		id += "," + strings.ReplaceAll(param, "&", ",")
	}
	return id
}
