package remux

import (
	"sync"

	"weir/internal/media"
	"weir/internal/stream"
)

// maxBases is how many publishers of a stream times remembers.
const maxBases = 8

// times gives the times of a stream's frames as all viewers see them.
type times struct {
	mu    sync.Mutex
	bases []base // of the newest publishers
	last  int64  // ns: the newest time, with bases
}

// base is what a publisher's own time is counted from, in ns.
type base struct {
	publisher uint64
	from      int64
}

type timesKey struct{}

// timesOf returns the stream's times, which all its logs share.
func timesOf(s *stream.Stream) (*times, func(), error) {
	return stream.Derive(s, timesKey{}, func(*stream.Subscriber) (stream.Output[*times], error) {
		return stream.Output[*times]{Value: &times{}}, nil
	})
}

// of returns a frame's time, in ms. With jitter "full" it is the stream's, which begins with the
// first publisher and has no jumps; with "off" the publisher's own; with "zero" that, less what
// it was at the publisher's first frame: each goes on where the one before it stopped.
func (t *times) of(f *media.Frame, jitter string) uint32 {
	at := f.DTS
	if jitter != "full" {
		at -= f.Layout.Offset
	}
	if jitter == "zero" {
		at = t.counted(f, at)
	}
	ms := millis(at)
	if ms < 0 && jitter != "off" {
		ms = 0
	}
	return uint32(ms) & 0x7fffffff // the highest bit is a sign
}

// counted returns the publisher's own time as it is counted on from the one before.
func (t *times) counted(f *media.Frame, own int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.bases {
		if b := &t.bases[i]; b.publisher == f.Layout.Publisher {
			t.last = max(t.last, own-b.from)
			return own - b.from
		}
	}
	from := own - f.DTS
	if len(t.bases) > 0 {
		from = own - t.last
	}
	if len(t.bases) == maxBases {
		t.bases = t.bases[:copy(t.bases, t.bases[1:])]
	}
	t.bases = append(t.bases, base{f.Layout.Publisher, from})
	t.last = own - from
	return t.last
}
