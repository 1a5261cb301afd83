// Package rist speaks RIST's simple profile: transport streams in RTP, over networks that lose packets. A Receiver asks
// again for what is missing and hands packets on in their order; a Sender keeps what it has sent for a while, and sends
// it again to who asks. Nothing here knows of streams.
//
// RTP goes to an even port and RTCP to the one after it. Either end answers RTCP to where the other's came from, so
// only the receiver needs an address.
//
// Spec: VSF TR-06-1 (simple profile), on RFC 3550 (RTP) and RFC 4585 (NACKs); MPEG-TS in RTP is RFC 2250.
package rist
