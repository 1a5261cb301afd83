package udpts

import "github.com/pion/rtp"

const (
	cell        = 188 // bytes of a packet of a transport stream
	mark        = 0x47
	payloadType = 33 // RFC 3551, 6: MP2T
)

// payload returns the packets of a transport stream that a datagram has: nil for none. They may come in RTP, and begin
// behind something else, or be cut short at the end.
func payload(b []byte) []byte {
	if len(b) > 0 && b[0] != mark && b[0]>>6 == 2 {
		var p rtp.Packet
		if p.Unmarshal(b) == nil && p.PayloadType == payloadType {
			b = p.Payload
		}
	}
	for at := 0; at < cell && at+cell <= len(b); at++ {
		end := at
		for end+cell <= len(b) && b[end] == mark {
			end += cell
		}
		if end > at && end+cell > len(b) {
			return b[at:end]
		}
	}
	return nil
}
