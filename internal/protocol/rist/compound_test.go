package rist

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/pion/rtcp"
)

var (
	host = speaker{0x11223344, "somebody"}

	goodBlock = rtcp.ReceptionReport{SSRC: 8, FractionLost: 3, TotalLost: 5, LastSequenceNumber: 7, Jitter: 9, LastSenderReport: 11, Delay: 13}
)

// compounds are datagrams of RTCP, and what they say; the fuzz target begins with them.
var compounds = map[string]struct {
	wire []byte
	want compound
}{
	"receiver": {host.receiver(), compound{ssrc: host.ssrc}},
	"block":    {host.receiver(goodBlock), compound{ssrc: host.ssrc, reports: []rtcp.ReceptionReport{goodBlock}}},
	"sender": {
		host.sender(rtcp.SenderReport{NTPTime: 77, RTPTime: 1, PacketCount: 2, OctetCount: 3}), compound{ssrc: host.ssrc, clock: 77},
	},
	"range":   {appendNACK(host.receiver(), NACKRange, 1, 2, []uint16{5, 6, 9}), compound{ssrc: host.ssrc, asked: []run{{5, 1}, {9, 0}}}},
	"bitmask": {appendNACK(host.receiver(), NACKBitmask, 1, 2, []uint16{5, 6, 9}), compound{ssrc: host.ssrc, asked: []run{{5, 1}, {9, 0}}}},
	"around": {
		appendNACK(host.receiver(), NACKBitmask, 1, 2, []uint16{65534, 65535, 0, 40}),
		compound{ssrc: host.ssrc, asked: []run{{65534, 2}, {40, 0}}},
	},
	"echo": {appendEchoRequest(host.receiver(), 2, 99), compound{ssrc: host.ssrc, asks: []echo{{stamp: 99}}}},
	"answer": {
		appendEchoes(host.receiver(), 2, []echo{{stamp: 99, padding: 8}}), compound{ssrc: host.ssrc, echoes: []echo{{stamp: 99, padding: 8}}},
	},
	"bye":     {host.bye(host.receiver()), compound{ssrc: host.ssrc, bye: true}},
	"padding": {append(host.receiver(), 0xa0, 201, 0, 3, 0, 0, 0, 1, 9, 9, 9, 9, 0, 0, 0, 8), compound{ssrc: host.ssrc}},
	"others": {
		append(host.receiver(), 0x84, 204, 0, 2, 0, 0, 0, 1, 'q', 't', 's', 'i', 0x80, 207, 0, 1, 0, 0, 0, 1, 0x8f, 205, 0, 1, 0, 0, 0, 0),
		compound{ssrc: host.ssrc},
	},
}

func TestParseCompound(t *testing.T) {
	for name, c := range compounds {
		whole := slices.Clone(c.wire)
		if got, err := parseCompound(c.wire); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
		if !slices.Equal(whole, c.wire) {
			t.Errorf("%s: the datagram was changed", name)
		}
		ends := map[int]bool{} // where a shorter one is whole
		for rest := c.wire; len(rest) > 0; {
			ends[len(c.wire)-len(rest)] = len(rest) < len(c.wire)
			_, rest, _ = cutPart(rest)
		}
		for n := range c.wire {
			if got, err := parseCompound(c.wire[:n]); (err == nil) != ends[n] {
				t.Errorf("%s cut at %d: %+v, %v", name, n, got, err)
			}
		}
	}
}

func TestParseCompoundRefuses(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":            "",
		"RTP":                string(newPacket(1, 2, false, ts(1))),
		"SDES first":         "\x80\xca\x00\x00",
		"version":            "\x40\xc9\x00\x01\x00\x00\x00\x01",
		"report without":     "\x80\xc9\x00\x00",
		"too few blocks":     "\x81\xc9\x00\x01\x00\x00\x00\x01",
		"all padding":        "\xa0\xc9\x00\x01\x00\x00\x00\x08",
		"odd padding":        "\xa0\xc9\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03",
		"no padding":         "\xa0\xc9\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00",
		"NACK without":       "\x80\xc9\x00\x01\x00\x00\x00\x01\x81\xcd\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01",
		"echo without stamp": "\x80\xc9\x00\x01\x00\x00\x00\x01\x82\xcc\x00\x02\x00\x00\x00\x01RIST",
	} {
		if c, err := parseCompound([]byte(b)); !errors.Is(err, errCompound) && !errors.Is(err, errShort) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// All that may be asked for at once fits into a datagram, in either way.
func TestNACKFits(t *testing.T) {
	var apart []uint16
	for i := range maxAsk {
		apart = append(apart, uint16(65000+20*i))
	}
	long := speaker{1, string(make([]byte, maxCNAME))}
	for _, kind := range []NACK{NACKRange, NACKBitmask} {
		b := appendNACK(long.receiver(), kind, 1, 2, apart)
		c, err := parseCompound(b)
		if err != nil || len(c.asked) != maxAsk || len(b) > 1472 {
			t.Errorf("%d bytes, %d runs, %v", len(b), len(c.asked), err)
		}
	}
}

func TestEchoesAreBounded(t *testing.T) {
	b := appendEchoes(host.receiver(), 1, slices.Repeat([]echo{{padding: 500}}, 10))
	if c, err := parseCompound(b); err != nil || len(c.echoes) != 2 || len(b) > maxControl {
		t.Errorf("%d bytes, %d echoes, %v", len(b), len(c.echoes), err)
	}
}

func FuzzParseCompound(f *testing.F) {
	for _, c := range compounds {
		f.Add(c.wire)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCompound(b)
		if err != nil && !errors.Is(err, errCompound) && !errors.Is(err, errShort) {
			t.Errorf("%x: %v", b, err)
		}
		if n := len(c.asked) + len(c.reports) + len(c.asks) + len(c.echoes); n > 4*len(b) {
			t.Errorf("%x: %d things", b, n)
		}
	})
}

func reportOf(clock uint64) rtcp.SenderReport { return rtcp.SenderReport{NTPTime: clock} }
