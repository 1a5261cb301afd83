//go:build soak

package e2e

import "testing"

// TestSoakSuite runs the scenarios that are not part of every run.
func TestSoakSuite(t *testing.T) { perform(t, false) }

// TestSoakOutputs records what is not recorded in every run.
func TestSoakOutputs(t *testing.T) { outputs(t, true) }
