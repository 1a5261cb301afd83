package webrtc

import (
	"testing"
	"time"
)

// TestWishes has a player wish for key frames: two at once, and then one each two seconds.
func TestWishes(t *testing.T) {
	var w wishes
	for i, c := range []struct {
		at   time.Duration
		want bool
	}{{0, true}, {100 * time.Millisecond, true}, {200 * time.Millisecond, false}, {1999 * time.Millisecond, false}, {2 * time.Second, true}, {3 * time.Second, false}, {4 * time.Second, true}, {time.Minute, true}, {time.Minute + 1, true}, {time.Minute + 2, false}} {
		if got := w.take(int64(time.Hour + c.at)); got != c.want {
			t.Errorf("wish %d after %s: %t", i, c.at, got)
		}
	}
}
