package api

import (
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/internal/stream"
)

const (
	keptEvents   = 1000 // that a listener who comes, or comes back, can have
	maxListeners = 100  // at once
)

// reload is the one event that is no client's.
const reload = stream.What("reload")

// reportedEvent is an event as the API has it.
type reportedEvent struct {
	ID    string      `json:"id"`
	Time  string      `json:"time" doc:"RFC 3339, in UTC"`
	What  stream.What `json:"what" doc:"the kind of event"`
	Cause string      `json:"cause" doc:"in words; empty where the client wanted it, or a reload went well"`
	*reportedSession
	*reportedReload
}

// reportedSession is what has become of a client.
type reportedSession struct {
	Client   string  `json:"client" doc:"its id"`
	IP       string  `json:"ip"`
	Type     string  `json:"type"`
	Stream   string  `json:"stream" doc:"its url, as in the list of clients"`
	StreamID string  `json:"stream_id" doc:"empty where it has none"`
	Act      string  `json:"act" doc:"what was denied: connect, publish or play; empty for all other events"`
	Received uint64  `json:"recv_bytes"`
	Sent     uint64  `json:"send_bytes"`
	Lost     uint64  `json:"lost" doc:"frames"`
	Lasted   decimal `json:"lasted" doc:"seconds"`
	Target   string  `json:"target,omitempty" doc:"where the stream is sent on to; absent where that is not what the event is about"`
}

// reportedReload is what has become of a new configuration.
type reportedReload struct {
	Applied []string `json:"applied" doc:"directives that are in force now"`
	Restart []string `json:"restart" doc:"directives that need a restart"`
}

// heldEvent is an event ready to be sent.
type heldEvent struct {
	id   string
	what stream.What
	json json.RawMessage
}

// eventLog keeps the newest events. Listeners are positions in it.
type eventLog struct {
	service string // set at construction: ids are of one start of the server

	mu        sync.Mutex
	held      [keptEvents]heldEvent
	next      uint64        // number of the next event; the first is 1
	wake      chan struct{} // closed by the next event; nil while nobody waits
	listeners int
	closed    chan struct{} // closed when listeners are to leave
	over      bool
}

func newEventLog(service string) *eventLog {
	return &eventLog{service: service, next: 1, closed: make(chan struct{})}
}

// add numbers an event and keeps it.
func (l *eventLog) add(e reportedEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = l.id(l.next)
	raw, err := json.Marshal(e)
	if err != nil {
		return // no value of it can fail
	}
	l.held[l.next%keptEvents] = heldEvent{id: e.ID, what: e.What, json: raw}
	l.next++
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}

// take returns the events behind a position, count at most, the position behind them, and how many
// the log has not any more. Without events wake is closed by the next.
func (l *eventLog) take(pos uint64, count int) (events []heldEvent, next, missed uint64, wake <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := max(l.next, keptEvents+1) - keptEvents
	next = min(max(pos+1, oldest), l.next)
	missed = next - min(pos+1, next)
	for ; next < l.next && len(events) < count; next++ {
		events = append(events, l.held[next%keptEvents])
	}
	if len(events) == 0 {
		if l.wake == nil {
			l.wake = make(chan struct{})
		}
		wake = l.wake
	}
	return events, next - 1, missed, wake
}

// last returns the position of the newest event.
func (l *eventLog) last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - 1
}

// id returns the id of the event at a position; empty where there is none.
func (l *eventLog) id(pos uint64) string {
	if pos == 0 {
		return ""
	}
	return l.service + "-" + strconv.FormatUint(pos, 10)
}

// enter counts one listener more; it is false if there is no place.
func (l *eventLog) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listeners >= maxListeners || l.over {
		return false
	}
	l.listeners++
	return true
}

func (l *eventLog) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listeners--
}

// close has all listeners leave.
func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.over = true
		close(l.closed)
	}
}

// position returns where in the log an id is. One of another start of the server is before all.
func (l *eventLog) position(id string) (pos uint64, ok bool) {
	service, number := l.service, id
	if i := strings.LastIndexByte(id, '-'); i > 0 {
		service, number = id[:i], id[i+1:]
	}
	pos, err := strconv.ParseUint(number, 10, 63)
	if err != nil {
		return 0, false
	}
	if service != l.service {
		return 0, true
	}
	return min(pos, l.last()), true
}

// Witness is a stream.Witness: what it hears goes to /api/v1/events.
func (a *API) Witness(e stream.Event) {
	r := e.Request
	s := &reportedSession{
		Client: r.ID, Type: r.Kind, Stream: stream.Veil(r.URL()), StreamID: e.StreamID,
		Received: e.Received, Sent: e.Sent, Lost: e.Lost, Lasted: decimal(e.Lasted.Seconds()),
		Target: e.Target,
	}
	if r.Remote.IsValid() {
		s.IP = r.Remote.Unmap().String()
	}
	if e.What == stream.Refused {
		s.Act = e.Act.String()
	}
	cause := words(e.Cause)
	if e.Cause != nil && e.What.Onward() {
		cause = e.Cause.Error() // it is not about the client
	}
	a.events.add(reportedEvent{Time: stamp(e.At), What: e.What, Cause: stream.Veil(cause), reportedSession: s})
}

// Reloaded tells the listeners of /api/v1/events of a new configuration: which of its directives are
// in force now and which need a restart, or why it was not applied.
func (a *API) Reloaded(applied, restart []string, cause error) {
	a.events.add(reportedEvent{
		Time: stamp(time.Now()), What: reload, Cause: stream.Veil(words(cause)),
		reportedReload: &reportedReload{append([]string{}, applied...), append([]string{}, restart...)},
	})
}

// Drain has the listeners of /api/v1/events leave, and no others come: the server is about to stop.
func (a *API) Drain() { a.events.close() }

// stamp writes a time as events have it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
