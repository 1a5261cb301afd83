package rist

import "time"

// Stats are counts since the start, over all senders that a Receiver has had. Those of packets do not count RTCP.
type Stats struct {
	Packets uint64 // a receiver's: handed on; a sender's: sent, without those sent again
	Bytes   uint64 // of their payload

	// Of a receiver: missing packets that did not come in time. Of a sender: those asked for that it did not have any more.
	Lost uint64

	Recovered     uint64 // receiver's: missing packets that came when sent again
	Retransmitted uint64 // packets sent again; a receiver counts those that came
	Requested     uint64 // packets asked for, each time they were
	Withheld      uint64 // a sender's: packets asked for too often, which were not sent again

	Duplicates uint64 // that came twice, or too late
	Reordered  uint64 // that came late by themselves
	Restarts   uint64 // senders that began anew, or took over, before the one before had been told of as gone
	Foreign    uint64 // packets of others than the peer
	Malformed  uint64 // packets that are no RTP with a transport stream, or no RTCP

	RTT time.Duration // to the present peer; 0: not known
}
