package stream

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestWindowLog holds a window against a plain slice.
func TestWindowLog(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var w window[int]
	var all []int
	base := 0
	for range 20_000 {
		switch n := r.IntN(100); {
		case n < 90:
			all = append(all, len(all))
			w.append(len(all) - 1)
		case n < 99:
			base = min(len(all), base+r.IntN(20))
			w.drop(uint64(base))
		default:
			base = len(all) - r.IntN(len(all)-base+1)
			w.drop(uint64(base))
		}
		if int(w.base) != base || int(w.next) != len(all) {
			t.Fatalf("window is %d to %d, want %d to %d", w.base, w.next, base, len(all))
		}
		from := base + r.IntN(len(all)-base+1)
		dst := make([]int, r.IntN(64))
		n := w.copy(dst, uint64(from))
		if !slices.Equal(dst[:n], all[from:min(len(all), from+len(dst))]) {
			t.Fatalf("copy from %d gives %v", from, dst[:n])
		}
		kept := 0
		for _, v := range w.ring {
			if v != 0 {
				kept++
			}
		}
		if kept > len(all)-base {
			t.Fatalf("%d items are kept of %d", kept, len(all)-base)
		}
	}
}

func TestWindowWake(t *testing.T) {
	var w window[int]
	w.rouse() // nobody waits
	a, b := w.more(), w.more()
	if a != b {
		t.Error("two who wait have two channels")
	}
	w.rouse()
	<-a
	if c := w.more(); c == a {
		t.Error("the channel is the one that was closed")
	}
}
