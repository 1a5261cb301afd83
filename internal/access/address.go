package access

import (
	"errors"
	"fmt"
	"net/netip"

	"weir/internal/config"
	"weir/internal/stream"
)

// checkAddress holds an address against rules. One deny rule that names it decides; else, where
// there are allow rules, of whatever act, one has to name it.
func checkAddress(s *config.Security, act stream.Act, ip netip.Addr) error {
	if !s.Enabled {
		return nil
	}
	if !ip.IsValid() {
		return errors.New("the client's address is not known")
	}
	ip = ip.Unmap().WithZone("")
	for _, rule := range s.Deny {
		if names(rule, act, ip) {
			return fmt.Errorf("the address %s may not %s here", ip, act)
		}
	}
	for _, rule := range s.Allow {
		if names(rule, act, ip) {
			return nil
		}
	}
	switch {
	case len(s.Allow) > 0:
		return fmt.Errorf("the address %s is not among those that may %s here", ip, act)
	case len(s.Deny) == 0:
		return errors.New("nobody may, as the security block has no rules")
	}
	return nil
}

// names reports whether a rule is about an address that does that.
func names(rule config.Rule, act stream.Act, ip netip.Addr) bool {
	if rule.Action != act.String() {
		return false
	}
	if rule.From == "all" {
		return true
	}
	p, ok := rule.Prefix()
	if !ok {
		return false
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Contains(ip)
}
