package stream

import "time"

// Link is what the system knows of the network to a client.
type Link struct {
	RoundTrip   time.Duration // smoothed
	Variance    time.Duration // of the round trip
	Segments    uint64        // of data that were sent, those sent again included
	Retransmits uint64        // that were sent again
	Unacked     int           // segments sent that have not been acknowledged
	Queued      int           // bytes in the socket: sent and not acknowledged, or not sent
	Unsent      int           // of these, bytes not sent
	Window      int           // bytes that the client takes before it has acknowledged any
	Segment     int           // bytes of the largest segment
}
