package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/transport"
)

// Supply brings streams of virtual hosts here whose cluster says that they are elsewhere.
func (v *Relay) Supply() *stream.Supply {
	return &stream.Supply{
		Wanted: func(vhost string) bool {
			x := v.o.Config().Exactly(vhost)
			return x != nil && (x.Cluster.Fetches() || v.o.Before.lives())
		},
		Linger: func(vhost string) time.Duration {
			if x := v.o.Config().Exactly(vhost); x != nil {
				return x.Cluster.IdleTimeout
			}
			return 0
		},
		Run: v.bring,
	}
}

// places are the servers that a stream may be fetched from, and the protocol by which.
type places struct {
	list     []string
	protocol string // rtmp, flv or flvs
}

// origins finds the servers that a stream may be fetched from by a protocol, or by RTMP: those who know of each other tell that port.
func (v *Relay) origins(ctx context.Context, protocol string, r *stream.Request) (from places, err error) {
	x := v.o.Config().Exactly(r.Vhost)
	if x == nil {
		return places{}, errNoOrigin
	}
	known := false
	if d := v.directory(x); d != nil {
		if from, known, err = v.registered(ctx, d, protocol, r); len(from.list) > 0 {
			return from, nil
		}
	}
	switch {
	case x.Cluster.Remote() && len(x.Cluster.Origin) > 0:
		from.protocol = protocol
		from.list, err = v.resolver.all(ctx, x.Cluster.Origin)
	case !known && x.Cluster.Fetches() && len(x.Cluster.Coworkers) > 0:
		var asked []string
		asked, err = v.resolver.all(ctx, x.Cluster.Coworkers)
		origin, e := v.coworkers.find(ctx, asked, r)
		if origin != "" {
			return places{[]string{origin}, byRTMP}, nil
		}
		err = errors.Join(err, e)
	}
	if len(from.list) == 0 && err == nil && !v.o.Before.lives() {
		err = errNoOrigin
	}
	return from, err
}

// where finds the servers that the stream of a pull may be fetched from.
func (v *Relay) where(ctx context.Context, r *stream.Request) (places, error) {
	x := v.o.Config().Exactly(r.Vhost)
	if x == nil {
		return places{}, errNoOrigin
	}
	return v.origins(ctx, protocolOf(&x.Cluster, r), r)
}

// open opens the stream of a pull at an origin.
func (v *Relay) open(ctx context.Context, origin, protocol string, p *pull) (transport.Feed, error) {
	if origin == beforeName {
		return v.borrow(ctx, p)
	}
	x := v.o.Config().Exactly(p.wish.Vhost)
	if x == nil {
		return nil, errNoOrigin
	}
	u := upstream(&x.Cluster, protocol, origin, p.wish)
	scheme, known := v.scheme(u.pull)
	if !known || scheme.Fetch == nil {
		return nil, fmt.Errorf("streams cannot be fetched from %s", stream.Veil(u.pull))
	}
	return scheme.Fetch(ctx, u.pull, v.visit(&x.Cluster, p.wish, u, &p.traffic))
}

// visit is how this server goes to an origin for a session of its own.
func (v *Relay) visit(c *config.Cluster, r *stream.Request, u upstreamAddress, t *stream.Traffic) transport.Visit {
	return transport.Visit{
		Request: r, TCURL: u.tcURL, Signed: c.DebugSrsUpnode, Via: append(slices.Clone(r.Via), v.o.Name), Laps: r.Laps, Traffic: t,
		Log: v.o.Log.With("stream", r.URL()),
	}
}

// address is a stream at another server.
type upstreamAddress struct {
	pull, push string
	whole      string // for who is sent there: with the virtual host
	tcURL      string // for RTMP
}

// byRTMP is the protocol that all servers speak.
const byRTMP = "rtmp"

// upstream says where a stream is at an origin, host or host:port of a protocol.
func upstream(c *config.Cluster, protocol, origin string, r *stream.Request) upstreamAddress {
	vhost := strings.ReplaceAll(cmp.Or(c.Vhost, "[vhost]"), "[vhost]", r.Vhost)
	param := without(r.Param, "vhost", "domain")
	a := upstreamAddress{push: "rtmp://" + origin + "/" + r.App + "/" + r.Stream + param, tcURL: tcURL(origin, vhost, r.App)}
	a.pull, a.whole = a.push, a.push
	if vhost != stream.DefaultVhost {
		a.whole = "rtmp://" + origin + "/" + r.App + "/" + r.Stream + and(param, "vhost", vhost)
	}
	if scheme := map[string]string{"flv": "http", "flvs": "https"}[protocol]; scheme != "" {
		if vhost != stream.DefaultVhost {
			param = and(param, "vhost", vhost)
		}
		a.pull = scheme + "://" + origin + (&url.URL{Path: "/" + r.App + "/" + r.Stream + ".flv"}).EscapedPath() + param
	}
	return a
}

// without takes parameters out of a query, which has its "?" if it is not empty.
func without(query string, names ...string) string {
	var kept []string
	for pair := range strings.SplitSeq(strings.TrimPrefix(query, "?"), "&") {
		if name, _, _ := strings.Cut(pair, "="); pair != "" && !slices.Contains(names, name) {
			kept = append(kept, pair)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "?" + strings.Join(kept, "&")
}

// and adds a parameter to a query.
func and(query, name, value string) string {
	return map[bool]string{true: "?", false: query + "&"}[query == ""] + name + "=" + url.QueryEscape(value)
}

// protocolOf is the one that a stream is fetched by.
func protocolOf(c *config.Cluster, r *stream.Request) string {
	if c.FollowClient {
		return cmp.Or(followed(r), c.Protocol)
	}
	return c.Protocol
}

// followed is the protocol by which a client has come, if it is one of those for fetching.
func followed(r *stream.Request) string {
	scheme, _, _ := strings.Cut(r.TCURL, "://")
	return map[string]string{"http": "flv", "ws": "flv", "https": "flvs", "wss": "flvs"}[scheme]
}

// tcURL names the virtual host in place of the server, as servers of RTMP want it.
func tcURL(origin, vhost, app string) string {
	host, port, err := net.SplitHostPort(origin)
	if err != nil {
		host, port = origin, "1935"
	}
	if vhost != stream.DefaultVhost {
		host = vhost
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "1935" {
		host += ":" + port
	}
	return "rtmp://" + host + "/" + app
}
