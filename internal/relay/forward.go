package relay

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

const (
	lookEvery = time.Second     // between two looks at the rules of a stream that is sent on
	drainTime = 5 * time.Second // for targets to be sent what is left when the publication has ended
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
	f := &forwarding{relay: v, sub: sub, over: make(chan struct{}), targets: map[string]context.CancelFunc{}}
	frames := make([]*media.Frame, media.MaxBatch)
	for {
		f.aim(ctx)
		n, err := sub.ReadBatch(frames) // by which it is known that the publication goes on
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
	defer time.AfterFunc(drainTime, cancel).Stop()
	f.all.Wait()
}

// forwarding is one stream on its way to its targets.
type forwarding struct {
	relay   *Relay
	sub     *stream.Subscriber
	over    chan struct{} // closed when the publication has ended
	all     sync.WaitGroup
	targets map[string]context.CancelFunc
}

// aim starts and stops targets as the rules in force say.
func (f *forwarding) aim(ctx context.Context) {
	r := f.sub.Stream().Publication()
	wanted := map[string]bool{}
	for _, d := range f.relay.rules(r.Vhost).Destination {
		wanted[address(d, r)] = true
	}
	for to, stop := range f.targets {
		if !wanted[to] {
			stop()
			delete(f.targets, to)
		}
	}
	for to := range wanted {
		if f.targets[to] != nil {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		f.targets[to] = stop
		f.all.Go(func() { f.send(ctx, r, to) })
	}
}

// send sends the stream to one target, again and again, until the publication or ctx ends.
func (f *forwarding) send(ctx context.Context, r *stream.Request, to string) {
	log := f.relay.o.Log.With("cid", r.ID, "stream", r.URL(), "to", stream.Veil(to))
	scheme, known := f.relay.scheme(to)
	if !known || scheme.Push == nil {
		log.Error("stream is not sent on: nothing can be sent by this protocol")
		return
	}
	if err := scheme.Check(to); err != nil {
		log.Error("stream is not sent on", "cause", err)
		return
	}
	failed := failures{log: log}
	open := func(packets bool) *stream.Subscriber {
		failed.over()
		log.Info("stream is sent on")
		return f.sub.Fork(packets)
	}
	for {
		began := time.Now()
		err := scheme.Push(ctx, to, open, f.over)
		switch {
		case err == nil:
			log.Info("stream was sent on to its end")
			return
		case ctx.Err() != nil:
			log.Info("stream is not sent on any more")
			return
		}
		failed.note("stream is not sent on", err)
		select {
		case <-time.After(max(breath, attemptEvery-time.Since(began))):
		case <-f.over:
			return
		case <-ctx.Done():
			return
		}
	}
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
