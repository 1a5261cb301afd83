package stream

import (
	"fmt"
	"time"
)

// idleCheck is how often the registry looks for publishers whom nobody watches.
const idleCheck = 500 * time.Millisecond

// alone returns for how long the stream has had no viewer; zero while it has one, where its
// viewers are somebody else's too, or it ends with them anyway. s.mu is held.
func (s *Stream) alone(now time.Time) time.Duration {
	if s.viewers > 0 || s.way != nil && s.way.on(s) || s.publisher != nil && s.publisher.request.Supplied {
		return 0
	}
	return now.Sub(s.lonely)
}

func idleFor(limit time.Duration) error { return fmt.Errorf("%w: %s", ErrIdle, limit) }

// sweep ends the publishers whom nobody has watched for longer than their rules allow. Their
// names are free when it returns; a hold looks after itself.
func (g *Registry) sweep(now time.Time) {
	defer g.tell()
	for r, cause := range g.idlers(now) {
		r.Kick(cause)
	}
}

// idlers takes those publishers out of their places.
func (g *Registry) idlers(now time.Time) map[*Request]error {
	found := map[*Request]error{}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.streams {
		s.mu.Lock()
		p, limit := s.publisher, s.settings().Idle
		if p != nil && p.request.Kick != nil && limit > 0 && s.alone(now) >= limit {
			found[p.request] = idleFor(limit)
			p.stop(found[p.request])
			g.noteEnd(p, found[p.request])
			s.end()
			g.attend(s)
		}
		s.mu.Unlock()
	}
	return found
}
