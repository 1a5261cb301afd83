package e2e

import (
	"slices"
	"testing"
	"time"

	"weir/internal/protocol/rtmp"
)

// TestLatency measures the way to publish: no reply may wait for an acknowledgement of TCP.
func TestLatency(t *testing.T) {
	f := serve(t, conf{})
	var all []time.Duration
	for range 50 {
		c, err := rtmp.Dial(t.Context(), f.url("s"), rtmp.DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := c.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, time.Since(start))
		c.Close()
		waitFor(t, "the publisher to be gone", func() bool { return len(f.publishers()) == 0 })
	}
	slices.Sort(all)
	if all[25] > 20*time.Millisecond {
		t.Errorf("to connect and publish takes %s; at best %s", all[25], all[0])
	}
}
