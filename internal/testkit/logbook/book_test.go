package logbook

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

func TestBook(t *testing.T) {
	var b Book
	var work sync.WaitGroup
	for n := range 4 {
		work.Go(func() { _, _ = fmt.Fprintf(&b, "level=INFO n=%d n=%d\n", n, n) })
	}
	work.Wait()
	if got := b.Lines("INFO", "n=2"); !slices.Equal(got, []string{"level=INFO n=2 n=2"}) {
		t.Errorf("lines %q of\n%s", got, &b)
	}
	for words, want := range map[string]int{"": 4, "n=": 4, "n=3": 1, "WARN": 0} {
		if n := b.Count("level", words); n != want {
			t.Errorf("%q is in %d lines, want %d", words, n, want)
		}
	}
}
