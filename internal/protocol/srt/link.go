package srt

import (
	"time"

	"github.com/datarhei/gosrt"

	"weir/internal/stream"
)

// link tells of the network to the client.
func (s *session) link() (l stream.Link, ok bool) {
	conn := s.peer.Load()
	if conn == nil {
		return l, false
	}
	var t srt.Statistics
	(*conn).Stats(&t)
	return stream.Link{
		RoundTrip: time.Duration(t.Instantaneous.MsRTT * float64(time.Millisecond)),
		Segments:  t.Accumulated.PktSent, Retransmits: t.Accumulated.PktRetrans,
		Unacked: int(t.Instantaneous.PktFlightSize), Queued: int(t.Instantaneous.ByteSendBuf),
		Segment: int(t.Instantaneous.ByteMSS),
	}, true
}
