package stream

import (
	"context"
	"time"
)

// reserve finds or makes the stream that r names, and keeps it in the list until release: the
// gates know it by its id.
func (g *Registry) reserve(r *Request) *Stream {
	if len(g.gates) == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stream(r)
	s.asked++
	return s
}

func (g *Registry) release(s *Stream) {
	if s == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked--
	g.bury(s)
}

// ask puts the question to the gates. The stream is reserved.
func (g *Registry) ask(ctx context.Context, act Act, r *Request) error {
	if r.Kin {
		return ctx.Err()
	}
	a := Ask{Act: act, Request: r}
	if act != Connect && len(g.gates) > 0 {
		a.StreamID = g.idOf(r)
	}
	for _, gate := range g.gates {
		if err := gate.Check(ctx, a); err != nil {
			if ctx.Err() == nil {
				g.refused(act, r, err)
			}
			return err
		}
	}
	return ctx.Err()
}

// Connect asks the gates for a client that has opened a connection and said what it wants. What it
// publishes and plays is asked for by itself. Every nil is answered by one Disconnect, when all of
// that has ended.
func (g *Registry) Connect(ctx context.Context, r *Request) error {
	defer g.tell()
	if err := g.ask(ctx, Connect, r); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.note(Event{What: Connected, Request: r})
	return nil
}

// Disconnect is the end of a connection, whose Traffic is that of all it did. The cause is nil where
// the client wanted it.
func (g *Registry) Disconnect(r *Request, lasted time.Duration, cause error) {
	defer g.tell()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.note(Event{What: Closed, Request: r, Lasted: lasted, Cause: cause})
}
