package api

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"weir/internal/stream"
)

type clientsAnswer struct {
	head
	Clients []client `json:"clients"`
}

type clientAnswer struct {
	head
	Client clientDetail `json:"client"`
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
	one, known := a.o.Registry.Session(c.id)
	switch {
	case c.id != "" && !known && c.method != http.MethodDelete:
		return noClient
	case c.method == http.MethodDelete:
		return a.kick(c.id, one.Request)
	case c.method != http.MethodGet:
		return status(http.StatusMethodNotAllowed)
	case c.id != "":
		return clientAnswer{a.head(), clientDetail{describeClient(one), a.describeClientHealth(&one)}}
	}
	list := a.o.Registry.SessionPage(c.page())
	answer := clientsAnswer{a.head(), make([]client, len(list))}
	for i, s := range list {
		answer.Clients[i] = describeClient(s)
	}
	return answer
}

// kick ends the session that the client named, whose request is r; the id of a publisher that was
// lost has none, and ends the waiting for it.
func (a *API) kick(id string, r *stream.Request) any {
	switch {
	case id == "":
		return noClient
	case r != nil && r.Kick == nil:
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
		PageURL: stream.Veil(r.PageURL), SWFURL: stream.Veil(r.SWFURL), TCURL: stream.Veil(r.TCURL), URL: r.URL(),
		Name: cmp.Or(r.Name, r.Stream), Type: r.Kind, Publish: s.Publish,
		Alive: decimal(time.Since(s.Started).Seconds()), usage: usageOf(s.Usage),
	}
	if r.Remote.IsValid() {
		out.IP = r.Remote.Unmap().String()
	}
	return out
}
