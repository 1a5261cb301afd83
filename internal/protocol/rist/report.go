package rist

import (
	"time"

	"github.com/pion/rtcp"
)

// reportEvery is the time between two reports. TR-06-1 wants 100 ms at the most, and a timer may be late.
const reportEvery = 90 * time.Millisecond

// maxControl is the most bytes of RTCP in a datagram that we send.
const maxControl = 1200

// speaker begins the datagrams of one end.
type speaker struct {
	ssrc  uint32
	cname string
}

// receiver begins a datagram of who receives, with blocks or without.
func (s speaker) receiver(blocks ...rtcp.ReceptionReport) []byte {
	return s.begin(&rtcp.ReceiverReport{SSRC: s.ssrc, Reports: blocks})
}

// sender begins a datagram of who sends.
func (s speaker) sender(r rtcp.SenderReport) []byte {
	r.SSRC = s.ssrc
	return s.begin(&r)
}

// begin is what each datagram has first: a report, and who it is from (RFC 3550, 6.1).
func (s speaker) begin(report rtcp.Packet) []byte {
	return appendPacket(appendPacket(make([]byte, 0, 256), report), rtcp.NewCNAMESourceDescription(s.ssrc, s.cname))
}

// bye ends a datagram, and the session.
func (s speaker) bye(b []byte) []byte {
	return appendPacket(b, &rtcp.Goodbye{Sources: []uint32{s.ssrc}})
}

// appendPacket adds a packet of our own making, which cannot be wrong.
func appendPacket(b []byte, p rtcp.Packet) []byte {
	wire, err := p.Marshal()
	if err != nil {
		panic("rist: " + err.Error())
	}
	return append(b, wire...)
}

// appendNACK adds a request for packets of a source. What does not fit into a datagram is left out: seqs are at
// most maxAsk.
func appendNACK(b []byte, kind NACK, own, source uint32, seqs []uint16) []byte {
	if kind == NACKBitmask {
		return appendPacket(b, &rtcp.TransportLayerNack{SenderSSRC: own, MediaSSRC: source, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
	}
	return appendApp(b, app{subtype: appNACK, ssrc: source, runs: runsOf(seqs)})
}

// appendEchoes answers echo requests, at once: there is no delay to tell of.
func appendEchoes(b []byte, source uint32, asks []echo) []byte {
	for _, e := range asks {
		if len(b)+echoSize+e.padding > maxControl {
			break
		}
		b = appendApp(b, app{subtype: appEchoResponse, ssrc: source, echo: echo{stamp: e.stamp, padding: e.padding}})
	}
	return b
}

// appendEchoRequest asks for an echo of the time.
func appendEchoRequest(b []byte, source uint32, at time.Duration) []byte {
	return appendApp(b, app{subtype: appEchoRequest, ssrc: source, echo: echo{stamp: uint64(at)}})
}

// middle is the part of an NTP time that reports give back: units of 2^-16 s.
func middle(ntp uint64) uint32 { return uint32(ntp >> 16) }

// sixteenths gives a time in the same units.
func sixteenths(t time.Duration) uint32 {
	return uint32(uint64(t) << 16 / uint64(time.Second))
}

// fromSixteenths is the opposite.
func fromSixteenths(n uint32) time.Duration {
	return time.Duration(uint64(n) * uint64(time.Second) >> 16)
}
