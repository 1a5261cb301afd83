package stream

import "time"

// vhost is what the registry remembers of a virtual host; it is never forgotten.
type vhost struct {
	id, name         string
	streams, clients int
	past             totals
	rate             rate
}

// entry is a stream in the registry's list, with those who publish and read it.
type entry struct {
	stream   *Stream
	vhost    *vhost
	sessions []*session // in no order
}

// session is one publisher or reader.
type session struct {
	request    *Request
	traffic    *Traffic // the request's
	stream     *Stream
	publisher  *Publisher
	subscriber *Subscriber

	entry *entry
	at    int // its place in the entry's list
}

func (x *session) started() time.Time {
	if x.publisher != nil {
		return x.publisher.started
	}
	return x.subscriber.started
}

func (x *session) rate() *rate {
	if x.publisher != nil {
		return &x.publisher.rate
	}
	return &x.subscriber.rate
}

// Know lists virtual hosts before anybody uses them.
func (g *Registry) Know(vhosts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range vhosts {
		g.vhost(name)
	}
}

// vhost finds or makes the virtual host; g.mu is held, here and below.
func (g *Registry) vhost(name string) *vhost {
	v := g.vhosts[name]
	if v == nil {
		id := newVID(func(id string) bool { return g.vhostOf(id) != nil })
		v = &vhost{id: id, name: name}
		g.vhosts[name] = v
	}
	return v
}

// newVID returns an id that is not taken yet.
func newVID(taken func(id string) bool) string {
	for {
		if id := "vid-" + random(7); !taken(id) {
			return id
		}
	}
}

func (g *Registry) vhostOf(id string) *vhost {
	for _, v := range g.vhosts {
		if v.id == id {
			return v
		}
	}
	return nil
}

// newStreamID returns an id that no stream has.
func (g *Registry) newStreamID() string {
	return newVID(func(id string) bool {
		_, taken := g.entries.find(id)
		return taken
	})
}

// list enters a stream.
func (g *Registry) list(s *Stream, v *vhost) {
	g.streams[s.key] = s
	g.entries.add(s.ID, &entry{stream: s, vhost: v})
	v.streams++
}

// unlist forgets a stream; its sessions have left.
func (g *Registry) unlist(s *Stream) {
	delete(g.streams, s.key)
	if e, ok := g.entries.find(s.ID); ok {
		e.vhost.streams--
		g.entries.remove(s.ID)
	}
}

// enter adds a session of a stream that is listed. Whoever has its id already is not listed any
// more.
func (g *Registry) enter(x *session) {
	if old := g.sessions[x.request.ID]; old != nil {
		g.exit(old)
	}
	x.traffic = x.request.Traffic
	x.entry, _ = g.entries.find(x.stream.ID)
	x.at = len(x.entry.sessions)
	x.entry.sessions = append(x.entry.sessions, x)
	x.entry.vhost.clients++
	g.sessions[x.request.ID] = x
	g.roll.add(x.request.ID, x)
	g.served++
}

// exit forgets a session.
func (g *Registry) exit(x *session) {
	list := x.entry.sessions
	end := len(list) - 1
	list[x.at], list[end].at = list[end], x.at
	list[end] = nil
	x.entry.sessions = list[:end]
	x.entry.vhost.clients--
	delete(g.sessions, x.request.ID)
	g.roll.remove(x.request.ID)
}
