package api

import (
	"net/http"

	"weir/internal/stream"
)

type vhostsAnswer struct {
	head
	Vhosts []vhost `json:"vhosts"`
}

type vhostAnswer struct {
	head
	Vhost vhost `json:"vhost"`
}

type vhost struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Enabled bool   `json:"enabled"`
	Clients int    `json:"clients"`
	Streams int    `json:"streams"`
	usage
	HLS hls `json:"hls"`
}

type hls struct {
	Enabled  bool     `json:"enabled"`
	Fragment *decimal `json:"fragment,omitempty"` // seconds
}

// usage is the traffic of a vhost, a stream or a client.
type usage struct {
	Sent     uint64 `json:"send_bytes"`
	Received uint64 `json:"recv_bytes"`
	Kbps     kbps   `json:"kbps"`
}

type kbps struct {
	Received int `json:"recv_30s"`
	Sent     int `json:"send_30s"`
}

func usageOf(u stream.Usage) usage {
	return usage{u.Sent, u.Received, kbps{u.ReceivedKbps, u.SentKbps}}
}

func (a *API) vhosts(c *call) any {
	one, known := a.o.Registry.Vhost(c.id)
	switch {
	case c.id != "" && !known:
		return noVhost
	case c.method != http.MethodGet:
		return status(http.StatusMethodNotAllowed)
	case c.id != "":
		return vhostAnswer{a.head(), a.vhost(one)}
	}
	list := a.o.Registry.Vhosts()
	answer := vhostsAnswer{a.head(), make([]vhost, len(list))}
	for i, v := range list {
		answer.Vhosts[i] = a.vhost(v)
	}
	return answer
}

func (a *API) vhost(v stream.VhostInfo) vhost {
	out := vhost{
		ID: v.ID, Name: v.Name, Enabled: a.o.VhostEnabled == nil || a.o.VhostEnabled(v.Name),
		Clients: v.Clients, Streams: v.Streams, usage: usageOf(v.Usage),
	}
	if a.o.HLS == nil {
		return out
	}
	if on, fragment := a.o.HLS(v.Name); on {
		seconds := decimal(fragment.Seconds())
		out.HLS = hls{true, &seconds}
	}
	return out
}
