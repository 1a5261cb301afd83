package listen

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// refusalsEvery is the least time between two lines about refused connections.
const refusalsEvery = time.Second

// Limit counts connections, in total and per ip, over all listeners that share it, and refuses
// those beyond. A nil *Limit refuses nothing.
type Limit struct {
	// Set at construction.
	total, perIP func() int
	log          *slog.Logger

	mu      sync.Mutex
	open    int                // Guarded by mu.
	ips     map[netip.Addr]int // Guarded by mu; no larger than open.
	refused uint64             // Guarded by mu: in all.
	untold  int                // Guarded by mu: refused, and not in the log yet.
}

// A ticket is a connection's place in its Limit, and empty without one.
type ticket struct {
	in   bool       // Guarded by Limit.mu.
	left bool       // Guarded by Limit.mu: it never comes in again.
	ip   netip.Addr // Guarded by Limit.mu: what it is counted under, if anything.
}

// NewLimit makes a Limit. The functions give the numbers in force and are asked for every
// connection, so a reload reaches it; nil or 0 is no limit. Nil log: slog.Default().
func NewLimit(total, perIP func() int, log *slog.Logger) *Limit {
	none := func() int { return 0 }
	if total == nil {
		total = none
	}
	if perIP == nil {
		perIP = none
	}
	if log == nil {
		log = slog.Default()
	}
	return &Limit{total: total, perIP: perIP, log: log, ips: map[netip.Addr]int{}}
}

// Count is how many connections are open.
func (l *Limit) Count() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// CountIP is how many connections are open from one ip.
func (l *Limit) CountIP(ip netip.Addr) int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ips[ip.Unmap()]
}

// Refused is how many connections have been refused since the start.
func (l *Limit) Refused() uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// enter counts a connection. Its ip may still be unknown: settle adds it.
func (l *Limit) enter(t *ticket, ip netip.Addr) bool {
	if l == nil {
		return true
	}
	total, perIP := l.total(), l.perIP()
	l.mu.Lock()
	defer l.mu.Unlock()
	if total > 0 && l.open >= total {
		return l.refuse()
	}
	if ip.IsValid() && perIP > 0 && l.ips[ip] >= perIP {
		return l.refuse()
	}
	l.open++
	t.in = true
	l.count(t, ip)
	return true
}

// settle counts a connection that is in under the ip that has become known.
func (l *Limit) settle(t *ticket, ip netip.Addr) bool {
	if l == nil {
		return true
	}
	perIP := l.perIP()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case t.left:
		return false
	case perIP > 0 && l.ips[ip] >= perIP:
		return l.refuse()
	}
	l.count(t, ip)
	return true
}

func (l *Limit) leave(t *ticket) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.left = true
	if !t.in {
		return
	}
	t.in = false
	l.open--
	if l.ips[t.ip]--; l.ips[t.ip] <= 0 {
		delete(l.ips, t.ip)
	}
}

// count is called with mu held.
func (l *Limit) count(t *ticket, ip netip.Addr) {
	if ip.IsValid() {
		t.ip = ip
		l.ips[ip]++
	}
}

// refuse is called with mu held. The first refusal starts the second that one line covers.
func (l *Limit) refuse() bool {
	l.refused++
	if l.untold++; l.untold == 1 {
		time.AfterFunc(refusalsEvery, l.tell)
	}
	return false
}

func (l *Limit) tell() {
	l.mu.Lock()
	n, open := l.untold, l.open
	l.untold = 0
	l.mu.Unlock()
	l.log.Warn("connections refused: the limit is reached", "refused", n, "open", open,
		"max_connections", l.total(), "per_ip", l.perIP())
}
