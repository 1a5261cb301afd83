package relay

import "time"

// defaultQueue is how many bytes wait for a Rate when Weather does not say.
const defaultQueue = 256 << 10

// Weather is what a network does to the packets of one direction. The zero value passes
// everything on at once. Shares are from 0 to 1, and of all packets.
type Weather struct {
	// Loss is the share that is dropped, and Burst the mean number of packets lost in a row:
	// with 0 or 1 each packet is lost or not by itself.
	Loss  float64
	Burst int

	// Each packet takes Delay and uniformly up to Jitter more. Jitter alone never changes the
	// order: a packet that would overtake waits for the one in front, so where packets are
	// dense most of them take nearly the whole of it.
	Delay  time.Duration
	Jitter time.Duration

	// Reorder is the share held back until one to three later packets of its client have
	// passed, or for maxHold if none come.
	Reorder float64

	Duplicate float64 // the share sent twice in a row
	Corrupt   float64 // the share with one flipped bit

	// Rate is in bits of payload a second, 0 is unlimited. Up to Queue bytes wait for it, 0 is
	// 256 KiB; what does not fit is dropped.
	Rate  int
	Queue int

	// Seed decides all luck. The same packets in the same order have the same luck, and each
	// kind of mishap has its own: who is lost does not depend on Jitter. The two directions
	// have different luck even if they share a seed.
	Seed uint64
}

// airtime is how long the link is busy with a packet of size bytes.
func (w Weather) airtime(size int) time.Duration {
	if w.Rate <= 0 {
		return 0
	}
	return time.Duration(size*8) * time.Second / time.Duration(w.Rate)
}

// fits reports whether a packet of size bytes may join the bytes that wait for the link.
func (w Weather) fits(queued, size int) bool {
	limit := w.Queue
	if limit <= 0 {
		limit = defaultQueue
	}
	return w.Rate <= 0 || queued+size <= limit
}
