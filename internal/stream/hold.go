package stream

import (
	"errors"
	"time"
)

// holdCheck is how long a hold may take to hear of new rules and of viewers that have left.
const holdCheck = 500 * time.Millisecond

// errLate ends a hold whose publisher has not come back.
var errLate = errors.New("resume_timeout is over")

// hold is a place kept free for a publisher that was lost, with all that its viewers have: the
// stream stays listed, late joiners get the cached GOP, and readers just wait. Whoever publishes
// next ends it with a splice: time goes on, the new frames have another Layout.Publisher, and
// no reader hears of an end. If nobody comes, readers hear of it when the hold is given up, as
// they otherwise do at once.
//
// To everybody but readers the publication is over when the publisher is lost. So a callback
// about its end belongs to Publisher.Lost, which has ended the session, and one about the next
// to Registry.Publish, where the gates are asked: whoever returns is let in like any other.
type hold struct {
	request *Request // of the publisher that was lost
	since   time.Time
	timer   *time.Timer
}

// keep makes a hold for a publisher that was lost, if the rules want one, and returns for how
// long; both locks are held.
func (g *Registry) keep(s *Stream, p *Publisher) (limit time.Duration) {
	h := &hold{request: p.request, since: time.Now()}
	limit, _ = s.left(h)
	if g.closed || limit <= 0 {
		return 0
	}
	s.drain()
	s.publisher, s.hold = nil, h
	s.rouse()
	if s.lane != nil {
		s.lane.halt()
	}
	h.timer = time.AfterFunc(min(limit, holdCheck), func() { g.review(s, h) })
	return limit
}

// left returns for how long a hold may last, and what will end it then; both locks are held.
func (s *Stream) left(h *hold) (time.Duration, error) {
	if h.request.Supplied {
		if x := s.supply; x == nil || x.ending || x.ended {
			return 0, errLate
		}
		return suppliedFor, nil
	}
	rules, now := s.settings(), time.Now()
	left, why := h.since.Add(rules.Resume).Sub(now), errLate
	if idle := rules.Idle - s.alone(now); rules.Idle > 0 && idle < left {
		left, why = idle, idleFor(rules.Idle)
	}
	return left, why
}

// review gives a hold up that has lasted long enough.
func (g *Registry) review(s *Stream, h *hold) {
	g.mu.Lock()
	s.mu.Lock()
	var why error
	if s.hold == h { // else somebody was faster
		var left time.Duration
		if left, why = s.left(h); left > 0 {
			why = nil
			h.timer.Reset(min(left, holdCheck))
		} else {
			g.drop(s)
		}
	}
	s.mu.Unlock()
	g.mu.Unlock()
	if why != nil {
		g.gaveUp(s, h, why)
	}
}

// drop gives the stream's hold up, and tells the readers that their publisher has gone; both
// locks are held.
func (g *Registry) drop(s *Stream) {
	s.hold.timer.Stop()
	s.hold = nil
	s.end()
	g.attend(s)
	g.bury(s)
}

// dropOf gives up the hold for the publisher with that session id, if there is one; g.mu is
// held.
func (g *Registry) dropOf(id string) (*Stream, *hold) {
	for _, s := range g.streams {
		s.mu.Lock()
		h := s.hold
		if found := h != nil && h.request.ID == id; found {
			g.drop(s)
			s.mu.Unlock()
			return s, h
		}
		s.mu.Unlock()
	}
	return nil, nil
}

// close gives all holds up and ends the standing outputs, and lets no new ones begin.
func (g *Registry) close() {
	for _, sub := range g.closing() {
		_ = sub.Close() // never fails
	}
}

func (g *Registry) closing() (outputs []*Subscriber) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, s := range g.streams {
		s.mu.Lock()
		if s.hold != nil {
			g.drop(s)
		}
		g.attend(s)
		for _, o := range s.standing {
			if o != nil {
				outputs = append(outputs, o.sub)
			}
		}
		if s.way != nil {
			outputs = append(outputs, s.way.sub)
		}
		s.mu.Unlock()
	}
	return outputs
}

// The lines of the log; no lock is held.

func (g *Registry) lost(p *Publisher, limit time.Duration, cause error) {
	if p.request.Supplied {
		return // who brings it says so
	}
	g.log.Info("publisher lost, its viewers wait for it",
		"cid", p.request.ID, "stream", p.stream.url, "limit", limit.Round(time.Millisecond), "cause", cause)
}

func (g *Registry) returned(p *Publisher, h *hold) {
	if p.request.Supplied {
		return
	}
	g.log.Info("publisher returned after "+time.Since(h.since).Round(time.Millisecond).String(),
		"cid", p.request.ID, "stream", p.stream.url, "before", h.request.ID)
}

func (g *Registry) gaveUp(s *Stream, h *hold, cause error) {
	g.log.Info("publisher did not return",
		"cid", h.request.ID, "stream", s.url, "time", time.Since(h.since).Round(time.Millisecond), "cause", cause)
}
