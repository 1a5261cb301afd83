package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	takeTime = 5 * time.Second  // for one origin to take a stream
	homeless = 10 * time.Second // for which a stream is kept that no origin takes any more; and for which one that takes it keeps it
	maxBrief = 6                // times in a row that an origin may take it for less than that
)

// errUntaken ends a publisher at an edge.
var errUntaken = errors.New("no origin takes the stream any more")

// Route takes the streams that are published at an edge to its origin. It is a stream.Route: a publisher may begin when an
// origin has said yes.
func (v *Relay) Route(ctx context.Context, r *stream.Request) (stream.Onward, error) {
	x := v.o.Config().Exactly(r.Vhost)
	d := v.directory(x)
	switch {
	case x == nil, d == nil && (!x.Cluster.Remote() || len(x.Cluster.Origin) == 0):
		return nil, nil
	case !x.Cluster.Remote():
		return v.register(ctx, x, d, r)
	}
	o := v.newOnward(r)
	origins, err := v.takers(ctx, x, r)
	for _, origin := range origins {
		a, e := o.begin(ctx, &x.Cluster, origin)
		if e == nil {
			o.first = a
			return o, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if errors.Is(e, transport.ErrRefused) {
			return nil, refusedBy(origin, e)
		}
		o.log.Warn("an origin cannot be reached", "origin", origin, "cause", e)
		err = errors.Join(err, fmt.Errorf("%s: %w", origin, e))
	}
	if len(origins) == 0 && err == nil {
		err = errNoOrigin
	}
	o.log.Error("no origin takes the stream", "cause", err)
	return nil, &stream.Denied{Gate: "cluster", Reason: "no origin can be reached to take the stream."}
}

func (v *Relay) newOnward(r *stream.Request) *onward {
	return &onward{relay: v, r: r, log: v.o.Log.With("cid", r.ID, "stream", r.URL()), over: make(chan struct{})}
}

// takers lists the servers that a stream which is published here may go on to, in the order in which they are to be asked.
func (v *Relay) takers(ctx context.Context, x *config.Vhost, r *stream.Request) (list []string, err error) {
	d := v.directory(x)
	if d != nil {
		list = v.homes(ctx, d, r)
	}
	if x.Cluster.Remote() {
		var origins []string
		origins, err = v.resolver.all(ctx, x.Cluster.Origin)
		list = append(list, v.health.order(r.Vhost, origins)...)
	}
	list = distinct(list)
	slices.SortStableFunc(list, v.health.compare)
	return list, err
}

// distinct leaves out what has come before in a list.
func distinct(list []string) (kept []string) {
	for _, x := range list {
		if !slices.Contains(kept, x) {
			kept = append(kept, x)
		}
	}
	return kept
}

// refusedBy words an origin's refusal for the publisher.
func refusedBy(origin string, err error) error {
	if errors.Is(err, stream.ErrBusy) {
		return fmt.Errorf("%w, at the origin %s", stream.ErrBusy, origin)
	}
	return &stream.Denied{Gate: "cluster", Reason: "the origin does not take the stream: " + err.Error()}
}

// onward is the way of one stream to an origin, and to another one when that fails.
type onward struct {
	// Set at construction.
	relay *Relay
	r     *stream.Request
	log   *slog.Logger
	first *attempt
	over  chan struct{} // closed when the publication has ended

	traffic stream.Traffic // of all attempts

	// Owned by Run.
	brief int // times in a row that an origin has taken the stream and let it go soon
}

// attempt is a stream on its way to one origin.
type attempt struct {
	origin string
	stop   context.CancelCauseFunc
	taken  chan struct{}           // closed when the origin takes the stream
	from   chan *stream.Subscriber // which it is sent from then
	ended  chan struct{}           // closed when it has ended, for err
	err    error
}

// begin has an origin take the stream, and returns when it does.
func (o *onward) begin(ctx context.Context, c *config.Cluster, origin string) (*attempt, error) {
	u := upstream(c, byRTMP, origin, o.r)
	scheme, known := o.relay.scheme(u.push)
	if !known || scheme.Push == nil {
		return nil, fmt.Errorf("streams cannot be sent to %s", stream.Veil(u.push))
	}
	sending, stop := context.WithCancelCause(context.Background())
	a := &attempt{origin: origin, stop: stop, taken: make(chan struct{}), from: make(chan *stream.Subscriber), ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		a.err = stream.Guard("relay", func() error {
			return scheme.Push(sending, u.push, o.relay.visit(c, o.r, u, &o.traffic), func(stream.Cargo) *stream.Subscriber {
				close(a.taken)
				select {
				case sub := <-a.from:
					return sub
				case <-sending.Done():
					return nil
				}
			}, o.over)
		})
	}()
	late := time.NewTimer(takeTime)
	defer late.Stop()
	select {
	case <-a.taken:
		o.relay.health.well(origin)
		return a, nil
	case <-a.ended:
	case <-late.C:
		a.end(fmt.Errorf("it has not taken the stream within %s", takeTime))
	case <-ctx.Done():
		a.end(context.Cause(ctx))
	}
	if !errors.Is(a.err, transport.ErrRefused) {
		o.relay.health.failed(origin)
	}
	return nil, a.err
}

// end ends an attempt, and waits for it.
func (a *attempt) end(cause error) {
	a.stop(cause)
	<-a.ended
}

// Reads is true: what is read is sent.
func (o *onward) Reads() bool { return true }

// Close gives the way up.
func (o *onward) Close() { o.first.end(context.Canceled) }

// Run sends the stream on until its publication ends, or no origin takes it any more.
func (o *onward) Run(sub *stream.Subscriber) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	first := sub.Split("")
	var following sync.WaitGroup
	defer following.Wait()
	defer sub.Close()
	defer o.relay.sent.enter(&o.traffic)()
	following.Go(func() { cancel(o.follow(sub)) })
	for a, from := o.first, first; ; from = sub.Fork("") {
		began := time.Now()
		a.give(from)
		select {
		case <-a.ended:
			if a.err == nil { // the publication has ended, which is about to be seen here too
				<-ctx.Done()
			}
		case <-ctx.Done():
		}
		if o.ended(ctx, a) {
			o.finish(a, context.Cause(ctx))
			return nil
		}
		o.log.Warn("the origin that has taken this stream is lost", "origin", a.origin, "cause", a.err)
		o.relay.health.failed(a.origin)
		err := o.hesitate(ctx, began, a.err)
		if err != nil {
			return err
		}
		if a, err = o.again(ctx); a == nil {
			return err
		}
		o.log.Info("another origin has taken this stream", "origin", a.origin)
	}
}

