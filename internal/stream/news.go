package stream

import (
	"errors"
	"time"
)

// slowEvery is the least time between two Slow events of one reader.
const slowEvery = 10 * time.Second

// note keeps an event for the witnesses; g.mu is held, here and below. Whoever holds it calls tell
// when it does not any more.
func (g *Registry) note(e Event) {
	if len(g.witness) == 0 || e.Request.Kin {
		return
	}
	e.At = time.Now()
	if t := e.Request.Traffic; t != nil && !e.What.Onward() {
		e.Received, e.Sent = t.Received.Load(), t.Sent.Load()
	}
	g.news = append(g.news, e)
}

// tell has the witnesses hear of all that was noted. No lock is held; when it returns, they have.
func (g *Registry) tell() {
	if len(g.witness) == 0 {
		return
	}
	g.telling.Lock()
	defer g.telling.Unlock()
	for {
		g.mu.Lock()
		news := g.news
		g.news = nil
		g.mu.Unlock()
		if len(news) == 0 {
			return
		}
		for _, e := range news {
			for _, hear := range g.witness {
				hear(e)
			}
		}
	}
}

// noteEnd notes the end of a publication, once.
func (g *Registry) noteEnd(p *Publisher, cause error) {
	if p.ended {
		return
	}
	p.ended = true
	p.stream.gone = &End{At: time.Now(), ID: p.request.ID, Cause: cause, Lasted: time.Since(p.started)}
	e := Event{What: Unpublished, Request: p.request, StreamID: p.stream.ID, Lasted: time.Since(p.started), Cause: cause}
	if errors.Is(cause, ErrMute) {
		silent := e
		silent.What = Silent
		g.note(silent)
	}
	g.note(e)
}

// noteStop notes the end of a reader that is a session; its stream's lock is held too.
func (g *Registry) noteStop(r *Subscriber) {
	if r.listed {
		g.note(Event{
			What: Stopped, Request: r.request, StreamID: r.stream.ID,
			Lasted: time.Since(r.started), Cause: r.cause, Lost: r.lost,
		})
	}
}

// refused notes that a client was kept out; g.mu is not held.
func (g *Registry) refused(act Act, r *Request, cause error) {
	e := Event{What: Refused, Act: act, Request: r, Cause: cause}
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.streams[r.key()]; s != nil && act != Connect {
		e.StreamID = s.ID
	}
	g.note(e)
}

// idOf returns the id of the stream that r names, which is reserved; g.mu is not held.
func (g *Registry) idOf(r *Request) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.streams[r.key()].ID
}

// watch notes that a reader has lost frames since it was last looked at.
func (g *Registry) watch(x *session) {
	sub := x.subscriber
	if sub == nil {
		return
	}
	now := time.Now()
	if lost := sub.Missed(); lost > sub.told && now.Sub(sub.slow) >= slowEvery {
		sub.told, sub.slow = lost, now
		g.note(Event{
			What: Slow, Request: x.request, StreamID: x.stream.ID, Lasted: now.Sub(sub.started), Lost: lost,
		})
	}
}
