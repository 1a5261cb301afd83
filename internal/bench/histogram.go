package bench

import (
	"math"
	"math/bits"
	"time"
)

// A histogram has subSteps buckets for each power of two, so what it tells is right to 1 %.
const (
	subBits  = 6
	subSteps = 1 << subBits
	unitBits = 10 // 1024 ns: the width of the lowest buckets
	powers   = 28 // up to 2^44 ns, which is almost five hours
)

// histogram counts times. Its size is fixed, whatever is counted; the zero value is empty.
type histogram struct {
	count   uint64
	max     time.Duration
	buckets [powers * subSteps]uint32
}

// add counts d. One below zero, as clocks of two machines may give, counts as zero.
func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	h.count++
	h.max = max(h.max, d)
	h.buckets[bucket(d)]++
}

// bucket returns the bucket of d. Those of the lowest two powers are one unit wide.
func bucket(d time.Duration) int {
	units := uint64(d) >> unitBits
	power := max(0, bits.Len64(units)-subBits-1)
	return min(power<<subBits+int(units>>power), powers*subSteps-1)
}

// middle returns the time in the middle of bucket i.
func middle(i int) time.Duration {
	power := max(0, i>>subBits-1)
	low := uint64(i-power<<subBits) << (power + unitBits)
	return time.Duration(low + 1<<(power+unitBits)/2)
}

// merge adds what other has counted.
func (h *histogram) merge(other *histogram) {
	h.count += other.count
	h.max = max(h.max, other.max)
	for i, n := range &other.buckets {
		h.buckets[i] += n
	}
}

// quantile returns the time that a share q of all, above 0 to 1, do not exceed. Of none it is 0.
func (h *histogram) quantile(q float64) time.Duration {
	want := uint64(math.Ceil(q * float64(h.count)))
	seen := uint64(0)
	for i, n := range &h.buckets {
		if seen += uint64(n); n > 0 && seen >= want {
			return min(middle(i), h.max)
		}
	}
	return h.max
}
