// Package udpts receives MPEG transport streams in plain UDP datagrams, to an address of this machine or to a multicast
// group, as encoders and head-ends send them: bare, or in RTP (RFC 2250) without its retransmissions.
package udpts
