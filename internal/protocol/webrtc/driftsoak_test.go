//go:build soak

package webrtc

import (
	"testing"
	"time"
)

// TestSoakClockDrift is TestClockDrift for an hour of clocks that differ by 100 ppm, as those of cheap devices do.
func TestSoakClockDrift(t *testing.T) {
	driftFor(t, time.Hour, 100e-6)
}
