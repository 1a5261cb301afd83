package web

import (
	"net"
	"net/http"
	"net/netip"
)

// A Route gives the handler of a request, or nil for one that is not its own: the next is asked
// then. It is called for each request, so it must be quick.
//
// The context of a request ends when the server stops, also for a connection that its handler has
// hijacked. A handler of an endless answer ends by it.
type Route func(r *http.Request) http.Handler

// Host is the host a request is for, without a port: that of the query (vhost, else domain), else
// that of the address. It is a name that anybody may make up, not that of a vhost we have.
func Host(r *http.Request) string {
	if r.URL.RawQuery != "" {
		query := r.URL.Query()
		for _, name := range []string{"vhost", "domain"} {
			if host := query.Get(name); host != "" {
				return host
			}
		}
	}
	return bare(r.Host)
}

// bare takes the port off a host, and the brackets off an IPv6 address.
func bare(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

// ClientAddr is the address of whoever opened the connection, 4 bytes long if it can be; behind a
// proxy that sends a PROXY header it is the client's. It is not valid for a request that came over
// no socket.
func ClientAddr(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
