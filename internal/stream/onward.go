package stream

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
)

// Route says where the streams that are published here go on to, such as from an edge to its origin. It is asked behind
// the gates, and returns when the other side has taken the stream, or why it does not. A nil Onward is nowhere.
type Route func(ctx context.Context, r *Request) (Onward, error)

// Onward is the way of one stream to another server.
type Onward interface {
	// Run sends the stream on, from its first frame until the subscription ends, as that of a Standing does: through the
	// changes of its publishers where another takes over or one is waited for. It has a goroutine of its own. An error
	// ends the publisher.
	Run(sub *Subscriber) error
	// Reads reports whether Run reads the stream, from its first frame on: those are held for it until it has come to them.
	// One that does not, such as a claim on its name, costs nothing: it waits with Outlast.
	Reads() bool
	// Close gives the way up, instead of Run.
	Close()
}

// errRouted says that a stream goes on by a way that has ended meanwhile.
var errRouted = errors.New("stream: to be routed again")

// way is a run of an Onward.
type way struct {
	standing
	publisher *Publisher // the newest; guarded by Stream.mu
}

// routed asks for the way of the stream that r names, unless it has one that goes on.
func (g *Registry) routed(ctx context.Context, r *Request) (to Onward, underway bool, err error) {
	if g.route == nil {
		return nil, false, nil
	}
	if g.underway(r) {
		return nil, true, nil
	}
	to, err = g.route(ctx, r)
	return to, false, err
}

func (g *Registry) underway(r *Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.streams[r.key()]
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.way != nil && s.way.on(s)
}

// lead starts the way of a stream whose publisher has its place; both locks are held.
func (g *Registry) lead(s *Stream, p *Publisher, to Onward) {
	before := s.way
	if to == nil {
		if before != nil {
			before.publisher = p
		}
		return
	}
	sub := s.admit(&Request{ID: NewID(), Kind: "onward", Vhost: s.key.vhost, App: s.key.app, Stream: s.key.stream}, !to.Reads())
	sub.pos = s.frames.next
	sub.close = sync.OnceFunc(func() { g.leave(sub) })
	w := &way{standing{sub, make(chan struct{})}, p}
	s.way = w
	g.standing.Go(func() {
		defer close(w.ended)
		if before != nil {
			<-before.ended
		}
		err := g.goOn(s, to, sub)
		s.mu.Lock()
		p := w.publisher
		s.mu.Unlock()
		_ = sub.Close() // never fails
		if err != nil && !errors.Is(err, ErrClosed) {
			g.endOf(p, err)
		}
	})
}

// goOn runs a way; its panic is its error.
func (g *Registry) goOn(s *Stream, to Onward, sub *Subscriber) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			g.log.Error("panic: this stream is not sent on", "stream", s.url, "panic", cause, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return to.Run(sub)
}

// endOf ends a publisher for a cause that it is told.
func (g *Registry) endOf(p *Publisher, cause error) {
	defer g.tell()
	g.mu.Lock()
	p.stream.oust(p, cause)
	g.noteEnd(p, cause)
	g.mu.Unlock()
	if p.request.Kick != nil {
		p.request.Kick(cause)
	}
}
