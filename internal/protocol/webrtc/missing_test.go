package webrtc

import (
	"slices"
	"testing"
	"time"
)

// story is what came and what was asked for, in ms.
type story struct {
	t   *testing.T
	m   *missing
	now int64
}

func (s *story) came(at int64, want bool, numbers ...uint16) {
	s.t.Helper()
	s.now = at * int64(time.Millisecond)
	for _, n := range numbers {
		if got := s.m.came(n, s.now); got != want {
			s.t.Errorf("%d at %d ms: %t", n, at, got)
		}
	}
}

func (s *story) due(at int64, lost bool, numbers ...uint16) {
	s.t.Helper()
	s.now = at * int64(time.Millisecond)
	if got, gone := s.m.due(s.now); !slices.Equal(got, numbers) || gone != lost {
		s.t.Errorf("at %d ms %d are asked for, some given up: %t; want %d, %t", at, got, gone, numbers, lost)
	}
}

func TestMissing(t *testing.T) {
	t.Run("comes late", func(t *testing.T) {
		s := &story{t: t, m: newMissing()}
		s.came(0, true, 65534, 2, 65535)
		s.due(5, false)
		s.came(6, true, 0)
		s.due(10, false, 1)
		s.due(20, false)
		s.came(60, true, 1, 1)
		if !s.m.none() {
			t.Error("something is missing")
		}
		s.due(5000, false)
	})
	t.Run("is lost again", func(t *testing.T) {
		s := &story{t: t, m: newMissing()}
		s.came(0, true, 10, 12)
		s.due(10, false, 11)
		s.due(109, false)
		s.due(111, false, 11)
		s.came(150, true, 11)
		s.due(5000, false)
	})
	t.Run("never comes", func(t *testing.T) {
		s := &story{t: t, m: newMissing()}
		s.came(0, true, 10, 12)
		asked := 0
		var lost bool
		for at := int64(10); !lost; at += 10 {
			var numbers []uint16
			numbers, lost = s.m.due(at * int64(time.Millisecond))
			asked += len(numbers)
			if at > 3100 {
				t.Fatal("it is asked for without an end")
			}
		}
		if asked < 5 || asked > maxAsks || !s.m.none() {
			t.Errorf("asked for %d times", asked)
		}
	})
	t.Run("answers take long", func(t *testing.T) {
		s := &story{t: t, m: newMissing()}
		asked := 0
		for i := range uint16(40) { // each is lost once, and comes 300 ms after it was asked for
			at := int64(i) * 1000
			s.came(at, true, 2*i+1)
			s.now = at * int64(time.Millisecond)
			if i > 0 {
				for after := int64(10); after < 310; after += 10 {
					numbers, _ := s.m.due((at + after) * int64(time.Millisecond))
					asked += len(numbers)
				}
				s.came(at+310, true, 2*i)
			}
		}
		if asked > 39*3/2 {
			t.Errorf("39 packets are asked for %d times", asked)
		}
	})
	t.Run("a hole", func(t *testing.T) {
		s := &story{t: t, m: newMissing()}
		s.came(0, true, 10, 11+maxMissing)
		s.came(1, false, 13+maxMissing)
		s.due(20, false)
	})
	t.Run("a pause", func(t *testing.T) {
		s := &story{t: t, m: newMissing()}
		s.came(0, true, 10, 12)
		s.came(1001, false, 14)
		s.due(1020, false)
		s.came(2030, true, 15)
	})
	t.Run("a message", func(t *testing.T) {
		s := &story{t: t, m: newMissing()}
		s.came(0, true, 0, maxAsked+10)
		first, _ := s.m.due(int64(askAfter))
		rest, _ := s.m.due(int64(2 * askAfter))
		if len(first) != maxAsked || len(rest) != 9 || rest[0] != maxAsked+1 {
			t.Errorf("%d, then %d", first, rest)
		}
	})
}
