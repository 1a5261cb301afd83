package relay

import (
	"errors"
	"net"
	"sync"
	"time"
)

// way is one direction at work: the readers push, and one goroutine sends when it is time.
// All packets go through it, so that none overtakes another between two goroutines.
type way struct {
	fail func(error)
	wake chan struct{} // there is something new to look at; of capacity 1

	mu   sync.Mutex
	link *link // guarded by mu
}

func newWay(w Weather, lane uint64, fail func(error)) *way {
	return &way{fail: fail, wake: make(chan struct{}, 1), link: newLink(w, lane)}
}

// push takes a packet and its data. It never blocks.
func (w *way) push(f *flow, data []byte) {
	w.mu.Lock()
	w.link.push(time.Now(), f, data)
	w.mu.Unlock()
	w.look()
}

// filtered counts a packet that the rule of the test dropped.
func (w *way) filtered(size int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.link.count.Filtered.add(size)
}

func (w *way) set(weather Weather) {
	w.mu.Lock()
	w.link.set(time.Now(), weather)
	w.mu.Unlock()
	w.look()
}

func (w *way) count() Count {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link.count
}

func (w *way) look() {
	select {
	case w.wake <- struct{}{}:
	default: // it is about to look
	}
}

func (w *way) pull() ([]packet, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link.pull(time.Now())
}

// run sends until done.
func (w *way) run(done <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		out, next := w.pull()
		for _, p := range out {
			_, err := p.flow.conn.WriteToUDPAddrPort(p.data, p.flow.to)
			if err != nil && !errors.Is(err, net.ErrClosed) { // closed: the test ends
				w.fail(err)
			}
		}
		var due <-chan time.Time
		if !next.IsZero() {
			timer.Reset(time.Until(next))
			due = timer.C
		}
		select {
		case <-done:
			return
		case <-w.wake:
		case <-due:
		}
	}
}
