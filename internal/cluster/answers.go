package cluster

import (
	"sync"
	"time"
)

const (
	maxAnswers = 65536 // who is remembered
	maxAsked   = 4096  // look-ups that others may share
	victims    = 8     // answers of which the oldest makes room for a new one
)

// answers is what Redis has said of streams.
type answers struct {
	mu    sync.Mutex           // guards what follows
	known map[string]answer    // by key
	asked map[string]*question // the look-ups under way
	age   uint64               // counts when all that is known came into doubt
}

// answer is who has a stream. It is fresh until a time, if nothing came into doubt since.
type answer struct {
	id    string // of the node, "" for nobody
	until time.Time
	age   uint64
}

// question is a look-up under way.
type question struct {
	// Set before done is closed.
	node Node
	err  error

	done chan struct{}
	age  uint64 // of the answers, when it began
	old  bool   // guarded by answers.mu: an event has come since
}

// recall returns what is known of a key, and whether it is fresh.
func (s *answers) recall(key string) (answer, bool) {
	s.mu.Lock()
	a, ok := s.known[key]
	age := s.age
	s.mu.Unlock()
	return a, ok && a.age == age && time.Now().Before(a.until)
}

// ask returns the look-up of a key, and whether it is for the caller to do.
func (s *answers) ask(key string) (q *question, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.asked[key]; q != nil {
		return q, false
	}
	q = &question{done: make(chan struct{}), age: s.age}
	if len(s.asked) < maxAsked {
		s.asked[key] = q
	}
	return q, true
}

// put ends a look-up and keeps its answer. One that an event says is old is not fresh, but better than nothing when Redis goes
// away.
func (s *answers) put(key string, q *question, id string, keep time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key, q)
	_, known := s.known[key]
	old := q.old || q.age != s.age
	if old && (known || id == "") {
		return
	}
	if !known && len(s.known) >= maxAnswers {
		s.makeRoom()
	}
	if s.known[key] = (answer{id: id}); !old {
		s.known[key] = answer{id, time.Now().Add(keep), s.age}
	}
}

// end ends a look-up without an answer.
func (s *answers) end(key string, q *question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key, q)
}

func (s *answers) drop(key string, q *question) {
	if s.asked[key] == q {
		delete(s.asked, key)
	}
}

// makeRoom forgets the oldest of some.
func (s *answers) makeRoom() {
	var (
		worst string
		until time.Time
		seen  int
	)
	for key, a := range s.known { // in no order
		if seen == 0 || a.until.Before(until) {
			worst, until = key, a.until
		}
		if seen++; seen == victims {
			break
		}
	}
	delete(s.known, worst)
}

// forget drops what is known of a key, and what is about to be.
func (s *answers) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outdate(key)
	delete(s.known, key)
}

// changed notes that a node has claimed a key. While Redis is away that is as good as an answer, but for who was asked about
// it before.
func (s *answers) changed(key, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outdate(key)
	if _, ok := s.known[key]; ok {
		s.known[key] = answer{id: id}
	}
}

// outdate has a look-up under way not be kept, nor shared by who comes now.
func (s *answers) outdate(key string) {
	if q := s.asked[key]; q != nil {
		q.old = true
		delete(s.asked, key)
	}
}

// doubt has everything asked again, as events may have been missed.
func (s *answers) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age++
	clear(s.asked)
}
