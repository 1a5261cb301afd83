package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"
	"time"

	"weir/internal/cluster"
	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// claimEvery is the time from one attempt to claim a stream to the next, while the node that has it cannot be reached.
const claimEvery = 500 * time.Millisecond

// errMoved ends the publisher of a stream that another node has by now.
var errMoved = errors.New("another server of the cluster has the stream now")

// Join makes this server a part of the registries that a configuration names. Call it once, before Run and the first stream.
func (v *Relay) Join(c *config.Config) error {
	for _, x := range c.Vhosts {
		at := x.Cluster.Registry
		if at == "" || v.directories[at] != nil {
			continue
		}
		edge := x.Cluster.Remote()
		d, err := cluster.New(cluster.Options{
			Registry: at, CA: x.Cluster.RegistryCA, Lease: x.Cluster.Lease, Log: v.o.Log,
			Self: func() cluster.Node {
				n := v.at(at)
				if n.ID = v.o.Name; edge {
					n.RTMP = 0 // nobody publishes to an edge because it has little to do
				}
				return n
			},
			Lost: v.lost,
			Gone: deserted,
		})
		if err != nil {
			return fmt.Errorf("vhost %s: %w", x.Name, err)
		}
		v.directories[at] = d
	}
	return nil
}

// Succeeded says that another process has taken this one's place: the streams that are published here are fetched by way of that. Its id
// is its Name.
func (v *Relay) Succeeded(id string) { v.successor.Store(&id) }

// at is this server as the others of a registry reach it: where its successor is, which may listen elsewhere.
func (v *Relay) at(registry string) cluster.Node {
	n := v.o.Self(registry)
	id := v.successor.Load()
	if id == nil {
		return n
	}
	if next, ok := v.directories[registry].Node(*id); ok {
		n.Host, n.RTMP, n.HTTP, n.API = next.Host, next.RTMP, next.HTTP, next.API
	}
	return n
}

