package webrtc

import (
	"net/netip"
	"sync"
)

// network is a way that packets come: UDP or TCP, over IPv4 or IPv6.
type network int

const (
	udp4 network = iota
	udp6
	tcp4
	tcp6
	networks
)

// over tells the network of an address.
func over(base network, ip netip.Addr) network {
	if ip.Is6() {
		return base + 1
	}
	return base
}

// canonical gives an address the one form by which it is compared.
func canonical(at netip.AddrPort) netip.AddrPort {
	ip := at.Addr().Unmap()
	if !ip.IsLinkLocalUnicast() {
		ip = ip.WithZone("")
	}
	return netip.AddrPortFrom(ip, at.Port())
}

// lobby knows by its ufrag whose a check is. There is an entry for each client that has been answered: checks of anybody
// else leave nothing behind.
type lobby struct {
	mu     sync.RWMutex // guards what follows
	guests map[string]*guest
}

// guest is who has been told a ufrag. Its fields are guarded by the lobby's lock.
type guest struct {
	cables  [networks]*cable
	contact *contact // nil until the answer is ready
}

func newLobby() *lobby { return &lobby{guests: map[string]*guest{}} }

// find returns where the packets with that ufrag go; nil is nowhere.
func (l *lobby) find(ufrag []byte, n network) (*cable, *contact) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	g := l.guests[string(ufrag)]
	if g == nil {
		return nil, nil
	}
	return g.cables[n], g.contact
}

// add makes a cable, in the place of one that was there.
func (l *lobby) add(w *cable) {
	l.mu.Lock()
	g := l.guests[w.ufrag]
	if g == nil {
		g = &guest{}
		l.guests[w.ufrag] = g
	}
	old := g.cables[w.network]
	g.cables[w.network] = w
	l.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

// has reports whether a client is known by a ufrag.
func (l *lobby) has(ufrag string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.guests[ufrag] != nil
}

// watch has a client's checks counted.
func (l *lobby) watch(ufrag string, c *contact) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.guests[ufrag]; g != nil {
		g.contact = c
	}
}

// contactOf returns who counts a cable's checks; nil is nobody yet.
func (l *lobby) contactOf(ufrag string) *contact {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if g := l.guests[ufrag]; g != nil {
		return g.contact
	}
	return nil
}

// remove forgets a cable, and the client with its last one.
func (l *lobby) remove(w *cable) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.guests[w.ufrag]
	if g == nil || g.cables[w.network] != w {
		return
	}
	g.cables[w.network] = nil
	if g.cables == [networks]*cable{} {
		delete(l.guests, w.ufrag)
	}
}

// drop closes a client's cables of a kind: base and the one after it.
func (l *lobby) drop(ufrag string, base network) {
	l.mu.RLock()
	var cables []*cable
	if g := l.guests[ufrag]; g != nil {
		cables = append(cables, g.cables[base], g.cables[base+1])
	}
	l.mu.RUnlock()
	for _, w := range cables {
		if w != nil {
			_ = w.Close()
		}
	}
}

// count is how many clients are known.
func (l *lobby) count() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.guests)
}
