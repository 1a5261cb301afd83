package stream

import (
	"cmp"
	"math"
	"slices"
	"time"

	"weir/internal/media"
)

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
	Live                  bool          // it has one, or waits for one that was lost
	Supplied              bool          // who publishes or published last is this server, which brings the stream from another one
	Layout                *media.Layout // nil before its first frame
	Repairs               media.Repairs
	Health                Health
	Usage                 Usage
}

// SessionInfo describes a publisher or a reader.
type SessionInfo struct {
	Request           *Request
	StreamID, VhostID string
	Publish           bool
	Started           time.Time
	Lost              uint64        // frames a slow reader has missed
	Waiting           int           // frames in the stream that it has not taken yet
	Delay             time.Duration // of the stream's time that these are
	LostAt            time.Time     // when it last missed some
	Pause             time.Duration // between its batches, by its Pace
	Usage             Usage
}

// Vhosts lists the virtual hosts by name.
func (g *Registry) Vhosts() []VhostInfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, sums := g.sums()
	list := make([]VhostInfo, 0, len(g.vhosts))
	for _, v := range g.vhosts {
		list = append(list, v.info(sums[v]))
	}
	slices.SortFunc(list, func(a, b VhostInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Vhost describes the virtual host with that id.
func (g *Registry) Vhost(id string) (info VhostInfo, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.vhostOf(id)
	if v == nil {
		return info, false
	}
	_, sums := g.sums()
	return v.info(sums[v]), true
}

func (v *vhost) info(sum totals) VhostInfo {
	return VhostInfo{ID: v.id, Name: v.name, Clients: v.clients, Streams: v.streams, Usage: usage(sum, &v.rate)}
}

// Streams lists all streams by id.
func (g *Registry) Streams() []Info { return g.StreamPage(0, math.MaxInt) }

// StreamPage lists the streams by id, count at most from the one at start on. What comes and
// goes between two pages moves the others.
func (g *Registry) StreamPage(start, count int) []Info {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Info, 0, max(0, min(count, len(g.streams)-start, len(g.streams))))
	for e := range g.entries.page(start, count) {
		list = append(list, e.info())
	}
	return list
}

// Stream describes the stream with that id.
func (g *Registry) Stream(id string) (info Info, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e, ok := g.entries.find(id)
	if ok {
		info = e.info()
	}
	return info, ok
}

// Find describes the stream of that name, if somebody publishes or reads it.
func (g *Registry) Find(vhost, app, name string) (info Info, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.streams[key{vhost, app, name}]
	if s == nil {
		return info, false
	}
	e, ok := g.entries.find(s.ID)
	if ok {
		info = e.info()
	}
	return info, ok
}

// info describes a stream; the registry's lock is held.
func (e *entry) info() Info {
	s := e.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	info := Info{
		ID: s.ID, VhostID: s.VhostID, Vhost: s.key.vhost, App: s.key.app, Name: s.key.stream,
		URL: s.url, TCURL: s.request.TCURL,
		Clients: len(e.sessions), VideoFrames: s.videos, Layout: s.layout, Repairs: s.clock.Repairs,
		Health: s.health.tell(media.Now(), s.publisher != nil),
		Usage:  usage(e.sum(), &s.rate),
		Live:   s.live(), Supplied: s.request.Supplied,
	}
	info.Health.Repairs, info.Health.LastEnd = s.clock.Repairs, s.gone
	if s.publisher != nil {
		info.Publisher = s.publisher.request.ID
		if tell := s.publisher.request.Damage; tell != nil {
			d := tell()
			info.Health.Damage = &d
		}
	}
	return info
}

// Sessions lists all publishers and readers by id.
func (g *Registry) Sessions() []SessionInfo { return g.SessionPage(0, math.MaxInt) }

// SessionPage lists the publishers and readers by id, count at most from the one at start on.
func (g *Registry) SessionPage(start, count int) []SessionInfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]SessionInfo, 0, max(0, min(count, len(g.sessions)-start, len(g.sessions))))
	for x := range g.roll.page(start, count) {
		list = append(list, x.info())
	}
	return list
}

// Session describes the publisher or reader with that id.
func (g *Registry) Session(id string) (info SessionInfo, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	x := g.sessions[id]
	if x == nil {
		return info, false
	}
	return x.info(), true
}

func (x *session) info() SessionInfo {
	info := SessionInfo{
		Request: x.request, StreamID: x.stream.ID, VhostID: x.stream.VhostID,
		Publish: x.publisher != nil, Started: x.started(), Usage: usage(x.traffic.read(), x.rate()),
	}
	if x.subscriber != nil {
		x.subscriber.look(&info)
	}
	return info
}

// Count is how many streams there are.
func (g *Registry) Count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.streams)
}
