package fanout

import (
	"math/rand/v2"
	"testing"
)

// TestWheel moves players about and holds that each is woken in its tick, once, at the earliest
// of its times.
func TestWheel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var w wheel
	all := make([]*Follower, 40)
	want := map[*Follower]int64{} // ticks
	for i := range all {
		all[i] = &Follower{}
	}
	now := int64(0)
	for range 3000 {
		for range r.IntN(4) {
			p := all[r.IntN(len(all))]
			at := now + r.Int64N(1500)
			w.at(p, at*wheelTick)
			if tick := max(at, now+1); want[p] == 0 || tick < want[p] {
				want[p] = tick
			}
		}
		if next, ok := w.next(); ok != (w.count > 0) || ok && next <= now*wheelTick {
			t.Fatalf("next at %d, %v; it is %d, with %d entries", next, ok, now*wheelTick, w.count)
		}
		now += 1 + r.Int64N(3)
		if r.IntN(200) == 0 {
			now += 2000 // it was away
		}
		for _, p := range w.turn(nil, now*wheelTick) {
			if want[p] == 0 || want[p] > now {
				t.Fatalf("at %d a player is woken that waits for %d", now, want[p])
			}
			delete(want, p)
		}
		for _, tick := range want {
			if tick <= now {
				t.Fatalf("at %d nobody woke a player that waits for %d", now, tick)
			}
		}
	}
	if w.count > 2*len(all) {
		t.Errorf("%d entries for %d players", w.count, len(all))
	}
}
