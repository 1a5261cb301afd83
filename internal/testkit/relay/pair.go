package relay

import (
	"net"
	"net/netip"
	"testing"
)

// pairTries is how often two free ports are looked for, one after the other.
const pairTries = 64

// NewPair starts two relays as New does, for protocols such as RTP that have an even port and the one after it: to the
// server's port and to the next, on such ports themselves. They share the weather, but not their luck.
func NewPair(t testing.TB, server string, up, down Weather) (even, odd *Relay) {
	t.Helper()
	to, err := resolve(server)
	if err != nil {
		t.Fatal("relay:", err)
	}
	next := netip.AddrPortFrom(to.Addr(), to.Port()+1)
	for range pairTries {
		port := freePair(t, to.Addr())
		if even, err = begin(t, to, port, up, down); err != nil {
			continue
		}
		up.Seed, down.Seed = up.Seed+1, down.Seed+1
		if odd, err = begin(t, next, port+1, up, down); err == nil {
			return even, odd
		}
	}
	t.Fatal("relay:", err)
	return nil, nil
}

// freePair returns an even port that is free, and so is the next unless somebody takes it now.
func freePair(t testing.TB, host netip.Addr) uint16 {
	t.Helper()
	for range pairTries {
		probe, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, 0)))
		if err != nil {
			t.Fatal("relay:", err)
		}
		port := probe.LocalAddr().(*net.UDPAddr).AddrPort().Port() &^ 1
		probe.Close()
		other, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, port+1)))
		if err != nil {
			continue
		}
		other.Close()
		return port
	}
	t.Fatal("relay: no two free ports")
	return 0
}
