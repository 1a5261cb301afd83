package stream

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRoll does the same to a roll and to a map.
func TestRoll(t *testing.T) {
	const ids = 5000 // many shelves, and often the same id
	random := rand.New(rand.NewPCG(1, 2))
	var r roll[int]
	all := map[string]int{}
	check := func() {
		t.Helper()
		names := make([]string, 0, len(all))
		for id := range all {
			names = append(names, id)
		}
		slices.Sort(names)
		want := make([]int, len(names))
		for i, id := range names {
			want[i] = all[id]
		}
		for _, x := range [][2]int{{0, math.MaxInt}, {-7, 10}, {0, 0}, {3, -1}, {len(want) / 3, 700}, {len(want) - 1, 5}, {len(want), 5}, {math.MaxInt, 1}} {
			from := min(max(0, x[0]), len(want))
			part := want[from : from+max(0, min(x[1], len(want)-from))]
			if got := slices.Collect(r.page(x[0], x[1])); !slices.Equal(got, part) {
				t.Fatalf("of %d, %d from %d on are %d: %v; want %d: %v", len(want), x[1], x[0], len(got), got, len(part), part)
			}
		}
	}
	for n := range 60_000 {
		id := fmt.Sprintf("vid-%x", random.IntN(ids)*1_000_003) // some longer than a tag's head, some a part of others
		if v, found := r.find(id); found != (v != 0) || v != all[id] {
			t.Fatalf("find %s = %d, %t; want %d", id, v, found, all[id])
		}
		if growing := n/20_000 != 1; growing == (random.IntN(10) < 7) {
			r.add(id, n+1)
			all[id] = n + 1
		} else {
			r.remove(id)
			delete(all, id)
		}
		if n%5000 == 0 {
			check()
		}
	}
	check()
	for id := range all {
		r.remove(id)
	}
	if len(r.shelves) != 0 {
		t.Errorf("%d shelves of nothing", len(r.shelves))
	}
}

func TestRollSplits(t *testing.T) {
	var r roll[int]
	for n := range 100 * maxShelf {
		r.add(fmt.Sprintf("%08d", n), n)
	}
	if n := len(r.shelves); n < 100 || n > 201 {
		t.Errorf("%d shelves", n)
	}
	for _, s := range r.shelves {
		if len(s) > maxShelf || len(s) == 0 {
			t.Errorf("a shelf of %d", len(s))
		}
	}
}

// The order of tags is that of ids, whatever these are.
func TestTag(t *testing.T) {
	ids := []string{
		"", "\x00", "\x00\x00", "a", "a\x00", "a\x00b", "ab", "b", "vid-0a1", "vid-0a1b", "vid-0a1b\x00",
		"vid-0a1bcde", "vid-0a1c", "vid-0a1c\xff", "\xffvid-0a1", "\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	}
	for _, a := range ids {
		for _, b := range ids {
			if got, want := tagOf(a).compare(tagOf(b)), cmp.Compare(a, b); got != want {
				t.Errorf("%q and %q: %d; want %d", a, b, got, want)
			}
		}
	}
}