// ended reports whether the publication or the way has ended, as opposed to the attempt alone. One that has ended well
// has seen the end of the publication, maybe before others.
func (o *onward) ended(ctx context.Context, a *attempt) bool {
	select {
	case <-a.ended:
	default:
		return true
	}
	if a.err == nil {
		pause(ctx, time.Now().Add(breath-attemptEvery), breath)
	}
	return ctx.Err() != nil
}

// hesitate waits before a stream is taken on that origins take and let go at once, the longer the more often they have.
// The error is that they have too often. Some servers say yes, ask for leave, and then close.
func (o *onward) hesitate(ctx context.Context, began time.Time, cause error) error {
	if o.brief++; time.Since(began) >= homeless {
		o.brief = 0
	}
	switch {
	case o.brief > maxBrief:
		return fmt.Errorf("%w: origins take it and let it go: %w", errUntaken, cause)
	case o.brief > 1:
		wait := min(soon<<(o.brief-2), searchGap)
		pause(ctx, time.Now().Add(wait-attemptEvery), wait)
	}
	return nil
}

// follow returns when the publication has ended, or the way, and why.
func (o *onward) follow(sub *stream.Subscriber) error {
	err := sub.Outlast()
	if errors.Is(err, io.EOF) {
		close(o.over)
	}
	return err
}

// give gives an attempt the position that it is to send from.
func (a *attempt) give(sub *stream.Subscriber) {
	select {
	case a.from <- sub:
	case <-a.ended:
		_ = sub.Close() // never fails
	}
}

// finish lets an attempt send what is left when the publication has ended.
func (o *onward) finish(a *attempt, cause error) {
	if errors.Is(cause, io.EOF) {
		late := time.NewTimer(drainTime)
		defer late.Stop()
		select {
		case <-a.ended:
		case <-late.C:
		}
	}
	a.end(cause)
}

// again has an origin take the stream anew. It may be that one that was lost still believes to have it: so a refusal is
// not the last word.
func (o *onward) again(ctx context.Context) (*attempt, error) {
	var last error
	for began := time.Now(); time.Since(began) < homeless; {
		if x := o.relay.o.Config().Exactly(o.r.Vhost); x != nil {
			o.relay.forget(o.r)
			origins, err := o.relay.takers(ctx, x, o.r)
			last = err
			for _, origin := range origins {
				a, err := o.begin(ctx, &x.Cluster, origin)
				if err == nil {
					return a, nil
				}
				last = fmt.Errorf("%s: %w", origin, err)
			}
		}
		if !pause(ctx, time.Now().Add(breath-attemptEvery), breath) {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", errUntaken, last)
}
