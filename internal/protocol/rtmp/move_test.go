package rtmp

import (
	"testing"

	"weir/internal/format/amf0"
	"weir/internal/stream"
)

// TestMove asks clients to go elsewhere: those who have said that they can, once each, whether they came before or after.
func TestMove(t *testing.T) {
	h := newHouse(t, nil)
	can := amf0.Property{Name: "capsEx", Value: capsReconnect | capsModEx}
	player, publisher, stays := h.enter(), h.enter(), h.enter()
	player.connects(can)
	player.plays("s")
	publisher.connects(can)
	publisher.publishes("other")
	stays.connects(amf0.Property{Name: "capsEx", Value: capsModEx})
	stays.plays("s")
	h.registry.Move()
	h.registry.Move()
	late := h.enter()
	late.connects(can)
	late.plays("s")
	for name, g := range map[string]*guest{"player": player, "publisher": publisher, "late": late} {
		if level, code, text := g.status(); level != "status" || code != codeReconnect || text == "" {
			t.Errorf("%s: %s %s %q", name, level, code, text)
		}
	}
	h.registry.Dismiss(stream.ErrEnding)
	for name, g := range map[string]*guest{"player": player, "publisher": publisher, "late": late, "stays": stays} {
		if level, code, _ := g.status(); level != "error" || code != codeClosed {
			t.Errorf("%s: %s %s", name, level, code)
		}
		if name != "publisher" { // which has not closed yet
			g.gone()
		}
	}
}
