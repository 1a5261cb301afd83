package server

import (
	"net"
	"sync"
	"time"

	"weir/internal/config"
)

const (
	towardsFor  = 10 * time.Second       // until an address is looked for again
	towardsTime = 500 * time.Millisecond // to find one, where the registry has a name
)

// towards is which addresses this machine has towards registries, of which a machine in two networks has several. They may change
// while it runs.
type towards struct {
	mu    sync.Mutex // guards what follows
	known map[string]own
}

// own is an address of this machine.
type own struct {
	ip    string
	until time.Time // to be looked for again then
}

// to is the address towards a registry; "" if there is no way there.
func (t *towards) to(registry string) string {
	t.mu.Lock()
	before := t.known[registry]
	t.mu.Unlock()
	if time.Now().Before(before.until) {
		return before.ip
	}
	ip := ownAddress(registry)
	if ip == "" {
		ip = before.ip // the way is gone, for now
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = map[string]own{}
	}
	t.known[registry] = own{ip, time.Now().Add(towardsFor)}
	return ip
}

// ownAddress asks the system.
func ownAddress(registry string) string {
	address, err := config.ParseRegistry(registry)
	if err != nil || len(address.Hosts) == 0 {
		return ""
	}
	way, err := net.DialTimeout("udp", address.Hosts[0], towardsTime) // nothing is sent
	if err != nil {
		return ""
	}
	defer way.Close()
	ip, _, err := net.SplitHostPort(way.LocalAddr().String())
	if err != nil {
		return ""
	}
	return ip
}
