package server

import (
	"net/netip"

	"weir/internal/cluster"
	"weir/internal/config"
)

// node is this server for the others of a registry.
func (s *Server) node(registry string) cluster.Node {
	c := s.config()
	n := cluster.Node{Load: s.breaker.Share(), Clients: s.clients(), Streams: s.registry.Count(), Draining: s.draining.Load()}
	var ip string
	ip, n.RTMP = split(c.Listen)
	if c.HTTPServer.Enabled {
		_, n.HTTP = split(c.HTTPServer.Listen)
	}
	if c.HTTPAPI.Enabled {
		_, n.API = split(c.HTTPAPI.Listen)
	}
	n.Host = s.reachedAt(c, registry, ip)
	return n
}

// reachedAt is how others of a registry reach this server: as is set, else at the address that it listens on, else at
// the one that it has towards the registry.
func (s *Server) reachedAt(c *config.Config, registry, listens string) string {
	for _, v := range c.Vhosts {
		if v.Cluster.Registry == registry && v.Cluster.Announce != "" {
			return v.Cluster.Announce
		}
	}
	if at, err := netip.ParseAddr(listens); err == nil && !at.IsUnspecified() {
		return listens
	}
	return s.towards.to(registry)
}
