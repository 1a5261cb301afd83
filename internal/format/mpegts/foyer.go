package mpegts

import (
	"cmp"
	"slices"

	"weir/internal/media"
)

const (
	foyerTime  = 1_000_000_000 // ns of the stream
	foyerItems = 512
	foyerBytes = 32 << 20
)

// foyer is where the first frames wait until every stream of the program has one, so that there is
// one layout for them all.
type foyer struct {
	list  []guest
	bytes int
	begun bool
	since int64 // ns: the first time that came
	over  bool  // who is not there by now comes later
}

type guest struct {
	of    *elementary
	track *media.Track
	frame *media.Frame
	rank  int64 // DTS, which within a stream never falls
}

func (f *foyer) add(e *elementary, t *media.Track, frame *media.Frame) {
	e.rank = max(e.rank, frame.DTS)
	if !e.waits {
		e.waits, e.rank = true, frame.DTS
	}
	f.list = append(f.list, guest{e, t, frame, e.rank})
	f.bytes += frame.Size()
	f.over = f.over || len(f.list) >= foyerItems || f.bytes >= foyerBytes
}

// watch notes that the stream has come to a time.
func (f *foyer) watch(dts int64) {
	if !f.begun {
		f.begun, f.since = true, dts
	}
	if d := dts - f.since; d >= foyerTime || d <= -foyerTime {
		f.over = true
	}
}

// leave returns who has waited, in the order of their times.
func (f *foyer) leave() []guest {
	list := f.list
	slices.SortStableFunc(list, func(a, b guest) int { return cmp.Compare(a.rank, b.rank) })
	f.list, f.bytes = nil, 0
	return list
}
