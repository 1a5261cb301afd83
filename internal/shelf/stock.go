package shelf

import (
	"context"
	"sync"
)

// Stock is what there is of all streams, each at the place that the settings name, and who adds to it. An O is a
// pointer to what is made of one stream.
type Stock[O comparable] struct {
	// Set at construction.
	name func(O) Name
	same func(a, b O) bool // are at the same place

	mu       sync.Mutex        // guards what follows; taken after any lock of an O
	now      map[Name]*kept[O] // the one of each stream
	all      map[O]*kept[O]    // these, and others of the stream at another place
	news     chan struct{}     // closed when somebody begins to add to one; nil: nobody waits for that
	workers  int               // who add
	stopping bool
	idle     chan struct{} // closed when the last worker has left after a stop
}

type kept[O comparable] struct {
	what O
	use  sync.Mutex // held by who adds to it

	busy bool // somebody does, or is about to; guarded by Stock.mu
}

// NewStock returns an empty one. Name tells whose an O is, same whether two are at the same place.
func NewStock[O comparable](name func(O) Name, same func(a, b O) bool) *Stock[O] {
	return &Stock[O]{name: name, same: same, now: map[Name]*kept[O]{}, all: map[O]*kept[O]{}, idle: make(chan struct{})}
}

// Enter counts one more who adds; it is false when the stock has been stopped.
func (s *Stock[O]) Enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.workers++
	return true
}

// Leave is the end of what Enter began.
func (s *Stock[O]) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.workers--; s.workers == 0 && s.stopping {
		close(s.idle)
	}
}

// Stop lets nobody enter any more; what it returns is closed when all have left. It may be called once.
func (s *Stock[O]) Stop() (idle <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	if s.workers == 0 {
		close(s.idle)
	}
	return s.idle
}

// Occupy returns what there is of a stream at the place of fresh, and waits until nobody else adds to it: it is the
// caller's until Release. If there is none, that is fresh, and placed is called first, with what the stream has
// at another place, or the zero O.
func (s *Stock[O]) Occupy(fresh O, placed func(was O)) O {
	for {
		k, was, isNew := s.take(fresh)
		if isNew {
			placed(was)
		} else {
			k.use.Lock()
		}
		s.mu.Lock()
		ours := s.now[s.name(fresh)] == k
		k.busy = ours // also if who had it has let go of it just now
		s.mu.Unlock()
		if ours {
			return k.what
		}
		k.use.Unlock()
	}
}

// take finds what there is of a stream, or puts fresh in its place, which nobody else can use yet.
func (s *Stock[O]) take(fresh O) (k *kept[O], was O, isNew bool) {
	n := s.name(fresh)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	if k = s.now[n]; k != nil {
		if s.same(k.what, fresh) {
			k.busy = true
			return k, was, false
		}
		was = k.what
	}
	k = &kept[O]{what: fresh, busy: true}
	k.use.Lock()
	s.now[n], s.all[fresh] = k, k
	return k, was, true
}

// tell wakes those who wait for news; mu is held.
func (s *Stock[O]) tell() {
	if s.news != nil {
		close(s.news)
		s.news = nil
	}
}

// Await returns what there is of a stream once somebody adds to it, or is about to. It is false if ctx ends before.
func (s *Stock[O]) Await(ctx context.Context, n Name) (o O, ok bool) {
	for {
		s.mu.Lock()
		if k := s.now[n]; k != nil && k.busy {
			s.mu.Unlock()
			return k.what, true
		}
		if s.news == nil {
			s.news = make(chan struct{})
		}
		news := s.news
		s.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return o, false
		}
	}
}

// Adopt returns what there is of a stream, or fresh, which is from now on: nobody adds to it. After a stop it is
// not kept.
func (s *Stock[O]) Adopt(fresh O) O {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.now[s.name(fresh)]; k != nil {
		return k.what
	}
	if !s.stopping {
		k := &kept[O]{what: fresh}
		s.now[s.name(fresh)], s.all[fresh] = k, k
	}
	return fresh
}

// Release says that its caller adds to it no more.
func (s *Stock[O]) Release(o O) {
	s.mu.Lock()
	k := s.all[o]
	k.busy = false
	s.mu.Unlock()
	k.use.Unlock()
}

// Busy reports whether somebody adds to it.
func (s *Stock[O]) Busy(o O) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.all[o]
	return k != nil && k.busy
}

// Retire forgets one that has nothing left, unless somebody adds to it; then it is false.
func (s *Stock[O]) Retire(o O) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.all[o]
	if k == nil || k.busy {
		return k == nil
	}
	delete(s.all, o)
	if n := s.name(o); s.now[n] == k {
		delete(s.now, n)
	}
	return true
}

// All lists them.
func (s *Stock[O]) All() (list []O) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o := range s.all {
		list = append(list, o)
	}
	return list
}
