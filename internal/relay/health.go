package relay

import (
	"slices"
	"sync"
	"time"
)

const (
	avoidFirst = 3 * time.Second  // for which an origin that has failed is tried after all others
	avoidMost  = 30 * time.Second // the same, after many failures in a row
	maxOrigins = 4096             // whose health is remembered
)

// health is what is known of the servers that streams come from or go to.
type health struct {
	mu    sync.Mutex
	turns map[string]int      // by virtual host: who is tried first
	bad   map[string]*ailment // by address
}

// ailment is an origin's failures in a row.
type ailment struct {
	count int
	until time.Time // when it is tried in its turn again
}

func newHealth() *health {
	return &health{turns: map[string]int{}, bad: map[string]*ailment{}}
}

// order lists origins in the order in which they are to be tried: in turn, and those that have failed lately behind the
// others, the one that failed first before the rest.
func (h *health) order(vhost string, origins []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(origins) == 0 {
		return nil
	}
	first := h.turns[vhost] % len(origins)
	h.turns[vhost] = first + 1
	list := append(slices.Clone(origins[first:]), origins[:first]...)
	now := time.Now()
	slices.SortStableFunc(list, func(a, b string) int { return h.until(a, now).Compare(h.until(b, now)) })
	return list
}

// compare tells which of two origins has failed, or failed later.
func (h *health) compare(a, b string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	return h.until(a, now).Compare(h.until(b, now))
}

// until is when an origin will be tried in its turn; the zero time is now.
func (h *health) until(origin string, now time.Time) time.Time {
	if x := h.bad[origin]; x != nil && now.Before(x.until) {
		return x.until
	}
	return time.Time{}
}

// failed notes that an origin cannot be used.
func (h *health) failed(origin string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.bad[origin]
	if x == nil {
		if len(h.bad) == maxOrigins {
			clear(h.bad)
		}
		x = &ailment{}
		h.bad[origin] = x
	}
	x.until = time.Now().Add(min(avoidFirst<<min(x.count, 8), avoidMost))
	x.count++
}

// well notes that an origin has sent or taken what it should.
func (h *health) well(origin string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.bad, origin)
}
