package relay

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

const (
	lookEvery = time.Second     // between two looks at the rules of a stream that is sent on
	drainTime = 2 * time.Second // for targets to be sent what is left when the publication has ended
	maxLaps   = 3               // how often a stream may come back to this server that it has sent on, to another virtual host
)

// Standing sends streams on, to the targets that the rules of their virtual hosts name, or the backend does.
func (v *Relay) Standing() stream.Standing {
	return stream.Standing{
		Name:   "forward",
		Wanted: func(vhost string) bool { r := v.rules(vhost); return r.Sends() },
		Run:    v.forward,
	}
}

// rules are those in force for a virtual host; none if streams are not sent on.
func (v *Relay) rules(vhost string) config.Forward {
	if x := v.o.Config().Exactly(vhost); x != nil && x.Forward.Enabled {
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
	if err := sub.Outlast(); !errors.Is(err, io.EOF) {
		cancel()
	}
	close(f.over)
	watching.Wait()
	defer time.AfterFunc(drainTime, cancel).Stop()
	f.all.Wait()
}

// forwarding is one stream on its way to its targets.
type forwarding struct {
	relay *Relay
	sub   *stream.Subscriber
	over  chan struct{} // closed when the publication has ended
	all   sync.WaitGroup

	// Owned by watch.
	targets map[target]*running
	inquiry *inquiry // the newest; nil before the first
	circles bool     // it has been logged that the stream runs in circles
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
	defer f.forget()
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

// aim starts and stops targets as the rules in force say; none while it is not known which.
func (f *forwarding) aim(ctx context.Context) {
	r := f.sub.Stream().Publication()
	wanted, known := f.wanted(ctx, r)
	if !known {
		return
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
			defer stop()
			for _, before := range leaving { // it may have the name or the port
				<-before
			}
			f.send(ctx, r, t)
		})
	}
}

// wanted are the targets of a publication. They are not known while a backend has not said.
func (f *forwarding) wanted(ctx context.Context, r *stream.Request) (all map[target]bool, known bool) {
	rules := f.relay.rules(r.Vhost)
	all = map[target]bool{}
	switch {
	case !rules.Sends() || f.runsInCircles(r):
	case r.Supplied:
		f.relay.keepsHere(r)
	case rules.Backend != "":
		said := f.said(ctx, r, rules.Backend)
		if said == nil {
			return nil, false
		}
		for _, url := range said.urls {
			all[target{url, url}] = true
		}
	default:
		for _, d := range rules.Destination {
			all[target{d, address(d, r)}] = true
		}
	}
	return all, true
}

// laps are the servers that have sent the stream on, this one with them.
func (f *forwarding) laps() []string {
	return append(slices.Clone(f.sub.Stream().Publication().Laps), f.relay.o.Name)
}

// runsInCircles reports whether a stream comes back here again and again, where it would be another one each time: that would have no
// end. It is logged once.
func (f *forwarding) runsInCircles(r *stream.Request) bool {
	laps := 0
	for _, name := range r.Laps {
		if name == f.relay.o.Name {
			laps++
		}
	}
	if laps < maxLaps {
		return false
	}
	if !f.circles {
		f.circles = true
		f.relay.o.Log.Error("stream is not sent on: this server has sent it to itself again and again, by a forward destination that leads back here",
			"cid", r.ID, "stream", r.URL(), "times", laps)
	}
	return true
}

// keepsHere logs, once for a virtual host, that streams which are fetched from elsewhere are not sent on.
func (v *Relay) keepsHere(r *stream.Request) {
	v.mu.Lock()
	told := v.kept[r.Vhost]
	v.kept[r.Vhost] = true
	v.mu.Unlock()
	if !told {
		v.o.Log.Info("streams that this virtual host fetches from other servers are not sent on: what is published here is", "vhost", r.Vhost, "stream", r.URL())
	}
}

// pause waits; it is false if there is nothing to send any more.
func (f *forwarding) pause(ctx context.Context, d time.Duration) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-late.C:
		return true
	case <-f.over:
	case <-ctx.Done():
	}
	return false
}
