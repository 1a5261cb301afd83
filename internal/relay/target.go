package relay

import (
	"cmp"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"weir/internal/stream"
)

// course is how a stream goes to a target.
type course struct {
	// Set at construction.
	relay   *Relay
	r       *stream.Request // of the publisher
	is      stream.Target   // what of it does not change
	guise   guise
	log     *slog.Logger
	traffic stream.Traffic

	mu       sync.Mutex // guards what follows
	state    stream.TargetState
	since    time.Time
	next     time.Time // of the next attempt
	attempts uint64
	last     string               // why the newest attempt that failed has
	readers  []*stream.Subscriber // that send the stream now
	lost     uint64               // by those that do not any more
	frames   uint64               // taken by these
}

// chart begins a course, which is listed until erase.
func (f *forwarding) chart(r *stream.Request, t target) *course {
	g := disguise(t, r)
	c := &course{
		relay: f.relay, r: r, guise: g, state: stream.Connecting, since: time.Now(),
		is:  stream.Target{StreamID: f.sub.Stream().ID, Stream: r.URL(), URL: g.url},
		log: f.relay.o.Log.With("cid", r.ID, "stream", r.URL(), "to", g.destination),
	}
	f.relay.mu.Lock()
	defer f.relay.mu.Unlock()
	f.relay.courses[c] = struct{}{}
	return c
}

func (c *course) erase() {
	c.relay.mu.Lock()
	defer c.relay.mu.Unlock()
	delete(c.relay.courses, c)
}

// enter changes the state.
func (c *course) enter(s stream.TargetState, next time.Time, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.since, c.next = s, time.Now(), next
	if cause != nil {
		c.last = stream.Veil(cause.Error())
	}
	if s == stream.Connecting {
		c.attempts++
	}
}

// sends notes that a position in the stream is being sent.
func (c *course) sends(sub *stream.Subscriber) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	if len(c.readers) == 0 {
		c.state, c.since = stream.Sending, time.Now()
	}
	c.readers = append(c.readers, sub)
}

// settle forgets positions that are not sent any more; c.mu is held.
func (c *course) settle() {
	c.readers = slices.DeleteFunc(c.readers, func(sub *stream.Subscriber) bool {
		if !sub.Closed() {
			return false
		}
		c.lost += sub.Missed()
		c.frames += sub.Taken()
		return true
	})
	if len(c.readers) == 0 && c.state == stream.Sending {
		c.state, c.since = stream.Connecting, time.Now() // it waits to be called
	}
}

// look tells of it.
func (c *course) look() stream.Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	t := c.is
	t.State, t.Since, t.Next, t.Attempts, t.LastError = c.state, c.since, c.next, c.attempts, c.last
	t.Sent, t.Lost, t.Frames = c.traffic.Sent.Load(), c.lost, c.frames
	for _, sub := range c.readers {
		t.Lost += sub.Missed()
		t.Frames += sub.Taken()
	}
	return t
}

// tell tells the witnesses what has become of it.
func (c *course) tell(what stream.What, lasted time.Duration, cause error) {
	t := c.look()
	c.relay.tell(stream.Event{
		What: what, Request: c.r, StreamID: t.StreamID, Target: t.URL, Sent: t.Sent, Lost: t.Lost, Lasted: lasted, Cause: cause,
	})
}

func (v *Relay) tell(e stream.Event) { v.o.Registry().Tell(e) }

// Targets lists where streams are sent on to now, by their streams and addresses.
func (v *Relay) Targets() []stream.Target {
	v.mu.Lock()
	all := make([]*course, 0, len(v.courses))
	for c := range v.courses {
		all = append(all, c)
	}
	v.mu.Unlock()
	list := make([]stream.Target, len(all))
	for i, c := range all {
		list[i] = c.look()
	}
	slices.SortFunc(list, func(a, b stream.Target) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.URL, b.URL))
	})
	return list
}

// pusher returns the protocol by which a stream is sent to an address.
func (v *Relay) pusher(url string) (Scheme, error) {
	scheme, known := v.scheme(url)
	if !known || scheme.Push == nil {
		return Scheme{}, errors.New("nothing can be sent by this protocol")
	}
	return scheme, scheme.Check(url)
}
