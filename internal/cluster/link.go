package cluster

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// link is whether Redis can be reached. Its going and its coming back are a line in the log each.
type link struct {
	log  *slog.Logger // set at construction
	down atomic.Bool

	mu    sync.Mutex // guards what follows, and changes of down
	since time.Time  // when it went
	cause error      // the newest
}

// away returns since when Redis does not answer, and why; zero and nil if it does.
func (k *link) away() (since time.Time, cause error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.down.Load() {
		return time.Time{}, nil
	}
	return k.since, k.cause
}

// fail notes that Redis does not answer, and reports whether that is news.
func (k *link) fail(err error) bool {
	err = advised(err)
	k.mu.Lock()
	news := !k.down.Swap(true)
	if news {
		k.since = time.Now()
	}
	k.cause = err
	k.mu.Unlock()
	if news {
		k.log.Warn("the registry of the cluster cannot be reached", "cause", err,
			"next", "streams go on, what is known is used, and it is tried again every second")
	}
	return news
}

// restore notes that Redis has been told all there is to tell.
func (k *link) restore(claims int) {
	k.mu.Lock()
	news := k.down.Swap(false)
	away := time.Since(k.since)
	k.cause = nil
	k.mu.Unlock()
	if news {
		k.log.Info("the registry of the cluster is back", "after", away.Round(time.Millisecond), "streams", claims)
	}
}
