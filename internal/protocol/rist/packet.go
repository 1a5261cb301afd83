package rist

import (
	"errors"
	"net/netip"

	"github.com/pion/rtp"
)

// MaxPayload is the most bytes that a Sender takes at once: seven packets of a transport stream.
const MaxPayload = 7 * cell

const (
	cell      = 188 // bytes of a packet of a transport stream
	syncByte  = 0x47
	rtpHeader = 12 // bytes
	typeTS    = 33 // RTP's payload type of transport streams (RFC 3551, 6)
	maxWire   = rtpHeader + MaxPayload
	maxPacket = 2048     // bytes of a datagram that are read; longer ones are none of ours
	slabSize  = 64 << 10 // bytes from which payloads are cut
)

var errRTP = errors.New("rist: not RTP with a transport stream")

// Packet is one payload: whole packets of a transport stream.
type Packet struct {
	Data []byte         // the caller's, for ever
	At   int64          // ns since the process started, as media.Now: when it came
	From netip.AddrPort // the sender
	Lost int            // packets missing before it that have been given up
	// First says that nothing before it was of this sender, or that the sender has begun anew.
	First bool
}

// inbound is a packet as it came.
type inbound struct {
	rtp     rtp.Packet
	useful  bool   // has a payload as it should be
	source  uint32 // without the bit that marks what is sent again
	oddSSRC bool   // has that bit
}

// parse reads a datagram. What is not RTP of type 33 is an error; p is overwritten, and its payload is of b.
func (p *inbound) parse(b []byte) error {
	if len(b) == maxPacket || p.rtp.Unmarshal(b) != nil || p.rtp.Version != 2 || p.rtp.PayloadType != typeTS {
		return errRTP
	}
	p.useful = isTS(p.rtp.Payload)
	p.source, p.oddSSRC = p.rtp.SSRC&^1, p.rtp.SSRC&1 != 0
	return nil
}

// isTS reports whether b is whole packets of a transport stream, by the look of the first.
func isTS(b []byte) bool { return len(b) > 0 && len(b)%cell == 0 && b[0] == syncByte }
