package api

import (
	"net/http"
	"time"

	"weir/internal/stream"
)

type contactsAnswer struct {
	head
	Sessions []contact `json:"sessions"`
}

type contactAnswer struct {
	head
	Session contact `json:"session"`
}

// contact is how a WebRTC client is reached, or why it is not.
type contact struct {
	ID       string        `json:"id" doc:"the client's"`
	Type     string        `json:"type"`
	URL      string        `json:"url"`
	IP       string        `json:"ip" doc:"by which it asked"`
	Began    string        `json:"began"`
	Ended    *string       `json:"ended" doc:"null while the session goes on"`
	State    string        `json:"state" doc:"waiting, checking, handshake, connected, failed or ended"`
	Told     []string      `json:"told" doc:"candidates in the answer"`
	Theirs   []string      `json:"theirs" doc:"candidates of the client"`
	Checks   uint64        `json:"checks" doc:"STUN requests of the client that have come"`
	Answered uint64        `json:"answered" doc:"of these, in order"`
	First    *string       `json:"first_check"`
	Last     *string       `json:"last_check"`
	Paths    []contactPath `json:"paths" doc:"where they came from"`
	Selected *string       `json:"selected" doc:"the way that the client has chosen"`
	DTLS     string        `json:"dtls" doc:"new, connecting, connected, closed or failed"`
	Shakes   uint64        `json:"dtls_packets" doc:"of DTLS that have come"`
	Reason   *string       `json:"reason" doc:"why there is no connection"`
	Next     *string       `json:"next" doc:"what to do about it"`
}

// contactPath is where checks came from.
type contactPath struct {
	Protocol string `json:"protocol"`
	From     string `json:"from"`
	Checks   uint64 `json:"checks"`
	Answered uint64 `json:"answered"`
}

// contacts answers how WebRTC clients are reached: all, or the one that is named.
func (a *API) contacts(c *call) any {
	if c.method != http.MethodGet {
		return status(http.StatusMethodNotAllowed)
	}
	var list []stream.Contact
	if a.o.Contacts != nil {
		list = a.o.Contacts()
	}
	if c.id == "" {
		start, count := c.page()
		list = list[min(start, len(list)):]
		answer := contactsAnswer{a.head(), []contact{}}
		for i := range list[:min(count, len(list))] {
			answer.Sessions = append(answer.Sessions, describeContact(&list[i]))
		}
		return answer
	}
	for i := range list {
		if list[i].ID == c.id {
			return contactAnswer{a.head(), describeContact(&list[i])}
		}
	}
	return noClient
}

func describeContact(c *stream.Contact) contact {
	out := contact{
		ID: c.ID, Type: c.Kind, URL: c.URL, Began: stamp(c.Began), Ended: when(c.Ended), State: c.State,
		Told: append([]string{}, c.Told...), Theirs: append([]string{}, c.Theirs...), Checks: c.Checks, Answered: c.Answered,
		First: when(c.First), Last: when(c.Last), Paths: []contactPath{}, Selected: known(c.Selected), DTLS: c.DTLS, Shakes: c.Shakes,
		Reason: known(c.Reason), Next: known(c.Next),
	}
	if c.Remote.IsValid() {
		out.IP = c.Remote.Unmap().String()
	}
	for _, p := range c.Paths {
		out.Paths = append(out.Paths, contactPath{p.Protocol, p.From.String(), p.Checks, p.Answered})
	}
	return out
}

func when(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := stamp(t)
	return &text
}

func known(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// track is how a track of a WebRTC client fares on its way.
type track struct {
	Kind    string  `json:"kind" doc:"video or audio"`
	Codec   string  `json:"codec"`
	Sent    bool    `json:"sent" doc:"to the client; else it comes from there"`
	Packets uint64  `json:"packets"`
	Bytes   uint64  `json:"bytes"`
	Kbps    int     `json:"kbps" doc:"over the last second or so"`
	Lost    uint64  `json:"lost" doc:"packets that did not arrive the first time"`
	Again   uint64  `json:"resent" doc:"packets sent again"`
	Jitter  decimal `json:"jitter_ms"`
	Trip    decimal `json:"rtt_ms" doc:"round trip; 0 is not known"`
	NACKs   uint64  `json:"nacks" doc:"packets that were asked for again"`
	PLIs    uint64  `json:"plis" doc:"key frames that were asked for"`
}

func describeTracks(list []stream.Transit) []track {
	var out []track
	for _, t := range list {
		out = append(out, track{
			Kind: t.Kind.String(), Codec: t.Codec.String(), Sent: t.Sent, Packets: t.Packets, Bytes: t.Bytes, Kbps: kbits(t.Rate), Lost: t.Lost, Again: t.Again,
			Jitter: millis(t.Jitter), Trip: millis(t.Trip), NACKs: t.NACKs, PLIs: t.PLIs,
		})
	}
	return out
}
