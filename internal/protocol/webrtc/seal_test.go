package webrtc

import (
	"slices"
	"testing"
)

func TestPlain(t *testing.T) {
	record := func(kind, epoch byte, body ...byte) []byte {
		return append([]byte{kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 9, 0, byte(len(body))}, body...)
	}
	for name, c := range map[string]struct {
		packet []byte
		want   bool
	}{
		"nothing":               {nil, false},
		"an alert":              {record(21, 0, 2, 40), true},
		"data":                  {record(23, 0, 1), true},
		"an unknown one":        {record(24, 0), true},
		"an alert, encrypted":   {record(21, 1, 2, 40), false},
		"a handshake":           {record(22, 0, 1, 2, 3), false},
		"an end of a handshake": {slices.Concat(record(22, 0, 16, 0), record(20, 0, 1), record(22, 1, 7, 7)), false},
		"one behind others":     {slices.Concat(record(22, 0, 16, 0), record(21, 0, 1, 0)), true},
		"STUN":                  {make([]byte, 20), false},
		"RTP":                   {append([]byte{0x80, 21}, make([]byte, 20)...), false},
	} {
		if got := plain(c.packet); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
		for n := range c.packet {
			plain(c.packet[:n]) // a cut at any byte is no panic
		}
	}
}