// deserted reports whether nobody listens where a server was: its process has ended.
func deserted(ctx context.Context, n cluster.Node) bool {
	conn, err := (&net.Dialer{Timeout: claimEvery}).DialContext(ctx, "tcp", n.Addr(n.RTMP))
	if err == nil {
		_ = conn.Close() // it is there, which is all
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// directory is the registry of a virtual host; nil is none.
func (v *Relay) directory(x *config.Vhost) *cluster.Directory {
	if x == nil {
		return nil
	}
	return v.directories[x.Cluster.Registry]
}

// keyOf is what a stream is called in the registry.
func keyOf(r *stream.Request) string { return r.Vhost + "/" + r.App + "/" + r.Stream }

// registered finds where a stream may be fetched, by the registry: by HTTP-FLV if that is wanted and the node has a port for it, else by
// RTMP. It is not known if the registry cannot say.
func (v *Relay) registered(ctx context.Context, d *cluster.Directory, protocol string, r *stream.Request) (from places, known bool, err error) {
	f, err := d.Find(ctx, keyOf(r))
	switch {
	case errors.Is(err, cluster.ErrUnknown):
		return places{}, true, nil
	case err != nil:
		return places{}, false, err
	case f.Node.ID == v.o.Name, d.Earlier(f.Node): // which Before is asked for
		return places{}, true, nil
	}
	return placeOf(f.Node, protocol), true, nil
}

// placeOf is where a node is reached by a protocol. None tells a port for HTTPS.
func placeOf(n cluster.Node, protocol string) places {
	if at := n.Addr(n.HTTP); protocol == "flv" && at != "" {
		return places{[]string{at}, protocol}
	}
	if at := n.Addr(n.RTMP); at != "" {
		return places{[]string{at}, byRTMP}
	}
	return places{}
}

// forget has the registry asked again where a stream is.
func (v *Relay) forget(r *stream.Request) {
	if d := v.directory(v.o.Config().Exactly(r.Vhost)); d != nil {
		d.Forget(keyOf(r))
	}
}

// watch tells when a stream may be elsewhere, by the registry; the channel is nil without one.
func (v *Relay) watch(r *stream.Request) (changed <-chan struct{}, stop func()) {
	d := v.directory(v.o.Config().Exactly(r.Vhost))
	if d == nil {
		return nil, func() {}
	}
	changed, stop, err := d.Watch(keyOf(r))
	if err != nil {
		v.o.Log.Warn("the registry does not tell of a stream, which is looked for now and then", "stream", r.URL(), "cause", err)
		return nil, func() {}
	}
	return changed, stop
}

// homes lists where a stream that is published at an edge may go, by the registry: to who has it already, else to who has the
// least to do.
func (v *Relay) homes(ctx context.Context, d *cluster.Directory, r *stream.Request) (list []string) {
	if f, err := d.Find(ctx, keyOf(r)); err == nil {
		list = append(list, f.Node.Addr(f.Node.RTMP))
	}
	if n, ok := d.Least(); ok && n.ID != v.o.Name {
		list = append(list, n.Addr(n.RTMP))
	}
	return list
}

// register gives a stream that is published here its place in the registry: here, or at the node that has it or is to have
// it, where it goes on to.
func (v *Relay) register(ctx context.Context, x *config.Vhost, d *cluster.Directory, r *stream.Request) (stream.Onward, error) {
	direct := len(r.Via) == 0 // else another node has sent it here
	if x.Cluster.Placement == "least" && direct {
		if n, ok := d.Least(); ok && n.ID != v.o.Name && !d.Earlier(n) {
			to, err := v.passTo(ctx, &x.Cluster, n.Addr(n.RTMP), r)
			if err == nil || errors.Is(err, transport.ErrRefused) {
				return to, err
			}
		}
	}
	for began := time.Now(); ; {
		if !direct && !x.Publish.Takeover && v.o.Before.has(ctx, r) {
			return nil, fmt.Errorf("%w, at the process before this one", stream.ErrBusy)
		}
		c, err := d.Claim(ctx, keyOf(r))
		if err == nil {
			return v.hold(d, c, r), nil
		}
		taken, ok := errors.AsType[*cluster.Taken](err)
		if !ok {
			return nil, &stream.Denied{Gate: "cluster", Reason: "the registry cannot have this stream: " + err.Error()}
		}
		at, earlier := taken.Node.Addr(taken.Node.RTMP), d.Earlier(taken.Node) // who is replaced as soon as it says that it is going
		if !direct && !earlier {
			return nil, fmt.Errorf("%w, at %s", stream.ErrBusy, at)
		}
		if at != "" && !earlier {
			to, err := v.passTo(ctx, &x.Cluster, at, r)
			if err == nil || errors.Is(err, transport.ErrRefused) {
				return to, err
			}
			v.o.Log.Warn("the server that has this stream by the registry cannot be reached", "cid", r.ID, "stream", r.URL(), "origin", at, "cause", err)
		}
		if time.Since(began) > x.Cluster.Lease+time.Second {
			return nil, fmt.Errorf("%w, at %s, which cannot be reached", stream.ErrBusy, at)
		}
		if !pause(ctx, time.Now().Add(claimEvery-attemptEvery), claimEvery) {
			return nil, context.Cause(ctx)
		}
	}
}

// passTo takes a stream to one server. The error is transport.ErrRefused, worded for the publisher, if that refuses.
func (v *Relay) passTo(ctx context.Context, c *config.Cluster, at string, r *stream.Request) (stream.Onward, error) {
	o := v.newOnward(r)
	a, err := o.begin(ctx, c, at)
	switch {
	case err == nil:
		o.first = a
		return o, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, transport.ErrRefused):
		return nil, fmt.Errorf("%w: %w", transport.ErrRefused, refusedBy(at, err))
	}
	return nil, err
}

// held is a stream's place in the registry, for as long as it is published here. Of several who want to publish it at once each has
// one, until all but one are refused.
type held struct {
	relay *Relay
	d     *cluster.Directory
	claim *cluster.Claim
	key   string
	taken chan cluster.Node // cap 1
}

func (v *Relay) hold(d *cluster.Directory, c *cluster.Claim, r *stream.Request) *held {
	h := &held{relay: v, d: d, claim: c, key: keyOf(r), taken: make(chan cluster.Node, 1)}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.held[h.key] = append(v.held[h.key], h)
	return h
}

// lost is told by the registry that another node has a stream.
func (v *Relay) lost(key string, to cluster.Node) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range v.held[key] {
		select {
		case h.taken <- to:
		default:
		}
	}
}

// Reads is false: the stream's name is all that matters.
func (h *held) Reads() bool { return false }

// Run keeps the place until the publication ends, or another node has it.
func (h *held) Run(sub *stream.Subscriber) error {
	defer h.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = sub.Outlast() // either end is one
	}()
	select {
	case <-ended:
		return nil
	case to := <-h.taken:
		_ = sub.Close() // never fails
		<-ended
		return fmt.Errorf("%w: %s %s", errMoved, to.ID, to.Addr(to.RTMP))
	}
}

// Close gives the place back.
func (h *held) Close() {
	h.relay.mu.Lock()
	rest := slices.DeleteFunc(h.relay.held[h.key], func(x *held) bool { return x == h })
	if h.relay.held[h.key] = rest; len(rest) == 0 {
		delete(h.relay.held, h.key)
	}
	h.relay.mu.Unlock()
	h.claim.Release()
}
