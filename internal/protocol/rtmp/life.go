package rtmp

import (
	"context"
	"sync"
)

// life is the time of a session and what has to happen at its end, once: it takes less memory
// than a context that another waits for.
type life struct {
	// Set at construction.
	hangUp func(cause error)
	ctx    context.Context
	end    context.CancelCauseFunc

	mu   sync.Mutex
	over bool           // Guarded by mu.
	hung sync.WaitGroup // of hangUp, where cancel calls it
}

// begin returns the context of the session, which ends with parent, by cancel or by finish. Stop
// has to be called when it has ended.
func (l *life) begin(parent context.Context) (ctx context.Context, stop func() bool) {
	l.ctx, l.end = context.WithCancelCause(context.WithoutCancel(parent))
	return l.ctx, context.AfterFunc(parent, func() { l.cancel(context.Cause(parent)) })
}

// cancel ends the session from anywhere: it hangs up and does not wait for that. The first cause
// stays.
func (l *life) cancel(cause error) {
	if !l.claim() {
		return
	}
	l.end(cause)
	go func() {
		defer l.hung.Done()
		l.hangUp(cause)
	}()
}

// why returns for what the session ends: its own cause, unless it has been canceled before.
func (l *life) why(own error) error {
	if cause := context.Cause(l.ctx); cause != nil {
		return cause
	}
	return own
}

// finish is for the session itself, at its end: it has hung up when it returns. It returns the
// cause, which is not its own if it has been canceled before.
func (l *life) finish(ctx context.Context, cause error) error {
	if l.claim() {
		defer l.hung.Done()
		l.hangUp(cause)
		l.end(cause)
		return cause
	}
	l.hung.Wait()
	return context.Cause(ctx)
}

// claim reports whether the caller is the one to hang up.
func (l *life) claim() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.over = true
	l.hung.Add(1)
	return true
}
