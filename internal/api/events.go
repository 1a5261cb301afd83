package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"weir/internal/stream"
)

const (
	eventBatch = 100              // events of one write
	eventAlive = 15 * time.Second // of silence, after which a listener is sent a comment
	eventWrite = 10 * time.Second // one write
	eventRetry = 2 * time.Second  // after which a listener that was cut off comes back
)

// flow is an answer that writes itself.
type flow func(w http.ResponseWriter, r *http.Request)

// refusal is an answer that says in words what was wrong with the question.
type refusal struct {
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"`
}

type eventsAnswer struct {
	head
	Events []json.RawMessage `json:"events"`
	Last   string            `json:"last"` // id of the newest event there is, for since; empty without
}

// eventQuery is what a client wants to hear.
type eventQuery struct {
	list  bool
	since string        // id of the last event that it has had; empty: it has had all
	whats []stream.What // none is all
}

// parseEventQuery reads a query. An error says what is wrong with it.
func parseEventQuery(raw string) (q eventQuery, err error) {
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		if value, err = url.QueryUnescape(value); err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
		switch name {
		case "list":
			q.list = true
		case "since":
			q.since = value
		case "what":
			if q.whats, err = parseWhats(value); err != nil {
				return q, err
			}
		}
	}
	return q, nil
}

func parseWhats(list string) (whats []stream.What, err error) {
	for name := range strings.SplitSeq(list, ",") {
		what := stream.What(strings.TrimSpace(name))
		if !slices.Contains(kinds(), what) {
			return nil, fmt.Errorf("what: there are no events %q, but these: %v", name, kinds())
		}
		whats = append(whats, what)
	}
	return whats, nil
}

// kinds are the kinds of events.
func kinds() []stream.What {
	return []stream.What{
		stream.Connected, stream.Closed, stream.Published, stream.Unpublished, stream.Played, stream.Stopped,
		stream.Refused, stream.Slow, stream.Silent, stream.ForwardBegun, stream.ForwardEnded, stream.ForwardFailed, reload,
	}
}

// wants reports whether an event is asked for.
func (q *eventQuery) wants(e *heldEvent) bool {
	return len(q.whats) == 0 || slices.Contains(q.whats, e.what)
}

// eventsOf answers with a list of events, or with a stream of them.
func (a *API) eventsOf(c *call) any {
	if c.method != http.MethodGet {
		return status(http.StatusMethodNotAllowed)
	}
	q, err := parseEventQuery(c.rawQuery)
	if err != nil {
		return refusal{http.StatusBadRequest, err.Error()}
	}
	return flow(func(w http.ResponseWriter, r *http.Request) {
		flows := !q.list && c.callback == "" && acceptsEvents(r.Header)
		if id := r.Header.Get("Last-Event-ID"); flows && id != "" {
			q.since = id // it is later than the address
		}
		pos, ok := a.events.last(), true
		switch {
		case q.since != "":
			pos, ok = a.events.position(q.since)
		case !flows:
			pos = 0
		}
		switch {
		case !ok:
			writeJSON(w, c.callback, refusal{http.StatusBadRequest, fmt.Sprintf("since: %q is not an event's id", q.since)})
		case flows:
			a.streamEvents(w, r, &q, pos)
		default:
			writeJSON(w, c.callback, a.listEvents(&q, pos))
		}
	})
}

// acceptsEvents reports whether a client asks for a stream of events by name.
func acceptsEvents(h http.Header) bool {
	for _, line := range h.Values("Accept") {
		for kind := range strings.SplitSeq(line, ",") {
			kind, _, _ = strings.Cut(kind, ";")
			if strings.EqualFold(strings.TrimSpace(kind), "text/event-stream") {
				return true
			}
		}
	}
	return false
}

func (a *API) listEvents(q *eventQuery, pos uint64) eventsAnswer {
	events, _, _, _ := a.events.take(pos, keptEvents)
	answer := eventsAnswer{head: a.head(), Events: []json.RawMessage{}}
	for i := range events {
		answer.Last = events[i].id
		if q.wants(&events[i]) {
			answer.Events = append(answer.Events, events[i].json)
		}
	}
	if answer.Last == "" {
		answer.Last = a.events.id(pos)
	}
	return answer
}

// streamEvents sends events as they come, until the client leaves, the server stops, or the client
// has not taken them for so long that the log has them no more.
func (a *API) streamEvents(w http.ResponseWriter, r *http.Request, q *eventQuery, pos uint64) {
	if !a.events.enter() {
		writeStatus(w, http.StatusServiceUnavailable)
		return
	}
	defer a.events.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy is to pass each on at once
	if r.Method == http.MethodHead {
		return
	}
	out := eventWriter{w: w, control: http.NewResponseController(w)}
	_ = out.control.SetReadDeadline(time.Time{}) // it has said all; without deadlines there is none to lift
	out.printf("retry: %d\n\n", eventRetry.Milliseconds())
	alive := time.NewTicker(eventAlive)
	defer alive.Stop()
	for first := true; out.flush() == nil; first = false {
		events, next, missed, wake := a.events.take(pos, eventBatch)
		if missed > 0 {
			out.lost(missed, first)
			if !first {
				_ = out.flush()
				return
			}
		}
		pos = next
		for i := range events {
			if q.wants(&events[i]) {
				out.event(&events[i])
			}
		}
		if len(events) > 0 {
			continue
		}
		if out.flush() != nil || !out.wait(r, wake, alive.C, a.events.closed) {
			return
		}
	}
}

// eventWriter writes the form of events that browsers read.
//
// Spec: HTML, 9.2.5 Parsing an event stream.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	pending strings.Builder
	err     error
}

func (o *eventWriter) printf(format string, args ...any) { fmt.Fprintf(&o.pending, format, args...) }

func (o *eventWriter) event(e *heldEvent) {
	o.printf("id: %s\nevent: %s\ndata: %s\n\n", e.id, e.what, e.json)
}

// lost tells a listener that it has missed events: one who comes back late, or one who has not read
// and is sent away.
func (o *eventWriter) lost(n uint64, back bool) {
	if back {
		o.printf("event: missed\ndata: {\"missed\":%d,\"cause\":\"the server has kept the newest %d events\"}\n\n", n, keptEvents)
		return
	}
	o.printf("event: dropped\ndata: {\"missed\":%d,\"cause\":\"you have read too slowly\"}\n\n", n)
}

// wait waits for news; it is false when the stream is to end.
func (o *eventWriter) wait(r *http.Request, wake <-chan struct{}, alive <-chan time.Time, closed <-chan struct{}) bool {
	select {
	case <-wake:
		return true
	case <-alive:
		o.printf(": alive\n\n")
		return true
	case <-r.Context().Done():
	case <-closed:
		o.printf(": the server stops\n\n")
		_ = o.flush()
	}
	return false
}

// flush sends what was written. Only writes have a deadline: silence may last.
func (o *eventWriter) flush() error {
	if o.pending.Len() == 0 || o.err != nil {
		return o.err
	}
	_ = o.control.SetWriteDeadline(time.Now().Add(eventWrite)) // where there is none, it goes without
	_, o.err = o.w.Write([]byte(o.pending.String()))
	if o.err == nil {
		o.err = o.control.Flush()
	}
	_ = o.control.SetWriteDeadline(time.Time{})
	o.pending.Reset()
	return o.err
}
