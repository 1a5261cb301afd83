package api

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// Cluster is the servers that share a registry with this one, as this one knows them without asking.
type Cluster struct {
	Nodes      []Node // this server too, in each registry, or alone
	Registries []Registry
}

// Node is a server of a cluster, as it has told of itself.
type Node struct {
	ID       string // of its start
	Self     bool   // it is this one
	Registry string // in which it is; empty for none
	Host     string // where others reach it; empty is where the asker has found it
	RTMP     int    // ports, 0 for none
	HTTP     int
	API      int
	Load     float64 // from 0 to 1
	Clients  int
	Streams  int
	Claims   int
	Draining bool
	Told     time.Time // when it has said so; zero is not known
	Until    time.Time // for how long that holds; zero without a registry
}

// Registry is one that this server is in.
type Registry struct {
	Address string    // without what is secret
	Away    time.Time // since when it cannot be reached; zero if it can
	Cause   error     // why it cannot
}

type nodesAnswer struct {
	head
	Nodes      []node     `json:"nodes"`
	Registries []registry `json:"registries"`
}

// node is a server of the cluster.
type node struct {
	ID       string  `json:"id" doc:"its service: another at each start"`
	Self     bool    `json:"self" doc:"it is the server that answers"`
	Registry *string `json:"registry" doc:"by which it is known; null for a server that has none"`
	RTMP     *string `json:"rtmp" doc:"host and port at which other servers reach it; null where it takes nothing from them, as an edge"`
	HTTP     *string `json:"http" doc:"the same of its web server"`
	API      *string `json:"api" doc:"the same of this API"`
	Load     decimal `json:"load" doc:"how much it has to do, from 0 to 1"`
	Clients  int     `json:"clients"`
	Streams  int     `json:"streams" doc:"those fetched from others too"`
	Claims   int     `json:"claims" doc:"streams that it has by the registry"`
	Draining bool    `json:"draining" doc:"it takes nobody new"`
	Age      *int64  `json:"age_ms" doc:"since it has told this; null is not known"`
	Lease    *int64  `json:"lease_ms" doc:"until it is forgotten unless it tells again; null without a registry"`
}

// registry is one by which servers know each other.
type registry struct {
	Registry string  `json:"registry" doc:"its address, without user and password"`
	Away     *string `json:"away" doc:"since when it cannot be reached, and nodes are as they were; null if it can"`
	Error    *string `json:"error" doc:"why it cannot"`
}

// nodes answers which servers there are. Nobody is asked for that, so that it takes no time also while a registry is away.
func (a *API) nodes(c *call) any {
	switch {
	case c.id != "":
		return status(http.StatusNotFound)
	case c.method != http.MethodGet:
		return status(http.StatusMethodNotAllowed)
	}
	var all Cluster
	if a.o.Cluster != nil {
		all = a.o.Cluster()
	}
	answer := nodesAnswer{a.head(), []node{}, []registry{}}
	now := time.Now()
	for i := range all.Nodes {
		answer.Nodes = append(answer.Nodes, describeNode(&all.Nodes[i], c.host, now))
	}
	for _, r := range all.Registries {
		out := registry{Registry: r.Address, Away: when(r.Away)}
		if r.Cause != nil {
			out.Error = known(r.Cause.Error())
		}
		answer.Registries = append(answer.Registries, out)
	}
	return answer
}

// describeNode describes a server; foundAt is where the asker has found this one.
func describeNode(n *Node, foundAt string, now time.Time) node {
	host := n.Host
	if host == "" && n.Self {
		host = foundAt
	}
	out := node{
		ID: n.ID, Self: n.Self, Registry: known(n.Registry), RTMP: endpointOf(host, n.RTMP), HTTP: endpointOf(host, n.HTTP), API: endpointOf(host, n.API),
		Load: decimal(n.Load), Clients: n.Clients, Streams: n.Streams, Claims: n.Claims, Draining: n.Draining,
	}
	if !n.Told.IsZero() {
		age := max(0, now.Sub(n.Told).Milliseconds())
		out.Age = &age
	}
	if !n.Until.IsZero() {
		left := max(0, n.Until.Sub(now).Milliseconds())
		out.Lease = &left
	}
	return out
}

// endpointOf is host:port; nil without one of them.
func endpointOf(host string, port int) *string {
	if host == "" || port == 0 {
		return nil
	}
	at := net.JoinHostPort(host, strconv.Itoa(port))
	return &at
}
