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

// silence ends a publisher that sends nothing for longer than the rules in force allow. Its connection may be well:
// protocols keep them alive.
type silence struct {
	rules  func() *config.Publish
	cancel context.CancelCauseFunc
	heard  atomic.Int64 // when the last packet came; 0: none has yet
	began  int64

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	over  bool
}

// watchSilence begins to watch, until stop.
func watchSilence(rules func() *config.Publish, cancel context.CancelCauseFunc) *silence {
	s := &silence{rules: rules, cancel: cancel, began: media.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(time.Second, s.look)
	return s
}

func (s *silence) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.timer.Stop()
}

func (s *silence) look() {
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
