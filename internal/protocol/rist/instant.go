package rist

import (
	"time"

	"weir/internal/media"
)

// now is the time by which packets are measured: since the process started, as media.Now.
func now() time.Duration { return time.Duration(media.Now()) }

// clockOf gives the time t as one of the system's, for the deadline of a socket.
func clockOf(t time.Duration) time.Time { return time.Now().Add(t - now()) }

// ticks counts time in steps of 1/90000 s, as RTP does for transport streams (RFC 2250, 2). It wraps every 13 hours.
func ticks(t time.Duration) uint32 {
	return uint32(t/time.Second*90000 + t%time.Second*90000/time.Second)
}
