package hook

import (
	"log/slog"
	"sync"
)

// maxTroubles bounds the receivers that are known to be in trouble.
const maxTroubles = 1024

// trouble is the receivers that do not answer. It logs the first failure of each, and its return.
type trouble struct {
	log *slog.Logger

	mu    sync.Mutex
	first map[sore]int // failures, of those in trouble
}

// sore is where there is trouble.
type sore struct{ receiver, action string }

// note takes the outcome of a call into account.
func (t *trouble) note(receiver, action, client string, err error) {
	k := sore{receiver, action}
	t.mu.Lock()
	n := t.first[k]
	switch {
	case err == nil:
		delete(t.first, k)
	case n > 0 || len(t.first) < maxTroubles:
		if t.first == nil {
			t.first = map[sore]int{}
		}
		t.first[k] = n + 1
	}
	t.mu.Unlock()
	switch {
	case err == nil && n > 0:
		t.log.Info("callbacks succeed again", "action", action, "receiver", receiver, "failed", n)
	case err != nil && n == 0 && answered(err):
		t.log.Warn("a callback is answered with no", "cid", client, "action", action, "receiver", receiver, "cause", err)
	case err != nil && n == 0:
		t.log.Warn("a callback has no answer", "cid", client, "action", action, "receiver", receiver, "cause", err)
	}
}
