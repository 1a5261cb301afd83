//go:build soak

package e2e

import (
	"slices"
	"testing"
)

// TestSoakSuite runs the scenarios that are not of every run.
func TestSoakSuite(t *testing.T) {
	for _, s := range scenarios {
		for _, g := range stages {
			if g.scenarios != nil && !slices.Contains(g.scenarios, s.name) {
				s.on(t, g)
			}
		}
	}
}
