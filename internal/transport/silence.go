package transport

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// Silence ends a publisher that sends nothing for longer than the rules in force allow. Its connection may be well:
// protocols keep them alive.
type Silence struct {
	rules  func() *config.Publish
	cancel context.CancelCauseFunc
	heard  atomic.Int64 // when the last packet came; 0: none has yet
	began  int64

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  bool
}

// WatchSilence begins to watch, until Stop. The cause that cancel is given is a stream.ErrMute.
func WatchSilence(rules func() *config.Publish, cancel context.CancelCauseFunc) *Silence {
	s := &Silence{rules: rules, cancel: cancel, began: media.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(time.Second, s.look)
	return s
}

// Heard notes that something has come at a time of media.Now; it may be called from anywhere.
func (s *Silence) Heard(now int64) { s.heard.Store(now) }

// Stop ends the watch.
func (s *Silence) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.timer.Stop()
}

func (s *Silence) look() {
	rules, since := s.rules(), s.heard.Load()
	limit := rules.NormalTimeout
	if since == 0 {
		limit, since = rules.FirstpktTimeout, s.began
	}
	left := limit - time.Duration(media.Now()-since)
	if left <= 0 {
		s.cancel(fmt.Errorf("%w for %s", stream.ErrMute, limit))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.timer.Reset(min(left, time.Second)) // the rules may have changed by then
	}
}
