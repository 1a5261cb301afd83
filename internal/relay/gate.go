package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// knockTime is how long an origin may take to say whether a client may come in.
const knockTime = 3 * time.Second

// Gate is the word of other servers on who may publish and play: it notices a stream that would be fetched from itself, asks the
// origin of an edge with token_traverse, and sends players of RTMP to the origin that has the stream they want. It also asks the
// backend of a virtual host that sends streams on.
type Gate struct{ relay *Relay }

// Gate returns the stream.Gate of the virtual hosts that are part of a cluster, or send streams on. It comes behind all others.
func (v *Relay) Gate() Gate { return Gate{v} }

// Check is for stream.Gate.
func (g Gate) Check(ctx context.Context, a stream.Ask) error {
	if err := g.cluster(ctx, a); err != nil || a.Act != stream.Publish {
		return err
	}
	return g.relay.direct(ctx, a.Request)
}

// cluster asks other servers.
func (g Gate) cluster(ctx context.Context, a stream.Ask) error {
	r := a.Request
	x := g.relay.o.Config().Exactly(r.Vhost)
	if x == nil || a.Act == stream.Connect {
		return nil
	}
	c := &x.Cluster
	if slices.Contains(r.Via, g.relay.o.Name) && !g.relay.Has(r) {
		return &stream.Denied{Gate: "cluster", Reason: "this server itself asks for the stream, by way of other servers: an edge has an edge of its own as its origin."}
	}
	switch {
	case c.Remote() && c.TokenTraverse:
		return g.knock(ctx, c, r)
	case a.Act == stream.Play && redirects(c) && strings.HasPrefix(r.Kind, "rtmp-") && !g.relay.Has(r) && !g.relay.o.Before.has(ctx, r):
		return g.redirect(ctx, c, r)
	}
	return nil
}

// redirects reports whether players are sent to the origin that has their stream.
func redirects(c *config.Cluster) bool {
	return !c.Remote() && c.OriginCluster && (len(c.Coworkers) > 0 || c.Registry != "")
}

// Has reports whether a stream is published at this server.
func (v *Relay) Has(r *stream.Request) bool {
	info, ok := v.o.Registry().Find(r.Vhost, r.App, r.Stream)
	return ok && info.Live && !info.Supplied
}

// redirect sends a player to the origin of a stream that is not here.
func (g Gate) redirect(ctx context.Context, c *config.Cluster, r *stream.Request) error {
	from, err := g.relay.origins(ctx, byRTMP, r)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case len(from.list) > 0:
		u := upstream(c, byRTMP, from.list[0], r)
		return &stream.Moved{URL: u.whole}
	case err != nil && !errors.Is(err, errNoOrigin):
		g.relay.o.Log.Warn("not all coworkers have answered who has a stream", "cid", r.ID, "stream", r.URL(), "cause", err)
	}
	if g.relay.o.Before.lives() {
		return nil // which may have it
	}
	return &stream.Denied{Gate: "cluster", Reason: "no origin of the cluster has this stream now."}
}

// knock asks the origins of an edge whether a client may come in, one after the other, until one can be reached.
func (g Gate) knock(ctx context.Context, c *config.Cluster, r *stream.Request) error {
	origins, err := g.relay.resolver.all(ctx, c.Origin)
	for _, origin := range g.relay.health.order(r.Vhost, origins) {
		u := upstream(c, byRTMP, origin, r)
		scheme, known := g.relay.scheme(u.push)
		if !known || scheme.Knock == nil {
			break
		}
		ctx, cancel := context.WithTimeout(ctx, knockTime)
		e := scheme.Knock(ctx, u.push, g.relay.visit(c, r, u, nil))
		cancel()
		if e == nil {
			return nil
		}
		if errors.Is(e, transport.ErrRefused) {
			return &stream.Denied{Gate: "token_traverse", Reason: e.Error()}
		}
		g.relay.health.failed(origin)
		err = errors.Join(err, fmt.Errorf("%s: %w", origin, e))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	g.relay.o.Log.Error("no origin can be asked about a client, as token_traverse wants it", "cid", r.ID, "stream", r.URL(), "cause", err)
	return &stream.Denied{Gate: "token_traverse", Reason: "no origin can be reached."}
}
