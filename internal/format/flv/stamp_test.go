package flv

import (
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	const day = 24 * 3600 * 1000
	for name, c := range map[string]struct {
		raw  []uint32
		want []int64 // ms
	}{
		"even":             {[]uint32{0, 40, 80}, []int64{0, 40, 80}},
		"from anywhere":    {[]uint32{5 * day, 5*day + 40}, []int64{5 * day, 5*day + 40}},
		"a little back":    {[]uint32{100, 80, 120}, []int64{100, 80, 120}},
		"back to zero":     {[]uint32{60_000, 0, 40}, []int64{60_000, 0, 40}},
		"forward":          {[]uint32{0, day}, []int64{0, day}},
		"32 bits":          {[]uint32{1<<32 - 20, 20, 60}, []int64{1<<32 - 20, 1<<32 + 20, 1<<32 + 60}},
		"32 bits and back": {[]uint32{1<<32 - 20, 20, 1<<32 - 10}, []int64{1<<32 - 20, 1<<32 + 20, 1<<32 - 10}},
		"31 bits":          {[]uint32{1<<31 - 20, 20, 60}, []int64{1<<31 - 20, 1<<31 + 20, 1<<31 + 60}},
		"31 bits twice":    {[]uint32{1<<31 - 20, 20, 1 << 30, 1<<31 - 20, 20}, []int64{1<<31 - 20, 1<<31 + 20, 1<<31 + 1<<30, 1<<32 - 20, 1<<32 + 20}},
		"24 bits":          {[]uint32{1<<24 - 20, 20, 60}, []int64{1<<24 - 20, 1<<24 + 20, 1<<24 + 60}},
		"24 bits twice":    {[]uint32{1<<24 - 20, 20, 1<<24 - 20, 20}, []int64{1<<24 - 20, 1<<24 + 20, 1<<25 - 20, 1<<25 + 20}},
		"24 bits passed":   {[]uint32{1<<24 - 20, 1<<24 + 20}, []int64{1<<24 - 20, 1<<24 + 20}},
		"near, no wrap":    {[]uint32{1<<24 - wrapSlack - 100, 20}, []int64{1<<24 - wrapSlack - 100, 20}},
	} {
		var s stamp
		for i, raw := range c.raw {
			if got := s.next(raw); got != time.Duration(c.want[i])*time.Millisecond {
				t.Errorf("%s: %d is %v, want %d ms", name, raw, got, c.want[i])
			}
		}
	}
}
