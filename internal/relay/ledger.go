package relay

import (
	"sync"

	"weir/internal/stream"
)

// ledger adds up the bytes of streams on their way between servers: of those that are now, which count by themselves, and of all
// before. There are no more of them than there are streams.
type ledger struct {
	mu   sync.Mutex // guards what follows
	open map[*stream.Traffic]struct{}
	past uint64
}

// enter has a stream's bytes be counted, those both ways, until the function that it returns is called.
func (l *ledger) enter(t *stream.Traffic) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[*stream.Traffic]struct{}{}
	}
	l.open[t] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.open, t)
		l.past += bytesOf(t)
	}
}

// sum is what there is now.
func (l *ledger) sum() stream.Haul {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := stream.Haul{Streams: len(l.open), Bytes: l.past}
	for t := range l.open {
		h.Bytes += bytesOf(t)
	}
	return h
}

func bytesOf(t *stream.Traffic) uint64 { return t.Received.Load() + t.Sent.Load() }

// Hauls tells of the streams that are fetched from other servers, and of those that are published here and sent on to their origins.
// What forward sends on is none of these: Targets lists that.
func (v *Relay) Hauls() (fetched, sent stream.Haul) { return v.fetched.sum(), v.sent.sum() }
