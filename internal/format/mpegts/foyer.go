package mpegts

import (
	"cmp"
	"math"
	"slices"

	"weir/internal/media"
)

const (
	foyerTime  = 1_000_000_000 // ns of the stream
	foyerItems = 512
	foyerBytes = 32 << 20
	foyerData  = 64 // frames of data among them
)

// foyer is where the first frames wait until every stream of pictures or sound has one, so that there
// is one layout for them all.
type foyer struct {
	list  []guest
	bytes int
	media int // frames that are none of data
	begun bool
	since int64 // ns: the first time that came
	over  bool  // who is not there by now comes later
}

type guest struct {
	of    *elementary
	track *media.Track
	frame *media.Frame
	rank  int64 // DTS, which within a stream never falls
	timed bool  // of data: it has a time of its own
}

func (g *guest) data() bool { return g.of.kind.media == media.Data }

func (f *foyer) add(e *elementary, t *media.Track, frame *media.Frame) {
	e.rank = max(e.rank, frame.DTS)
	if !e.waits {
		e.waits, e.rank = true, frame.DTS
	}
	f.list = append(f.list, guest{of: e, track: t, frame: frame, rank: e.rank})
	f.bytes += frame.Size()
	f.media++
	f.over = f.over || f.media >= foyerItems || f.bytes >= foyerBytes
}

// addData has data wait, for which nobody does. It goes behind the first frame of another kind.
func (f *foyer) addData(e *elementary, frame *media.Frame, timed bool) {
	if len(f.list)-f.media < foyerData {
		f.list = append(f.list, guest{of: e, track: e.track, frame: frame, rank: frame.DTS, timed: timed})
	}
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

// leave returns who has waited, in the order of their times; nobody where data has waited alone.
func (f *foyer) leave() []guest {
	list, first := f.list, int64(math.MaxInt64)
	for i := range list {
		if !list[i].data() {
			first = min(first, list[i].rank)
		}
	}
	if f.list, f.bytes = nil, 0; f.media == 0 {
		return nil
	}
	f.media = 0
	for i := range list {
		if g := &list[i]; g.data() && g.rank < first {
			g.rank, g.frame.DTS = first, first
			if !g.timed {
				g.frame.PTS = first
			}
		}
	}
	slices.SortStableFunc(list, func(a, b guest) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.of.kind.media, b.of.kind.media))
	})
	return list
}
