package server

import (
	"context"
	"time"
)

// A drain looks each tick whether all have left, and says how many are there after reportFirst, then
// after twice that, and so on, but not less often than each reportMost.
const (
	drainTick   = 100 * time.Millisecond
	reportFirst = 5 * time.Second
	reportMost  = time.Minute
)

// Drain stops accepting clients, and returns when the last connection has ended or ctx ends. HTTP
// connections between two requests are closed, so players of HLS, who have no other, hold nothing up.
func (s *Server) Drain(ctx context.Context) {
	c, begun := s.config(), time.Now()
	s.manager.Stopping("waiting for clients to leave")
	s.log.Info("draining: clients are accepted a little longer", "wait", c.GraceStartWait, "clients", s.clients())
	if !wait(ctx, c.GraceStartWait) {
		return
	}
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
	for pause := reportFirst; s.clients() > 0; pause = min(2*pause, reportMost) {
		s.log.Info("waiting for clients to leave", "clients", s.clients(), "since", time.Since(begun).Round(time.Second))
		if !s.emptied(ctx, pause) {
			return
		}
	}
	s.log.Info("drained: the last client has left", "since", time.Since(begun).Round(time.Millisecond), "wait", s.config().GraceFinalWait)
	wait(ctx, s.config().GraceFinalWait)
}

// clients is how many there are.
func (s *Server) clients() int { return s.limit.Count() + s.srt.Count() + s.rtc.Count() }

// emptied waits until all clients have left, for a pause at most; it is false if ctx has ended first.
func (s *Server) emptied(ctx context.Context, pause time.Duration) bool {
	for range pause / drainTick {
		if s.clients() == 0 {
			return true
		}
		if !wait(ctx, drainTick) {
			return false
		}
	}
	return true
}

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
