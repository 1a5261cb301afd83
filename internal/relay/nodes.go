package relay

import (
	"maps"
	"slices"
	"time"

	"weir/internal/cluster"
)

// Membership is this server's part in a registry, and who else is in it.
type Membership struct {
	Registry string // its address, without what is secret
	Self     cluster.Node
	Others   []cluster.Heard
	Held     time.Time // until when what this server tells is believed; zero before it was told
	Away     time.Time // since when the registry cannot be reached; zero if it can
	Cause    error     // why it cannot
}

// Memberships lists the registries of this server, in the order of their addresses. It asks nobody: while one is away it is as it was.
func (v *Relay) Memberships() []Membership {
	list := make([]Membership, 0, len(v.directories))
	for _, at := range slices.Sorted(maps.Keys(v.directories)) {
		d := v.directories[at]
		m := Membership{Registry: d.Registry(), Self: d.Self()}
		m.Away, m.Cause = d.Away()
		for _, h := range d.Nodes() {
			if h.ID == m.Self.ID {
				m.Held = h.Until
			} else {
				m.Others = append(m.Others, h)
			}
		}
		list = append(list, m)
	}
	return list
}
