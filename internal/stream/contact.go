package stream

import (
	"net/netip"
	"time"
)

// Contact tells how a client and the server have found a way to each other, where that has to be looked for first, and
// what has come in between where they have not.
type Contact struct {
	ID, Kind, URL string
	Remote        netip.Addr // by which the client asked
	Began         time.Time
	Ended         time.Time // zero while the session goes on

	State    string   // waiting, checking, handshake, connected, failed or ended
	Told     []string // candidates that the client was told, such as "udp 203.0.113.7:8000"
	Theirs   []string // those that it has told itself
	Checks   uint64   // checks of the client that have come
	Answered uint64   // of these, answered: they were in order
	First    time.Time
	Last     time.Time // of the checks
	Paths    []Path    // where they came from
	Selected string    // the way that the client has chosen; empty without one
	DTLS     string    // new, connecting, connected, closed or failed
	Shakes   uint64    // packets of DTLS that have come

	Reason string // why there is no connection; empty where there is one
	Next   string // what to do about it
}

// Path is where checks of a client came from.
type Path struct {
	Protocol         string
	From             netip.AddrPort
	Checks, Answered uint64
}
