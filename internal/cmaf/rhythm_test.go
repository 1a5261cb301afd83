package cmaf

import (
	"testing"
	"time"
)

// TestRhythm has frames that come as encoders and networks have them.
func TestRhythm(t *testing.T) {
	for name, c := range map[string]struct {
		stamps func(i int) time.Duration
		frames int // in 200 ms
	}{
		"25 a second":       {func(i int) time.Duration { return time.Duration(i) * 40 * time.Millisecond }, 5},
		"24, rounded":       {func(i int) time.Duration { return (time.Duration(i) * time.Second / 24).Truncate(time.Millisecond) }, 4},
		"60, rounded":       {func(i int) time.Duration { return (time.Duration(i) * time.Second / 60).Truncate(time.Millisecond) }, 12},
		"one is lost":       {func(i int) time.Duration { return time.Duration(i+i/150) * 40 * time.Millisecond }, 5},
		"a pause":           {func(i int) time.Duration { return time.Duration(i+i/150*60) * 40 * time.Millisecond }, 5},
		"two a second":      {func(i int) time.Duration { return time.Duration(i) * 500 * time.Millisecond }, 1},
		"all at one moment": {func(int) time.Duration { return 0 }, 1},
	} {
		var r rhythm
		for i := range 200 {
			r.note(int64(c.stamps(i)))
			if n, limit := r.fit(200 * time.Millisecond); i > 40 && i != 150 && n != c.frames || limit <= 0 {
				t.Errorf("%s: frame %d: %d frames in %s", name, i, n, limit)
				break
			}
		}
	}
}
