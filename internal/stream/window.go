package stream

// window is a log of which only a span is kept: the item at position n is there while
// base <= n < next. Positions only grow. It is guarded by its owner's lock.
type window[T any] struct {
	ring       []T // len is zero or a power of two
	base, next uint64
	wake       chan struct{} // closed at the next append; nil while nobody waits
}

const minRing = 64

func (w *window[T]) at(pos uint64) T { return w.ring[pos&uint64(len(w.ring)-1)] }

func (w *window[T]) append(v T) {
	if w.next-w.base == uint64(len(w.ring)) {
		w.resize(max(minRing, 2*len(w.ring)))
	}
	w.ring[w.next&uint64(len(w.ring)-1)] = v
	w.next++
}

func (w *window[T]) resize(size int) {
	ring := make([]T, size)
	for n := w.base; n < w.next; n++ {
		ring[n&uint64(size-1)] = w.at(n)
	}
	w.ring = ring
}

// drop forgets all before pos.
func (w *window[T]) drop(pos uint64) {
	var none T
	for ; w.base < pos; w.base++ {
		w.ring[w.base&uint64(len(w.ring)-1)] = none
	}
	if size := len(w.ring) / 4; size >= minRing && w.next-w.base < uint64(size) {
		w.resize(size * 2)
	}
}

// copy fills dst with the items from pos on.
func (w *window[T]) copy(dst []T, pos uint64) int {
	n := int(min(uint64(len(dst)), w.next-pos))
	for i := range n {
		dst[i] = w.at(pos + uint64(i))
	}
	return n
}

// more returns the channel that is closed at the next append.
func (w *window[T]) more() <-chan struct{} {
	if w.wake == nil {
		w.wake = make(chan struct{})
	}
	return w.wake
}

// rouse wakes all who wait.
func (w *window[T]) rouse() {
	if w.wake != nil {
		close(w.wake)
		w.wake = nil
	}
}
