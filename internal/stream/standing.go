package stream

import (
	"runtime/debug"
	"sync"
)

// Standing is an output that needs no reader: it is on while a stream is live, if the virtual
// host's rules want it, such as files that are written whether or not somebody fetches them.
type Standing struct {
	Name   string                  // in the log
	Wanted func(vhost string) bool // asked when a stream goes live and at Review; it must not block
	Pace   func(vhost string) Pace // of its reading, asked before each batch; nil: none
	// Run reads the stream, from the first frame of a publication on, or from the newest key frame
	// if it is wanted later. The subscription is no audience. It gives io.EOF when the publication
	// has ended, which it has not while a lost publisher is waited for, and ErrClosed when the
	// output is not wanted any more or the server stops. Run has a goroutine of its own, and never
	// two at once for a stream: the next waits until it has returned. If it panics or returns sooner,
	// the output is off until the next publication or Review.
	Run func(sub *Subscriber)
}

// standing is one run of an output.
type standing struct {
	sub   *Subscriber
	ended chan struct{} // closed when Run has returned
}

// stand starts the outputs that are wanted and not on; both locks are held.
func (g *Registry) stand(s *Stream) {
	if g.closed || s.publisher == nil || s.publisher.request.Kin {
		return
	}
	if s.standing == nil && len(g.outputs) > 0 {
		s.standing = make([]*standing, len(g.outputs))
	}
	for i := range g.outputs {
		o, before := &g.outputs[i], s.standing[i]
		if before != nil && before.on(s) || !o.Wanted(s.key.vhost) {
			continue
		}
		s.standing[i] = g.start(s, o, before)
	}
}

// on reports whether the run goes on; s.mu is held.
func (r *standing) on(s *Stream) bool { return !r.sub.closed && r.sub.ended == s.ended }

// start runs o behind the run before it; both locks are held.
func (g *Registry) start(s *Stream, o *Standing, before *standing) *standing {
	r := &Request{
		ID: NewID(), Kind: "standing", Vhost: s.key.vhost, App: s.key.app, Stream: s.key.stream,
	}
	if o.Pace != nil {
		r.Pace = func() Pace { return o.Pace(r.Vhost) }
	}
	sub := s.admit(r, false)
	sub.close = sync.OnceFunc(func() { g.leave(sub) })
	sub.calm = r.Pace != nil && r.Pace().Latency >= calmPause
	run := &standing{sub, make(chan struct{})}
	g.standing.Go(func() {
		defer close(run.ended)
		defer g.endStanding(s, o, sub)
		if before != nil {
			<-before.ended
		}
		o.Run(sub)
	})
	return run
}

// Fork returns one more position in the stream, as a new reader has it, for an output that has several readers, or
// reads anew. It ends with the same publication as r and has no pace; packets is as in a Request. Its reader closes it before the run returns.
func (r *Subscriber) Fork(packets Cargo) *Subscriber {
	s := r.stream
	request := &Request{
		ID: NewID(), Kind: r.request.Kind, Vhost: s.key.vhost, App: s.key.app, Stream: s.key.stream, Packets: packets,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.admit(request, false)
	sub.ended = r.ended
	sub.close = sync.OnceFunc(func() { s.registry.leave(sub) })
	return sub
}

// Split is Fork at the place that r has come to.
func (r *Subscriber) Split(packets Cargo) *Subscriber {
	sub := r.Fork(packets)
	r.stream.mu.Lock()
	defer r.stream.mu.Unlock()
	sub.pos = r.pos
	return sub
}

// endStanding is deferred to the end of a run.
func (g *Registry) endStanding(s *Stream, o *Standing, sub *Subscriber) {
	if cause := recover(); cause != nil {
		g.log.Error("panic: this output ends", "stream", s.url, "output", o.Name, "panic", cause, "stack", string(debug.Stack()))
	}
	_ = sub.Close() // never fails
}

// Review asks again which outputs are wanted: it starts and ends those of running streams.
func (g *Registry) Review() {
	for _, sub := range g.choose() {
		_ = sub.Close() // never fails
	}
}

// choose starts outputs, and returns the subscriptions of those that are to end.
func (g *Registry) choose() (unwanted []*Subscriber) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.streams {
		s.mu.Lock()
		for i, run := range s.standing {
			if run != nil && run.on(s) && !g.outputs[i].Wanted(s.key.vhost) {
				unwanted = append(unwanted, run.sub)
			}
		}
		g.stand(s)
		g.attend(s)
		s.mu.Unlock()
	}
	return unwanted
}

// Publication returns the request of the stream's newest publisher, who may have left; nil
// before the first.
func (s *Stream) Publication() *Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == 0 {
		return nil
	}
	return s.request
}
