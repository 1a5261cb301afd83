package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	forwardedFor  = "X-Forwarded-For"
	maxForwarders = 32 // addresses of X-Forwarded-For that are looked at
)

// Forwarded has next see requests of trusted proxies as if their clients had sent them: RemoteAddr is
// the client's address then, with port 0. From everybody else such headers mean nothing.
func Forwarded(next http.Handler, trusted func() []netip.Prefix) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if list := trusted(); len(list) > 0 && among(ClientAddr(r), list) {
			if client := clientOf(r.Header, list); client.IsValid() {
				r = r.WithContext(r.Context())
				r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			}
		}
		next.ServeHTTP(w, r)
	})
}

// clientOf returns the last address that a trusted proxy has seen and that is none of theirs; if all
// are, the first. It is not valid where the headers have none, or one that cannot be read comes first:
// whoever wrote that is not to be believed.
func clientOf(h http.Header, trusted []netip.Prefix) netip.Addr {
	chain := strings.Split(strings.Join(h.Values(forwardedFor), ","), ",")
	if len(h.Values(forwardedFor)) == 0 {
		chain = []string{h.Get("X-Real-Ip")}
	}
	var client netip.Addr
	for i, hop := range slices.Backward(chain) {
		at := addressIn(hop)
		if !at.IsValid() || len(chain)-i > maxForwarders {
			return client
		}
		if client = at; !among(at, trusted) {
			return client
		}
	}
	return client
}

// addressIn reads an address, which some proxies write with a port.
func addressIn(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone("")
	}
	at, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return at.Unmap().WithZone("")
}

func among(at netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(at) })
}

// Bearer is the credential of the Authorization header; empty without.
//
// Spec: RFC 6750, 2.1.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
