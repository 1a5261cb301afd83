package stream

import (
	"context"
	"time"
)

// Usage is bytes on the wire and their rate over the last 30 s.
type Usage struct {
	Received, Sent         uint64
	ReceivedKbps, SentKbps int
}

func usage(t totals, r *rate) Usage {
	in, out := r.kbps()
	return Usage{t.received, t.sent, in, out}
}

// Totals describe the whole server.
type Totals struct {
	Streams, Clients int
	Served           uint64 // sessions so far
	Usage            Usage
}

// Totals describes the whole server.
func (g *Registry) Totals() Totals {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, _ := g.sums()
	return Totals{len(g.streams), len(g.sessions), g.served, usage(all, &g.rate)}
}

// sum adds up the bytes of a stream; the registry's lock is held, here and below.
func (e *entry) sum() totals {
	t := e.stream.past
	for _, x := range e.sessions {
		t = t.plus(x.traffic.news())
	}
	return t
}

// sums adds up the bytes of all and of each virtual host.
func (g *Registry) sums() (all totals, vhosts map[*vhost]totals) {
	vhosts = make(map[*vhost]totals, len(g.vhosts))
	for _, v := range g.vhosts {
		vhosts[v] = v.past
	}
	all = g.total
	for e := range g.entries.page(0, len(g.streams)) {
		news := e.sum().minus(e.stream.past)
		all, vhosts[e.vhost] = all.plus(news), vhosts[e.vhost].plus(news)
	}
	return all, vhosts
}

// sample notes the bytes of now, for the rates. Where nothing is measured there are none.
func (g *Registry) sample() {
	defer g.tell()
	g.mu.Lock()
	defer g.mu.Unlock()
	note := (*rate).sample
	if !g.measures() {
		note = func(r *rate, _ totals) { *r = rate{} }
	}
	all, vhosts := g.sums()
	note(&g.rate, all)
	for v, t := range vhosts {
		note(&v.rate, t)
	}
	for e := range g.entries.page(0, len(g.streams)) {
		note(&e.stream.rate, e.sum())
		for _, x := range e.sessions {
			note(x.rate(), x.traffic.read())
			g.watch(x)
		}
	}
}

// Run samples the rates and ends idle publishers until ctx ends; then it gives up all waiting
// for lost ones.
func (g *Registry) Run(ctx context.Context) error {
	defer g.standing.Wait()
	defer g.close()
	tick, look := time.NewTicker(rateEvery), time.NewTicker(idleCheck)
	defer tick.Stop()
	defer look.Stop()
	for {
		select {
		case <-tick.C:
			g.sample()
		case now := <-look.C:
			g.sweep(now)
		case <-ctx.Done():
			return nil
		}
	}
}
