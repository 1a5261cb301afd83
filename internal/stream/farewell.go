package stream

import "sync"

// Move asks all clients that can go elsewhere by themselves to do so, and those that come later too: Moving tells who lets
// them in. It returns when they have been told, which takes as long as the slowest takes to hear.
func (g *Registry) Move() {
	g.mu.Lock()
	g.moving = true
	var moves []func()
	for _, x := range g.sessions {
		if x.request.Move != nil {
			moves = append(moves, x.request.Move)
		}
	}
	g.mu.Unlock()
	var telling sync.WaitGroup
	defer telling.Wait()
	for _, move := range moves {
		telling.Go(move)
	}
}

// Moving reports whether clients are asked to go elsewhere.
func (g *Registry) Moving() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.moving
}

// Dismiss ends all sessions that can be ended, and the waiting for lost publishers.
func (g *Registry) Dismiss(cause error) {
	g.mu.Lock()
	var ids []string
	for id := range g.sessions {
		ids = append(ids, id)
	}
	for _, s := range g.streams {
		s.mu.Lock()
		if s.hold != nil {
			ids = append(ids, s.hold.request.ID)
		}
		s.mu.Unlock()
	}
	g.mu.Unlock()
	for _, id := range ids {
		_ = g.Kick(id, cause) // it may have left by itself
	}
}

// Retire has nobody begin to publish any more: ErrEnding. Publishers that were lost, or will be, are not waited for either.
func (g *Registry) Retire() {
	for s, h := range g.part() {
		g.gaveUp(s, h, errElsewhere)
	}
}

// part gives up the holds that no Supply keeps, and returns them.
func (g *Registry) part() map[*Stream]*hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retiring = true
	given := map[*Stream]*hold{}
	for _, s := range g.streams {
		s.mu.Lock()
		if h := s.hold; h != nil && !h.supplied {
			given[s] = h
			g.drop(s)
		}
		s.mu.Unlock()
	}
	return given
}

func (g *Registry) retired() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.retiring
}

// DismissIdle ends the sessions of readers whose stream nobody publishes, or brings here, any more: where nobody may begin to
// publish they wait in vain.
func (g *Registry) DismissIdle(cause error) {
	var ids []string
	g.mu.Lock()
	for id, x := range g.sessions {
		s := x.stream
		s.mu.Lock()
		if x.publisher == nil && !s.live() && (s.supply == nil || s.supply.ended) {
			ids = append(ids, id)
		}
		s.mu.Unlock()
	}
	g.mu.Unlock()
	for _, id := range ids {
		_ = g.Kick(id, cause) // it may have left by itself
	}
}
