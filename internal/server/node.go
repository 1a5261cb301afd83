package server

import (
	"net/netip"
	"time"

	"weir/internal/api"
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

// nodes tells the API of all servers that this one knows.
func (s *Server) nodes() api.Cluster {
	var all api.Cluster
	for _, m := range s.relay.Memberships() {
		all.Registries = append(all.Registries, api.Registry{Address: m.Registry, Away: m.Away, Cause: m.Cause})
		self := describe(&cluster.Heard{Node: m.Self, Until: m.Held}, m.Registry)
		self.Self = true
		all.Nodes = append(all.Nodes, self)
		for i := range m.Others {
			all.Nodes = append(all.Nodes, describe(&m.Others[i], m.Registry))
		}
	}
	if len(all.Registries) == 0 {
		n := s.node("")
		n.ID = s.identity.Service
		self := describe(&cluster.Heard{Node: n}, "")
		self.Self, self.Told = true, time.Now()
		all.Nodes = append(all.Nodes, self)
	}
	return all
}

func describe(h *cluster.Heard, registry string) api.Node {
	n := api.Node{
		ID: h.ID, Registry: registry, Host: h.Host, RTMP: h.RTMP, HTTP: h.HTTP, API: h.API,
		Load: h.Load, Clients: h.Clients, Streams: h.Streams, Claims: h.Claims, Draining: h.Draining, Until: h.Until,
	}
	if !h.Until.IsZero() {
		n.Told = h.Told()
	}
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
