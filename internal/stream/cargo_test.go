package stream

import (
	"errors"
	"testing"
)

// cargo is what packets are in tests whose readers take some.
const cargo Cargo = "test"

// TestCargo has a reader who takes packets of another kind be given frames.
func TestCargo(t *testing.T) {
	g := newRegistry(cached)
	p := publish(t, g, request("s"))
	p.Lane("other", nil)
	r := request("s")
	r.Packets = cargo
	sub := subscribe(t, g, r)
	if sub.Lane(t.Context()) != nil {
		t.Error("there is a lane of another kind")
	}
	p.must(t, "K")
	want(t, sub, "K0", nil)
	p.Lane(cargo, nil)
	if _, err := sub.ReadFrame(); !errors.Is(err, ErrLane) {
		t.Errorf("its own kind comes: %v", err)
	}
	p.Close()
}
