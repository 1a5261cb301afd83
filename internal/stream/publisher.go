package stream

import (
	"sync"
	"time"

	"weir/internal/media"
)

// Publisher is the right to write to a stream. It is a media.Writer and a
// media.BatchWriter: frames written belong to it from then on.
type Publisher struct {
	// Set at construction.
	request *Request
	stream  *Stream
	started time.Time
	once    sync.Once // for its end
	ended   bool      // the witnesses will hear of its end; guarded by the registry's lock

	layout *media.Layout // the publisher's newest; guarded by stream.mu

	mu       sync.Mutex
	cause    error
	feedback chan struct{} // cap 1: wants is not empty
	wants    Feedback
	keyTold  time.Time // when a key frame was last asked of the publisher
	rate     rate
}

// WriteFrame appends f. It never waits for a reader. The error is ErrReplaced when another
// publisher has taken over, ErrIdle or what Kick was given when it was ended, ErrClosed after
// Close.
func (p *Publisher) WriteFrame(f *media.Frame) error {
	one := [1]*media.Frame{f}
	return p.stream.write(p, one[:])
}

// WriteBatch appends frames in one go.
func (p *Publisher) WriteBatch(frames []*media.Frame) error {
	return p.stream.write(p, frames)
}

// Announce puts a layout in force before its first frame, so that the API can show it.
func (p *Publisher) Announce(l *media.Layout) {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher == p && l != p.layout {
		p.layout = l
		s.announce(l)
	}
}

// Repairs returns what was wrong with the publisher's clock so far.
func (p *Publisher) Repairs() media.Repairs {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	return p.stream.clock.Repairs
}

// Close ends the publication, as its encoder wants it. The stream's readers keep what is in the
// window. It may be called twice and from anywhere.
func (p *Publisher) Close() error {
	p.End(nil)
	return nil
}

// End is Close for a cause that is not the encoder's wish, and no reason to wait for it either: the
// server stops.
func (p *Publisher) End(cause error) {
	p.once.Do(func() { p.stream.registry.unpublish(p, cause, false) })
}

// Lost ends the publication because the encoder has dropped out: its connection broke, or has
// fallen silent, for the cause given. Where the rules say so, the place and its readers wait for
// the next publisher; else it is Close. It changes nothing for a publisher that has been
// replaced or kicked, or has closed.
func (p *Publisher) Lost(cause error) {
	p.once.Do(func() { p.stream.registry.unpublish(p, cause, true) })
}

// stop notes why the publisher may not write any more; the first reason stays.
func (p *Publisher) stop(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil {
		p.cause = cause
	}
}

func (p *Publisher) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil {
		return ErrClosed
	}
	return p.cause
}
