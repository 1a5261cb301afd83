package rist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pion/rtcp"
)

var errCompound = errors.New("rist: no compound RTCP packet")

// compound is what a datagram of RTCP says, as far as it matters here.
type compound struct {
	ssrc    uint32 // of who sent it
	clock   uint64 // NTP time of a sender report; 0: there was none
	reports []rtcp.ReceptionReport
	asked   []run
	asks    []echo // echo requests
	echoes  []echo // echo responses
	bye     bool
}

// parseCompound reads a datagram of RTCP, which begins with a report (RFC 3550, 6.1 and A.2). Kinds that are unknown
// are skipped; one known part that is broken breaks the whole.
func parseCompound(b []byte) (c compound, err error) {
	if len(b) == 0 {
		return c, errShort
	}
	for first := true; len(b) > 0; first = false {
		part, rest, err := cutPart(b)
		if err != nil {
			return c, err
		}
		if kind := rtcp.PacketType(part[1]); first && kind != rtcp.TypeSenderReport && kind != rtcp.TypeReceiverReport {
			return c, fmt.Errorf("%w: it begins with a %v", errCompound, kind)
		}
		if err := c.take(part); err != nil {
			return c, err
		}
		if first {
			c.ssrc = binary.BigEndian.Uint32(part[4:]) // every report has one
		}
		b = rest
	}
	return c, nil
}

// cutPart cuts the first packet off a datagram, and gives it without its padding:
//
//	| version u2 = 2 | padding u1 | count u5 | type u8 | length u16, words - 1 | ... | bytes of padding u8 |
//
// Spec: RFC 3550, 6.4.1.
func cutPart(b []byte) (part, rest []byte, err error) {
	if len(b) < 4 || b[0]>>6 != 2 {
		return nil, nil, errCompound
	}
	size := 4 * (1 + int(b[2])<<8 + int(b[3]))
	if size > len(b) {
		return nil, nil, errShort
	}
	part, rest = b[:size:size], b[size:]
	if b[0]&0x20 != 0 {
		n := int(part[size-1])
		if n == 0 || n%4 != 0 || n > size-4 {
			return nil, nil, errCompound
		}
		part = bytes.Clone(part[:size-n])
		part[0] &^= 0x20
		binary.BigEndian.PutUint16(part[2:], uint16(len(part)/4-1))
	}
	return part, rest, nil
}

// take reads one packet of the datagram.
func (c *compound) take(part []byte) error {
	switch rtcp.PacketType(part[1]) {
	case rtcp.TypeSenderReport:
		var r rtcp.SenderReport
		if err := r.Unmarshal(part); err != nil {
			return fmt.Errorf("%w: %w", errCompound, err)
		}
		c.clock = r.NTPTime
		c.reports = append(c.reports, r.Reports...)
	case rtcp.TypeReceiverReport:
		var r rtcp.ReceiverReport
		if err := r.Unmarshal(part); err != nil {
			return fmt.Errorf("%w: %w", errCompound, err)
		}
		c.reports = append(c.reports, r.Reports...)
	case rtcp.TypeGoodbye:
		c.bye = true
	case rtcp.TypeTransportSpecificFeedback:
		if part[0]&0x1f != rtcp.FormatTLN {
			return nil
		}
		var n rtcp.TransportLayerNack
		if err := n.Unmarshal(part); err != nil {
			return fmt.Errorf("%w: %w", errCompound, err)
		}
		c.asked = append(c.asked, runsOfPairs(n.Nacks)...)
	case rtcp.TypeApplicationDefined:
		return c.takeApp(part)
	}
	return nil
}

func (c *compound) takeApp(part []byte) error {
	a, err := parseApp(part)
	switch {
	case errors.Is(err, errNotRIST):
		return nil
	case err != nil:
		return err
	case a.subtype == appNACK:
		c.asked = append(c.asked, a.runs...)
	case a.subtype == appEchoRequest:
		c.asks = append(c.asks, a.echo)
	case a.subtype == appEchoResponse:
		c.echoes = append(c.echoes, a.echo)
	}
	return nil
}
