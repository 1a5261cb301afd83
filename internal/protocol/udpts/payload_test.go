package udpts

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
)

func cells(n int) []byte {
	b := make([]byte, n*cell)
	for at := 0; at < len(b); at += cell {
		b[at], b[at+1] = mark, byte(at)
	}
	return b
}

func inRTP(payloadType uint8, payload []byte, sources ...uint32) []byte {
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: payloadType, CSRC: sources}, Payload: payload}
	b, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// datagrams seeds FuzzPayload too.
var datagrams = map[string]struct{ datagram, want []byte }{
	"seven":           {cells(7), cells(7)},
	"one":             {cells(1), cells(1)},
	"in RTP":          {inRTP(33, cells(7)), cells(7)},
	"in RTP, mixed":   {inRTP(33, cells(7), 1, 2), cells(7)},
	"RTP of pictures": {inRTP(96, bytes.Repeat([]byte{1}, 400)), nil},
	"behind rubbish":  {append([]byte("rubbish"), cells(3)...), cells(3)},
	"cut short":       {cells(3)[:3*cell-1], cells(2)},
	"broken":          {append(append(cells(2), make([]byte, cell)...), cells(1)...), nil},
	"empty":           {nil, nil},
	"short":           {cells(1)[:100], nil},
	"rubbish":         {bytes.Repeat([]byte{1}, 1316), nil},
}

func TestPayload(t *testing.T) {
	for name, d := range datagrams {
		if got := payload(d.datagram); !bytes.Equal(got, d.want) {
			t.Errorf("%s: %d bytes of %d; want %d", name, len(got), len(d.datagram), len(d.want))
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, d := range datagrams {
		f.Add(d.datagram)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := payload(b)
		if len(got)%cell != 0 {
			t.Fatalf("%d bytes", len(got))
		}
		for at := 0; at < len(got); at += cell {
			if got[at] != mark {
				t.Fatalf("no packet at %d", at)
			}
		}
	})
}

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]string{
		"udp://@:8935":                   "invalid AddrPort ",
		"udp://@127.0.0.1:8935":          "127.0.0.1:8935 ",
		"udp://@[::1]:8935":              "[::1]:8935 ",
		"udp://239.1.1.1:5000?iface=eth": "239.1.1.1:5000 eth",
	} {
		at, iface, err := parseURL(raw)
		if got := at.String() + " " + iface; err != nil || got != want || at.Port() == 0 {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "udp://@host:1", "udp://@127.0.0.1", "udp://@:1?x=1", "rtp://@:1", "udp://@:99999"} {
		if at, _, err := parseURL(raw); err == nil {
			t.Errorf("%q: %v", raw, at)
		}
	}
}
