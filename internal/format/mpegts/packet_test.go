package mpegts

import "testing"

func TestPacket(t *testing.T) {
	for name, c := range map[string]struct {
		head    []byte
		ok      bool
		payload int
		want    packet
	}{
		"payload":        {[]byte{0x47, 0x41, 0, 0x1a}, true, 184, packet{pid: 0x100, counter: 10, start: true}},
		"error":          {[]byte{0x47, 0x81, 0, 0x10}, false, 0, packet{}},
		"scrambled":      {[]byte{0x47, 1, 0, 0x90}, true, 184, packet{pid: 0x100, scrambled: true}},
		"no payload":     {[]byte{0x47, 1, 0, 0x20, 183, 0}, true, 0, packet{pid: 0x100, stuffed: true}},
		"neither":        {[]byte{0x47, 1, 0, 0}, true, 0, packet{pid: 0x100}},
		"one byte":       {[]byte{0x47, 1, 0, 0x30, 0}, true, 183, packet{pid: 0x100, stuffed: true}},
		"two bytes":      {[]byte{0x47, 1, 0, 0x30, 1, 0}, true, 182, packet{pid: 0x100, stuffed: true}},
		"entry":          {[]byte{0x47, 1, 0, 0x30, 1, 0x40}, true, 182, packet{pid: 0x100, entry: true}},
		"clock":          {[]byte{0x47, 1, 0, 0x30, 7, 0x90}, true, 176, packet{pid: 0x100, jumps: true}},
		"clock, filled":  {[]byte{0x47, 1, 0, 0x30, 8, 0x10}, true, 175, packet{pid: 0x100, stuffed: true}},
		"two clocks":     {[]byte{0x47, 1, 0, 0x30, 13, 0x18}, true, 170, packet{pid: 0x100}},
		"private":        {[]byte{0x47, 1, 0, 0x30, 20, 0x02}, true, 163, packet{pid: 0x100}},
		"field too long": {[]byte{0x47, 1, 0, 0x30, 184}, false, 0, packet{}},
		"field and none": {[]byte{0x47, 1, 0, 0x30, 183, 0}, true, 0, packet{pid: 0x100, stuffed: true}},
	} {
		b := make([]byte, packetSize)
		copy(b, c.head)
		p, ok := parsePacket(b)
		if ok != c.ok {
			t.Errorf("%s: %t", name, ok)
		}
		if !ok {
			continue
		}
		if len(p.payload) != c.payload {
			t.Errorf("%s: %d bytes; want %d", name, len(p.payload), c.payload)
		}
		p.payload = nil
		if p.pid != c.want.pid || p.counter != c.want.counter || p.start != c.want.start || p.scrambled != c.want.scrambled ||
			p.jumps != c.want.jumps || p.entry != c.want.entry || p.stuffed != c.want.stuffed {
			t.Errorf("%s: %+v; want %+v", name, p, c.want)
		}
	}
}
