package stream

import (
	"cmp"
	"context"
	"slices"
	"time"

	"weir/internal/media"
)

// vhost is what the registry remembers of a virtual host; an entry is never removed.
type vhost struct {
	id, name string
	past     totals
	rate     rate
}

// session is one publisher or reader.
type session struct {
	request    *Request
	stream     *Stream
	publisher  *Publisher
	subscriber *Subscriber
}

func (s session) started() time.Time {
	if s.publisher != nil {
		return s.publisher.started
	}
	return s.subscriber.started
}

func (s session) rate() *rate {
	if s.publisher != nil {
		return &s.publisher.rate
	}
	return &s.subscriber.rate
}

// Usage is bytes on the wire and their rate over the last 30 s.
type Usage struct {
	Received, Sent         uint64
	ReceivedKbps, SentKbps int
}

func usage(t totals, r *rate) Usage {
	in, out := r.kbps()
	return Usage{t.received, t.sent, in, out}
}

// VhostInfo describes a virtual host that has been used.
type VhostInfo struct {
	ID, Name         string
	Clients, Streams int
	Usage            Usage
}

// Info describes a stream.
type Info struct {
	ID, VhostID           string
	Vhost, App, Name, URL string
	TCURL                 string
	Clients               int // its publisher included
	VideoFrames           uint64
	Publisher             string        // session id; empty without one
	Layout                *media.Layout // nil before its first frame
	Repairs               media.Repairs
	Usage                 Usage
}

// SessionInfo describes a publisher or a reader.
type SessionInfo struct {
	Request           *Request
	StreamID, VhostID string
	Publish           bool
	Started           time.Time
	Lost              uint64 // frames a slow reader has missed
	Usage             Usage
}

// Totals describe the whole server.
type Totals struct {
	Streams, Clients int
	Served           uint64 // sessions so far
	Usage            Usage
}

// vhost finds or makes the entry; g.mu is held.
func (g *Registry) vhost(name string) *vhost {
	v := g.vhosts[name]
	if v == nil {
		v = &vhost{id: "vid-" + random(7), name: name}
		g.vhosts[name] = v
	}
	return v
}

// Know lists virtual hosts before anybody uses them.
func (g *Registry) Know(vhosts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range vhosts {
		g.vhost(name)
	}
}

// sums adds up the bytes of all, of each virtual host and of each stream; g.mu is held.
func (g *Registry) sums() (all totals, vhosts map[string]totals, streams map[*Stream]totals) {
	vhosts, streams = make(map[string]totals, len(g.vhosts)), make(map[*Stream]totals, len(g.streams))
	for name, v := range g.vhosts {
		vhosts[name] = v.past
	}
	for _, s := range g.streams {
		streams[s] = s.past
	}
	all = g.total
	for _, s := range g.sessions {
		t := s.request.Traffic.news()
		all = all.plus(t)
		vhosts[s.stream.key.vhost] = vhosts[s.stream.key.vhost].plus(t)
		streams[s.stream] = streams[s.stream].plus(t)
	}
	return all, vhosts, streams
}

// Run samples the rates and ends idle publishers until ctx ends; then it gives up all waiting
// for lost ones.
func (g *Registry) Run(ctx context.Context) error {
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

func (g *Registry) sample() {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, vhosts, streams := g.sums()
	g.rate.sample(all)
	for name, v := range g.vhosts {
		v.rate.sample(vhosts[name])
	}
	for s, t := range streams {
		s.rate.sample(t)
	}
	for _, s := range g.sessions {
		s.rate().sample(s.request.Traffic.read())
	}
}

// Totals describes the whole server.
func (g *Registry) Totals() Totals {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, _, _ := g.sums()
	return Totals{len(g.streams), len(g.sessions), g.served, usage(all, &g.rate)}
}

// Vhosts lists the virtual hosts by name.
func (g *Registry) Vhosts() []VhostInfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, sums, _ := g.sums()
	list := make([]VhostInfo, 0, len(g.vhosts))
	for name, v := range g.vhosts {
		info := VhostInfo{ID: v.id, Name: name, Usage: usage(sums[name], &v.rate)}
		for _, s := range g.streams {
			if s.key.vhost == name {
				info.Streams++
			}
		}
		for _, s := range g.sessions {
			if s.stream.key.vhost == name {
				info.Clients++
			}
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b VhostInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Streams lists the streams by id.
func (g *Registry) Streams() []Info {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, _, sums := g.sums()
	clients := make(map[*Stream]int, len(g.streams))
	for _, s := range g.sessions {
		clients[s.stream]++
	}
	list := make([]Info, 0, len(g.streams))
	for _, s := range g.streams {
		info := s.info()
		info.Clients, info.Usage = clients[s], usage(sums[s], &s.rate)
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

func (s *Stream) info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := Info{
		ID: s.ID, VhostID: s.VhostID, Vhost: s.key.vhost, App: s.key.app, Name: s.key.stream,
		URL: s.url, TCURL: s.request.TCURL,
		VideoFrames: s.videos, Layout: s.layout, Repairs: s.clock.Repairs,
	}
	if s.publisher != nil {
		info.Publisher = s.publisher.request.ID
	}
	return info
}

// Sessions lists the publishers and readers by id.
func (g *Registry) Sessions() []SessionInfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]SessionInfo, 0, len(g.sessions))
	for _, s := range g.sessions {
		info := SessionInfo{
			Request: s.request, StreamID: s.stream.ID, VhostID: s.stream.VhostID,
			Publish: s.publisher != nil, Started: s.started(), Usage: usage(s.request.Traffic.read(), s.rate()),
		}
		if s.subscriber != nil {
			info.Lost = s.subscriber.Lost()
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b SessionInfo) int { return cmp.Compare(a.Request.ID, b.Request.ID) })
	return list
}
