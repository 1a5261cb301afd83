//go:build soak

package e2e

import "testing"

// TestSoakUpgrade upgrades a server under 200 players.
func TestSoakUpgrade(t *testing.T) { upgraded(t, 120, 64, 16) }
