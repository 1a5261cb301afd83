package rist

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// ts is a payload with n in it.
func ts(n int) []byte {
	b := make([]byte, MaxPayload)
	for i := 0; i < len(b); i += cell {
		b[i] = syncByte
		binary.BigEndian.PutUint64(b[i+4:], uint64(n))
	}
	return b
}

// numberIn is what ts has put there.
func numberIn(b []byte) int { return int(binary.BigEndian.Uint64(b[4:])) }

// newPacket is RTP as senders send it.
func newPacket(ssrc uint32, seq uint16, again bool, payload []byte) []byte {
	if again {
		ssrc |= 1
	}
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: typeTS, SequenceNumber: seq, SSRC: ssrc}, Payload: payload}
	b, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

func TestInbound(t *testing.T) {
	good := newPacket(6, 7, true, ts(1))
	with := func(change func(b []byte) []byte) []byte { return change(append([]byte(nil), good...)) }
	for name, c := range map[string]struct {
		wire         []byte
		rtp, useful  bool
		wantLastData int
	}{
		"good":       {good, true, true, MaxPayload},
		"one":        {newPacket(6, 7, false, ts(1)[:cell]), true, true, cell},
		"no payload": {good[:rtpHeader], true, false, 0},
		"cut":        {good[:len(good)-1], true, false, 0},
		"no header":  {good[:rtpHeader-1], false, false, 0},
		"empty":      {nil, false, false, 0},
		"version":    {with(func(b []byte) []byte { b[0] = 1 << 6; return b }), false, false, 0},
		"type":       {with(func(b []byte) []byte { b[1] = 96; return b }), false, false, 0},
		"no TS":      {with(func(b []byte) []byte { b[rtpHeader] = 0x46; return b }), true, false, 0},
		"sources":    {with(func(b []byte) []byte { b[0] |= 15; return b[:rtpHeader+59] }), false, false, 0},
		"extension":  {with(func(b []byte) []byte { b[0] |= 16; return b }), true, false, 0},
		"padding":    {with(func(b []byte) []byte { b[0] |= 32; return append(b, 0, 0, 0, 4) }), true, true, MaxPayload},
		"RTCP":       {host.receiver(), false, false, 0},
		"too long":   {make([]byte, maxPacket), false, false, 0},
	} {
		var p inbound
		err := p.parse(c.wire)
		if (err == nil) != c.rtp || err == nil && (p.useful != c.useful || c.useful && len(p.rtp.Payload) != c.wantLastData) {
			t.Errorf("%s: %v, useful %v, %d bytes", name, err, p.useful, len(p.rtp.Payload))
		}
	}
}

func FuzzAccept(f *testing.F) {
	for _, p := range [][]byte{newPacket(2, 65535, false, ts(1)), newPacket(2, 3, true, ts(1)), newPacket(2, 4, false, nil)} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &Receiver{o: Options{Buffer: time.Second, Hold: time.Second}}
		for i, wire := range [][]byte{newPacket(2, 0, false, ts(1)), b, newPacket(2, 2, false, ts(1)), b} {
			r.accept(time.Duration(i), netip.MustParseAddrPort("127.0.0.1:5000"), wire)
		}
		for {
			p, ok := r.source.buffer.pop(time.Hour)
			if !ok {
				break
			}
			if !isTS(p.Data) {
				t.Errorf("%x: %x", b, p.Data)
			}
		}
	})
}
