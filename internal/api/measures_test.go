package api

import (
	"slices"
	"testing"
)

// TestMeasures turns the sampling off and on: without it nothing is told of the machine.
func TestMeasures(t *testing.T) {
	on, disks, asked := true, []string{"sda"}, 0
	m := newMachine(func() []string { asked++; return slices.Clone(disks) }, func() bool { return on })
	if s, _ := m.latest(); s.at.IsZero() || asked != 1 {
		t.Errorf("at first: %+v, asked for the disks %d times", s, asked)
	}
	m.look()
	on = false // by a reload
	m.look()
	if s, l := m.latest(); !s.at.IsZero() || s.ok || s.selfKB != 0 || l != (load{}) {
		t.Errorf("unmeasured: %+v, %+v", s, l)
	}
	on = true
	m.look()
	if s, l := m.latest(); s.at.IsZero() || l != (load{}) {
		t.Errorf("measured again: %+v, and %+v since the year one", s, l)
	}
	if asked != 3 {
		t.Errorf("asked for the disks %d times", asked)
	}
}
