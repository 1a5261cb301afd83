package api

import (
	"net/http"
	"slices"

	"weir/internal/stream"
)

type forwardsAnswer struct {
	head
	Forwards []forward `json:"forwards"`
}

// forward is how a stream goes to a target.
type forward struct {
	StreamID string  `json:"stream_id"`
	Stream   string  `json:"stream" doc:"its url, as in the list of streams"`
	Target   string  `json:"target" doc:"where to, without what is secret: its stream key, too"`
	State    string  `json:"state" doc:"connecting, sending, waiting for the next attempt, or refused, which waits too"`
	Since    string  `json:"since" doc:"when that state began"`
	Next     *string `json:"next_attempt" doc:"null where none is waited for"`
	Attempts uint64  `json:"attempts" doc:"with the one that goes on"`
	Sent     uint64  `json:"send_bytes" doc:"of all attempts"`
	Frames   uint64  `json:"send_frames" doc:"of all attempts; over SRT and RIST packets, where a publisher's own go there"`
	Lost     uint64  `json:"lost" doc:"frames that were not sent because the target is too slow"`
	Error    *string `json:"last_error" doc:"why the newest attempt that has failed did; null if none has"`
}

// forwards answers where streams are sent on to: all, or the one that is named.
func (a *API) forwards(c *call) any {
	if c.method != http.MethodGet {
		return status(http.StatusMethodNotAllowed)
	}
	var list []stream.Target
	if a.o.Forwards != nil {
		list = a.o.Forwards()
	}
	if c.id != "" {
		if _, known := a.o.Registry.Stream(c.id); !known {
			return noStream
		}
		list = slices.DeleteFunc(list, func(t stream.Target) bool { return t.StreamID != c.id })
	}
	start, count := c.page()
	list = list[min(start, len(list)):]
	answer := forwardsAnswer{a.head(), []forward{}}
	for _, t := range list[:min(count, len(list))] {
		answer.Forwards = append(answer.Forwards, forward{
			StreamID: t.StreamID, Stream: t.Stream, Target: t.URL, State: string(t.State), Since: stamp(t.Since), Next: when(t.Next),
			Attempts: t.Attempts, Sent: t.Sent, Frames: t.Frames, Lost: t.Lost, Error: known(t.LastError),
		})
	}
	return answer
}
