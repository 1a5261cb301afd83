package server

import (
	"context"
	"sync"
	"time"

	"weir/internal/stream"
)

// A drain looks each tick whether all have left, and says how many are there after reportFirst, then
// after twice that, and so on, but not less often than each reportMost.
const (
	drainTick   = 100 * time.Millisecond
	reportFirst = 5 * time.Second
	reportMost  = time.Minute
	dismissTime = 5 * time.Second // for those whose sessions are ended to leave
)

// Drain stops accepting clients, asks those to go elsewhere who can, and returns when the last connection has ended, has been
// ended after grace_move_wait, or ctx ends. HTTP connections between two requests are closed, so players of HLS, who have no
// other, hold nothing up.
func (s *Server) Drain(ctx context.Context) {
	c, begun := s.config(), time.Now()
	s.draining.Store(true)
	s.manager.Stopping("waiting for clients to leave")
	s.log.Info("draining: clients are accepted a little longer", "wait", c.GraceStartWait, "clients", s.clients())
	if !wait(ctx, c.GraceStartWait) {
		return
	}
	s.turnAway()
	limit := func() time.Duration { return s.config().GraceMoveWait }
	wanted := func() bool { return s.clients() > 0 || s.before.lives() } // whose clients are sent away when this one ends
	if !s.empty(ctx, wanted, limit, begun) {
		return
	}
	s.log.Info("drained: the last client has left", "since", time.Since(begun).Round(time.Millisecond), "wait", s.config().GraceFinalWait)
	wait(ctx, s.config().GraceFinalWait)
}

// turnAway lets nobody in any more.
func (s *Server) turnAway() {
	s.shut()
	s.srt.Drain()
	s.rtc.Drain()
	s.api.Drain()
	for _, f := range []*httpFront{s.apiFront, s.webFront, s.exporterFront} {
		f.http.SetKeepAlivesEnabled(false)
	}
	for _, each := range s.cast {
		each.front.http.SetKeepAlivesEnabled(false)
	}
}

// askToDrain begins a drain; asked again it does no more.
func (s *Server) askToDrain() {
	select {
	case s.drains <- struct{}{}:
	default:
	}
}

// empty asks clients to go elsewhere and waits until none are wanted here any more. Once it has waited for limit, which is looked at again
// and again and is none where it is 0, it ends their sessions. It is false if ctx has ended first.
func (s *Server) empty(ctx context.Context, wanted func() bool, limit func() time.Duration, begun time.Time) bool {
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(s.registry.Move)
	since, dismissed := time.Now(), time.Time{}
	next, pause := since, reportFirst
	for wanted() {
		now := time.Now()
		if most := limit(); dismissed.IsZero() && most > 0 && now.Sub(since) >= most {
			s.log.Info("clients have not left by themselves: their sessions are ended", "clients", s.clients(), "since", now.Sub(begun).Round(time.Second))
			s.registry.Dismiss(stream.ErrEnding)
			dismissed = now
		}
		if !dismissed.IsZero() && now.Sub(dismissed) >= dismissTime {
			s.log.Warn("these clients do not leave, and are cut off", "clients", s.clients())
			return true
		}
		if !now.Before(next) {
			s.log.Info("waiting for clients to leave", "clients", s.clients(), "since", now.Sub(begun).Round(time.Second))
			next, pause = now.Add(pause), min(2*pause, reportMost)
		}
		if !wait(ctx, drainTick) {
			return false
		}
	}
	return true
}

// clients is how many there are.
func (s *Server) clients() int { return s.limit.Count() + s.srt.Count() + s.rtc.Count() }

// wait waits for d; it is false if ctx has ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
