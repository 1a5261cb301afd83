package relay

import (
	"context"
	"errors"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// beforeName stands for the process before among the origins of a stream.
const beforeName = "process-before"

// Before is the process of this server whose place this one has taken: it keeps its publishers until they leave, and lends their
// streams.
type Before struct {
	Alive context.Context // ends with it
	Dial  transport.Dial  // speaks RTMP
	// Has reports whether the stream that r names is published there, or at a process before it. It may take a second. Nil is never.
	Has func(ctx context.Context, r *stream.Request) bool
}

// lives reports whether there is a process before.
func (b *Before) lives() bool { return b != nil && b.Alive.Err() == nil }

// has reports whether a stream is published there.
func (b *Before) has(ctx context.Context, r *stream.Request) bool {
	return b.lives() && b.Has != nil && b.Has(ctx, r)
}

// Lends reports whether another process of this server may have a stream from here: those that are published here, or come from the process
// before. Others it can fetch itself.
func (v *Relay) Lends(r *stream.Request) bool {
	if v.Has(r) || v.o.Before.lives() {
		return true
	}
	info, ok := v.o.Registry().Find(r.Vhost, r.App, r.Stream)
	x := v.o.Config().Exactly(r.Vhost)
	return ok && info.Live && x != nil && !x.Cluster.Fetches()
}

// until gives the context of a pull: where there is no origin but the process before, it ends with that.
func (v *Relay) until(ctx context.Context, r *stream.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	x := v.o.Config().Exactly(r.Vhost)
	if v.o.Before == nil || x != nil && x.Cluster.Fetches() {
		return ctx, cancel
	}
	stop := context.AfterFunc(v.o.Before.Alive, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// borrow opens a stream at the process before.
func (v *Relay) borrow(ctx context.Context, p *pull) (transport.Feed, error) {
	u := upstream(&config.Cluster{}, byRTMP, beforeName, p.wish)
	scheme, _ := v.scheme("rtmp://")
	visit := transport.Visit{TCURL: u.tcURL, Traffic: &p.traffic, Dial: v.o.Before.Dial, Log: v.o.Log.With("stream", p.wish.URL())}
	feed, err := scheme.Fetch(ctx, u.pull, visit)
	if errors.Is(err, transport.ErrRefused) {
		err = stream.ErrUnpublished
	}
	return feed, err
}
