package stream

import (
	"errors"
	"time"
)

// holdCheck is how long a hold may take to hear of new rules and of viewers that have left.
const holdCheck = 500 * time.Millisecond

var (
	// errLate ends a hold whose publisher has not come back.
	errLate = errors.New("resume_timeout is over")
	// errElsewhere ends a hold whose publisher cannot come back here.
	errElsewhere = errors.New("it is let in by another process now")
)

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
	request  *Request // of the publisher that was lost
	supplied bool     // it lasts as long as the Supply does, and not by the rules
	since    time.Time
	timer    *time.Timer
}

// keep makes a hold for a publisher that was lost, if the rules want one, and returns for how
// long; both locks are held. Where nobody may begin to publish there is none, but for what is brought here.
//
// A publication at the process before may be over because its publisher was lost there, who will come back to this one: it
// is waited for by the rules, as if it had been lost here.
func (g *Registry) keep(s *Stream, p *Publisher, lost bool) (limit time.Duration) {
	h := &hold{request: p.request, supplied: p.request.Supplied && lost, since: time.Now()}
	over := p.request.Supplied && p.request.Kin && s.wanted > 0
	if !lost && !over || g.retiring && !h.supplied {
		return 0
	}
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
	if h.supplied {
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

// outlive is what becomes of a stream's hold when the Supply has ended; both locks are held.
func (g *Registry) outlive(s *Stream) {
	h := s.hold
	if h == nil || !h.supplied {
		return
	}
	if h.request.Kin && !g.retiring { // the process before has ended, and its publisher will come here
		h.supplied, h.since = false, time.Now()
		if limit, _ := s.left(h); limit > 0 {
			h.timer.Reset(min(limit, holdCheck))
			return
		}
	}
	g.drop(s)
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
