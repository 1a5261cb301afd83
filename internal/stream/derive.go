package stream

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// derived is one output of a stream, shared by its readers.
type derived struct {
	// Set by begin.
	ready chan struct{} // closed when the rest is
	value any
	err   error
	stop  func()

	refs int           // guarded by Stream.mu
	gone chan struct{} // closed when the last reader has left and the work has ended
}

// Output is what a derivation starts: a value that its readers share, and the work behind it.
type Output[T any] struct {
	Value T
	// Run reads the stream until the subscription ends, on a goroutine of its own. It may be
	// nil for an output that does all its work in its readers' goroutines. If it returns sooner
	// or panics, the output is over: its subscription closes. So whoever reads the Value must
	// wait for the subscription's Done as well, and has ErrClosed then.
	Run func()
}

// Derive returns the stream's output under key: an output with state that is made once per
// stream, such as a mux, started by its first reader and ended after its last. Start gets a
// subscription of the output's own, which is no audience, stays from publisher to publisher,
// and holds no frames for an output that does not read it. The reader calls release when it is
// done; the last release waits until Run has returned. Who comes after an output that was over
// before its last reader gets a new one.
func Derive[T any](s *Stream, key any, start func(*Subscriber) (Output[T], error)) (value T, release func(), err error) {
	d, first := s.claim(key)
	release = sync.OnceFunc(func() { s.release(key, d) })
	if first {
		begin(s, key, d, start, release)
	} else {
		<-d.ready
	}
	if d.err != nil {
		release()
		return value, func() {}, d.err
	}
	return d.value.(T), release, nil
}

// claim counts one more reader of the output under key, and makes it if there is none. While one
// is ending it waits, so that there are never two at once.
func (s *Stream) claim(key any) (d *derived, first bool) {
	for {
		s.mu.Lock()
		d = s.derived[key]
		if d != nil && d.refs == 0 {
			s.mu.Unlock()
			<-d.gone
			continue
		}
		if d == nil {
			d, first = &derived{ready: make(chan struct{}), gone: make(chan struct{})}, true
			s.derived[key] = d
		}
		d.refs++
		s.mu.Unlock()
		return d, first
	}
}

// begin starts d. If start panics, its caller is no reader any more and the others get
// ErrClosed.
func begin[T any](s *Stream, key any, d *derived, start func(*Subscriber) (Output[T], error), release func()) {
	d.err = ErrClosed
	defer close(d.ready)
	sub, err := s.registry.derive(s)
	if err != nil {
		return
	}
	defer func() {
		if d.err != nil {
			_ = sub.Close() // never fails
			release()
		}
	}()
	out, err := start(sub)
	if err != nil {
		d.err = err
		return
	}
	var run sync.WaitGroup
	if out.Run != nil {
		run.Go(func() {
			defer s.over(key, d, sub)
			out.Run()
		})
	}
	d.value, d.err = out.Value, nil
	d.stop = func() {
		_ = sub.Close() // never fails
		run.Wait()
	}
}

// over is deferred to the end of an output's work: it logs a panic, closes the subscription, and
// makes room for the next output.
func (s *Stream) over(key any, d *derived, sub *Subscriber) {
	if cause := recover(); cause != nil {
		s.registry.log.Error("panic: this output ends", "stream", s.url, "output", fmt.Sprintf("%T", key), "panic", cause, "stack", string(debug.Stack()))
	}
	_ = sub.Close() // never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.refs > 0 { // else the last release does it
		delete(s.derived, key)
	}
}

// release counts one reader less, and ends the output with the last.
func (s *Stream) release(key any, d *derived) {
	s.mu.Lock()
	d.refs--
	last := d.refs == 0
	s.mu.Unlock()
	if !last {
		return
	}
	if d.stop != nil {
		d.stop()
	}
	s.mu.Lock()
	if s.derived[key] == d {
		delete(s.derived, key)
	}
	s.mu.Unlock()
	close(d.gone)
}

// derive subscribes without asking the gates: who reads the output has been asked.
func (g *Registry) derive(s *Stream) (*Subscriber, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.streams[s.key] != s {
		return nil, ErrClosed
	}
	r := &Request{ID: NewID(), Kind: "derived", Vhost: s.key.vhost, App: s.key.app, Stream: s.key.stream, Wait: true}
	sub := s.subscribe(r, true)
	sub.close = sync.OnceFunc(func() { g.leave(sub) })
	return sub, nil
}

// Done is closed when the subscription is: what an output's own waiting ends with.
func (r *Subscriber) Done() <-chan struct{} { return r.done }
