package fanout

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"weir/internal/media"
)

// keptPieces is how many pieces of a batch the room is kept for.
const keptPieces = 1 << 14

// urgent is how many players whose time has come are served before those who have been woken
// meanwhile.
const urgent = 32

// Shards share players among them: as many as there are processors. The zero value is ready, and
// has no goroutines while there are no players.
type Shards struct {
	once sync.Once
	all  []*shard
	next atomic.Uint32
}

// pick returns the shard for a new player.
func (s *Shards) pick() *shard {
	s.once.Do(func() {
		s.all = make([]*shard, runtime.GOMAXPROCS(0))
		for i := range s.all {
			s.all[i] = &shard{bell: make(chan struct{}, 1)}
		}
	})
	return s.all[int(s.next.Add(1))%len(s.all)]
}

// shard writes to many players on one goroutine, which lives while there are any. It never
// waits for a socket: a player whose socket is full gets a goroutine of its own until it has
// caught up.
type shard struct {
	bell chan struct{} // cap 1: woken is not empty

	mu      sync.Mutex // taken after the locks of the hub; nothing is called under it
	woken   []*Follower
	players int
	running bool

	// Owned by run.
	wheel  wheel
	desk   Desk
	now    []*Follower // who had been woken
	due    []*Follower // whose time has come
	frames [media.MaxBatch]*media.Frame
	taken  int // how many of them are in use
}

// Desk is a shard's room for one batch of a player.
type Desk struct {
	Pieces net.Buffers // what the player is sent before the span of a log; to append to
	Heads  []byte      // bytes for such pieces; to append to, never to shorten

	pen *pen
}

// join gives the shard one more player.
func (h *shard) join(p *Follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.players++
	if !h.running {
		h.running = true
		go h.run()
	}
	h.wake(p)
}

// wake has p served soon; h.mu is held.
func (h *shard) wake(p *Follower) {
	if p.woken {
		return
	}
	p.woken = true
	h.woken = append(h.woken, p)
	if len(h.woken) == 1 {
		h.ring()
	}
}

func (h *shard) ring() {
	select {
	case h.bell <- struct{}{}:
	default:
	}
}

// run serves players until the last has left.
func (h *shard) run() {
	h.desk.pen = newPen()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for h.serveWoken() {
		h.due = h.wheel.turn(h.due[:0], media.Now())
		for i, p := range h.due {
			if i%urgent == urgent-1 && !h.serveWoken() {
				return
			}
			p.serve(h)
		}
		if len(h.due) == 0 {
			h.wait(timer)
		}
		clear(h.due)
	}
}

// serveWoken serves those who have been woken. It returns false, and the shard has stopped, when
// there are no players any more.
func (h *shard) serveWoken() bool {
	if !h.takeWoken() {
		return false // another goroutine may serve the shard's next players already
	}
	for _, p := range h.now {
		p.serve(h)
	}
	clear(h.now)
	return true
}

// takeWoken moves those who have been woken to h.now. It is false where the shard stops.
func (h *shard) takeWoken() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now, h.woken = h.woken, h.now[:0]
	for _, p := range h.now {
		p.woken = false
	}
	if h.players > 0 {
		return true
	}
	h.running = false
	h.wheel = wheel{}
	clear(h.now)
	clear(h.due)
	return false
}

// wait returns when somebody has been woken or somebody's time has come.
func (h *shard) wait(timer *time.Timer) {
	next, ok := h.wheel.next()
	if !ok {
		<-h.bell
		return
	}
	timer.Reset(time.Duration(next - media.Now()))
	select {
	case <-h.bell:
	case <-timer.C:
		runtime.Gosched() // publishers rest to the same beat: what they bring goes along
	}
}

// left forgets a player.
func (h *shard) left() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.players--; h.players == 0 {
		h.ring()
	}
}

// flush forgets what has been sent: an idle shard pins no frames.
func (h *shard) flush() {
	clear(h.frames[:h.taken])
	h.taken = 0
	h.desk.clear()
}

func (d *Desk) clear() {
	clear(d.Pieces)
	d.Pieces, d.Heads = d.Pieces[:0], d.Heads[:0]
	if cap(d.Pieces) > keptPieces {
		d.Pieces, d.Heads = nil, nil
	}
}
