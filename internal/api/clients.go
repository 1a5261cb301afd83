package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"time"

	"weir/internal/stream"
)

type clientsAnswer struct {
	head
	Clients []client `json:"clients"`
}

type clientAnswer struct {
	head
	Client client `json:"client"`
}

type client struct {
	ID      string  `json:"id"`
	Vhost   string  `json:"vhost"`  // its id
	Stream  string  `json:"stream"` // its id
	IP      string  `json:"ip"`
	PageURL string  `json:"pageUrl"`
	SWFURL  string  `json:"swfUrl"`
	TCURL   string  `json:"tcUrl"`
	URL     string  `json:"url"`
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	Publish bool    `json:"publish"`
	Alive   decimal `json:"alive"` // seconds
	usage
}

func (a *API) clients(c *call) any {
	list := a.o.Registry.Sessions()
	if c.id != "" {
		list = slices.DeleteFunc(list, func(s stream.SessionInfo) bool { return s.Request.ID != c.id })
	}
	known := c.id != "" && len(list) > 0
	switch {
	case c.id != "" && !known && c.method != http.MethodDelete:
		return noClient
	case c.method == http.MethodDelete:
		return a.kick(c.id, list)
	case c.method != http.MethodGet:
		return status(http.StatusMethodNotAllowed)
	case known:
		return clientAnswer{a.head(), describeClient(list[0])}
	}
	list = page(c, list)
	answer := clientsAnswer{a.head(), make([]client, len(list))}
	for i, s := range list {
		answer.Clients[i] = describeClient(s)
	}
	return answer
}

// kick ends the session that the client named, which is the list's if it is there. The id of a
// publisher that was lost is not, and ends the waiting for it.
func (a *API) kick(id string, list []stream.SessionInfo) any {
	switch {
	case id == "":
		return noClient
	case len(list) > 0 && list[0].Request.Kick == nil:
		return fixed
	}
	err := a.o.Registry.Kick(id, stream.ErrKicked)
	if errors.Is(err, stream.ErrNoSession) {
		return noClient // it may just have left by itself
	}
	return a.head()
}

func describeClient(s stream.SessionInfo) client {
	r := s.Request
	out := client{
		ID: r.ID, Vhost: s.VhostID, Stream: s.StreamID,
		PageURL: r.PageURL, SWFURL: r.SWFURL, TCURL: r.TCURL, URL: r.URL(),
		Name: cmp.Or(r.Name, r.Stream), Type: r.Kind, Publish: s.Publish,
		Alive: decimal(time.Since(s.Started).Seconds()), usage: usageOf(s.Usage),
	}
	if r.Remote.IsValid() {
		out.IP = r.Remote.Unmap().String()
	}
	return out
}
