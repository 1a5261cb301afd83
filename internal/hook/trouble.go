package hook

import (
	"log/slog"
	"sync"
)

// maxTroubles bounds the receivers that are known to be in trouble.
const maxTroubles = 1024

// trouble is the receivers that do not answer. It logs the first failure of each, the first event that is
// lost by it, and its return.
type trouble struct {
	log *slog.Logger

	mu      sync.Mutex
	outages map[sore]outage
}

// sore is where there is trouble, outage what of it has come so far.
type (
	sore   struct{ receiver, action string }
	outage struct{ failed, lost int }
)

// note takes the outcome of a call into account.
func (t *trouble) note(receiver, action, client string, err error) {
	k := sore{receiver, action}
	t.mu.Lock()
	o := t.outages[k]
	if err == nil {
		delete(t.outages, k)
	} else {
		t.keep(k, outage{o.failed + 1, o.lost})
	}
	t.mu.Unlock()
	switch {
	case err == nil && o.failed > 0:
		t.log.Info("callbacks succeed again", "action", action, "receiver", receiver, "failed", o.failed, "lost", o.lost)
	case err != nil && o.failed == 0 && answered(err):
		t.log.Warn("a callback is answered with no, which changes nothing", "cid", client, "action", action, "receiver", receiver, "cause", err)
	case err != nil && o.failed == 0:
		t.log.Warn("a callback has no answer", "cid", client, "action", action, "receiver", receiver, "cause", err)
	}
}

// lose notes that an event is given up.
func (t *trouble) lose(receiver string, e *event, err error) {
	k := sore{receiver, e.action}
	t.mu.Lock()
	o := t.outages[k]
	t.keep(k, outage{o.failed, o.lost + 1})
	t.mu.Unlock()
	if o.lost == 0 {
		t.log.Error("a callback is given up: nobody answers", "cid", e.client, "action", e.action, "receiver", receiver, "event", e.id, "cause", err)
	}
}

// keep keeps what is known of an outage, if there is room; t.mu is held.
func (t *trouble) keep(k sore, o outage) {
	if t.outages == nil {
		t.outages = map[sore]outage{}
	}
	if _, known := t.outages[k]; known || len(t.outages) < maxTroubles {
		t.outages[k] = o
	}
}
