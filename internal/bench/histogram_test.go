package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var whole, half histogram
	var all []time.Duration
	for i := range 20000 {
		d := time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
		all = append(all, d)
		if i%2 == 0 {
			whole.add(d)
		} else {
			half.add(d)
		}
	}
	whole.merge(&half)
	slices.Sort(all)
	if whole.count != 20000 || whole.max != all[len(all)-1] {
		t.Errorf("count %d, max %v, want %v", whole.count, whole.max, all[len(all)-1])
	}
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(q*float64(len(all)))-1]
		got := whole.quantile(q)
		if diff := (got - want).Abs(); diff > want/100+2*time.Microsecond {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}

func TestHistogramEdges(t *testing.T) {
	var h histogram
	if got := h.quantile(0.99); got != 0 {
		t.Errorf("of none: %v", got)
	}
	for i := range powers * subSteps {
		if got := bucket(middle(i)); got != i {
			t.Fatalf("the middle of bucket %d, %v, is in bucket %d", i, middle(i), got)
		}
	}
	h.add(-time.Second)
	h.add(100 * time.Hour)
	if h.quantile(0.5) > time.Millisecond || h.quantile(1) < time.Hour || h.max != 100*time.Hour {
		t.Errorf("p50 %v, p100 %v, max %v", h.quantile(0.5), h.quantile(1), h.max)
	}
	var few histogram
	for _, d := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 40 * time.Second} {
		few.add(d)
	}
	if got := few.quantile(0.99); got < 39*time.Second {
		t.Errorf("p99 of four is %v, far from the largest", got)
	}
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h histogram
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.add(time.Duration(i) * 1000)
	}
}
