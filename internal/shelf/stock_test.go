package shelf

import (
	"runtime"
	"sync"
	"testing"
)

type made struct {
	of   string
	at   int
	adds int
}

func newTestStock() *Stock[*made] {
	return NewStock(func(m *made) Name { return Name{Stream: m.of} }, func(a, b *made) bool { return a.at == b.at })
}

// TestStock has several add to the same stream: one at a time, to the same.
func TestStock(t *testing.T) {
	s := newTestStock()
	placed := 0
	var all sync.WaitGroup
	for range 20 {
		if !s.Enter() {
			t.Fatal("nobody may enter")
		}
		all.Go(func() {
			defer s.Leave()
			m := s.Occupy(&made{of: "a"}, func(was *made) {
				if placed++; was != nil {
					t.Error("there was another")
				}
			})
			m.adds++ // which the race detector looks at
			if !s.Busy(m) || s.Retire(m) {
				t.Error("it can be retired although somebody adds")
			}
			runtime.Gosched()
			s.Release(m)
		})
	}
	all.Wait()
	if list := s.All(); len(list) != 1 || list[0].adds != 20 || placed != 1 || s.Busy(list[0]) {
		t.Errorf("%+v, placed %d times", list, placed)
	}
	<-s.Stop()
	if s.Enter() {
		t.Error("somebody enters after the stop")
	}
}

// TestStockMoves has a stream's place change, and what was at the old one go.
func TestStockMoves(t *testing.T) {
	s := newTestStock()
	first := s.Occupy(&made{of: "a"}, func(*made) {})
	s.Release(first)
	second := s.Occupy(&made{of: "a", at: 1}, func(was *made) {
		if was != first {
			t.Errorf("before was %+v", was)
		}
	})
	if second == first || len(s.All()) != 2 || s.Busy(first) || !s.Busy(second) {
		t.Errorf("%+v", s.All())
	}
	if !s.Retire(first) || s.Retire(second) || len(s.All()) != 1 {
		t.Error("the wrong one is retired")
	}
	if got := s.Adopt(&made{of: "a"}); got != second {
		t.Errorf("adopted %+v", got)
	}
	s.Release(second)
	for _, what := range []string{"who is there", "who is gone"} {
		if !s.Retire(second) || len(s.All()) != 0 {
			t.Errorf("%s stays", what)
		}
	}
	third := s.Adopt(&made{of: "a", at: 2})
	if s.Occupy(&made{of: "a", at: 2}, func(*made) { t.Error("placed again") }) != third {
		t.Error("what was adopted is not what is added to")
	}
}

// TestStockMoved has the stream move while somebody waits for what it has: that one moves it back.
func TestStockMoved(t *testing.T) {
	s := newTestStock()
	first := s.Occupy(&made{of: "a"}, func(*made) {})
	got := make(chan *made)
	go func() { got <- s.Occupy(&made{of: "a"}, func(*made) {}) }()
	second := s.Occupy(&made{of: "a", at: 1}, func(*made) {})
	s.Release(first)
	s.Release(second)
	if m := <-got; m.at != 0 || !s.Busy(m) {
		t.Errorf("%+v", m)
	}
}
