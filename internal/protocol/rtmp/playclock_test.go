package rtmp

import (
	"testing"

	"weir/internal/media"
)

func TestPlayClock(t *testing.T) {
	const ms = 1_000_000
	at := func(l *media.Layout, dts int64) *media.Frame {
		f := media.NewFrame(nil, nil)
		f.Layout, f.DTS = l, dts*ms
		return f
	}
	own := &media.Layout{Publisher: 1, Offset: -7000 * ms} // its time is 7 s more than the stream's
	set := &media.Layout{Publisher: 1, Offset: -9000 * ms} // its clock was set
	next := &media.Layout{Publisher: 2, Offset: 5000 * ms} // another begins at zero
	type step struct {
		frame  *media.Frame
		jitter string
		atc    bool
		want   uint32
	}
	for name, steps := range map[string][]step{
		"full": {
			{at(own, 1000), "full", false, 0}, {at(own, 1040), "full", false, 40},
			{at(own, 990), "full", false, 0}, {at(set, 1080), "full", false, 80}, {at(next, 5000), "full", false, 4000},
		},
		"zero": {
			{at(own, 1000), "zero", false, 0}, {at(own, 1040), "zero", false, 40},
			{at(set, 1080), "zero", false, 2080},
			{at(next, 5000), "zero", false, 2080}, {at(next, 5040), "zero", false, 2120},
		},
		"off": {
			{at(own, 1000), "off", false, 8000}, {at(set, 1080), "off", false, 10080}, {at(next, 5000), "off", false, 0},
		},
		"atc": {
			{at(own, 1000), "full", true, 8000}, {at(own, 1040), "full", true, 8040},
		},
		"reload": {
			{at(own, 1000), "full", false, 0}, {at(own, 1040), "full", false, 40},
			{at(own, 1080), "zero", false, 40}, {at(own, 1120), "zero", false, 80},
			{at(own, 1160), "off", false, 8160}, {at(own, 1200), "full", false, 8160}, {at(own, 1240), "full", false, 8200},
		},
		"32 bits": {{at(own, 1<<32+5-7000), "off", false, 5}},
	} {
		var c playClock
		for i, s := range steps {
			if got := c.stamp(s.frame, s.jitter, s.atc); got != s.want {
				t.Errorf("%s: frame %d at %d, want %d", name, i, got, s.want)
			}
		}
	}
}
