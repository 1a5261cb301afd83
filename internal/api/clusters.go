package api

import "weir/internal/stream"

type clustersAnswer struct {
	Code int      `json:"code"`
	Data clusters `json:"data"`
}

// clusters answers who has a stream: we, or nobody that we know.
type clusters struct {
	Query  clusterQuery `json:"query"`
	Origin *Origin      `json:"origin"`
}

type clusterQuery struct {
	IP     string `json:"ip"`
	Vhost  string `json:"vhost"`
	App    string `json:"app"`
	Stream string `json:"stream"`
}

// Origin is where a stream is published.
type Origin struct {
	IP      string   `json:"ip"`
	Port    int      `json:"port"`
	Vhost   string   `json:"vhost"`
	API     string   `json:"api"`
	Routers []string `json:"routers"`
}

func (a *API) clusters(c *call) any {
	q := clusterQuery{c.query["ip"], c.query["vhost"], c.query["app"], c.query["stream"]}
	answer := clustersAnswer{Data: clusters{Query: q}}
	vhost := q.Vhost
	if vhost == "" {
		vhost = stream.DefaultVhost
	}
	info, ok := a.o.Registry.Find(vhost, q.App, q.Stream)
	here := ok && info.Live && !info.Supplied
	if a.o.Origin != nil && (here || a.o.Borrows != nil && a.o.Borrows(vhost, q.App, q.Stream)) {
		if o := a.o.Origin(c.query["coworker"]); o != nil {
			o.Vhost = q.Vhost
			answer.Data.Origin = o
		}
	}
	return answer
}
