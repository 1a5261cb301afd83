package hook

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"weir/internal/stream"
)

const (
	lineLength = 1000   // events that wait in one queue
	allLength  = 50_000 // events that wait in all of them
	settleWait = 2 * time.Second
	firstRest  = 250 * time.Millisecond
	longRest   = 10 * time.Second
)

// lane names a stream.
type lane struct{ vhost, app, stream string }

func laneOf(r *stream.Request) lane { return lane{r.Vhost, r.App, r.Stream} }

// way names the queue of a stream for one receiver. What is fetched for on_hls_notify, which may take
// long, has one of its own: nothing else waits behind it.
type way struct {
	lane     lane
	receiver string
	fetch    bool
}

// line is such a queue: its events go out in their order, one at a time, by a goroutine that ends when
// there are no more. No receiver waits for another.
type line struct {
	// Guarded by Hooks.mu.
	events []*event
	full   bool // it has been logged
}

// receiver is one server that is told of events. Its slots bound the calls to it, and are not held by who
// waits for the next try.
type receiver struct {
	slots chan struct{}
	lines int // guarded by Hooks.mu
}

// event is what a receiver is to be told.
type event struct {
	call
	fetch bool // it is an address to be fetched, and no body to be sent
	limit int64
	until time.Time     // from when on it is not sent again
	told  chan struct{} // closed when it is told, or given up
}

// inform puts a call into its stream's queues.
func (h *Hooks) inform(at lane, action, client string, urls []string, body []byte) {
	id := newEventID()
	for _, url := range urls {
		h.put(at, &event{call: call{action: action, client: client, url: url, body: body, id: id}})
	}
}

// put appends to a queue; where that is full, the event is lost.
func (h *Hooks) put(at lane, e *event) {
	rules := h.rules(at.vhost)
	if rules == nil {
		return
	}
	e.until, e.told = time.Now().Add(rules.Retry), make(chan struct{})
	w := way{at, receiverOf(e.url), e.fetch}
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lines[w]
	if !h.room(w, l, e) {
		h.meters.dropped.Add(1)
		return
	}
	h.waiting++
	if l != nil {
		l.events = append(l.events, e)
		return
	}
	l = &line{events: []*event{e}}
	h.lines[w] = l
	to := h.receivers[w.receiver]
	if to == nil {
		to = &receiver{slots: make(chan struct{}, maxTelling)}
		h.receivers[w.receiver] = to
	}
	to.lines++
	go h.work(w, l, to)
}

// room reports whether there is room for one more event, and logs the first that is lost.
func (h *Hooks) room(w way, l *line, e *event) bool {
	var full *bool
	switch {
	case l != nil && len(l.events) >= lineLength:
		full = &l.full
	case h.waiting >= allLength:
		full = &h.full
	default:
		return true
	}
	if !*full {
		*full = true
		h.o.Log.Error("callbacks wait in a queue that is full: events are lost",
			"cid", e.client, "action", e.action, "receiver", w.receiver, "waiting", h.waiting)
	}
	return false
}

// settle waits until a stream's last ends are told, before a new publisher is asked about: a receiver
// that hears of them the other way round takes the stream for dead.
func (h *Hooks) settle(ctx context.Context, at lane, urls []string) {
	var late *time.Timer
	for _, told := range h.lastEnds(at, urls) {
		if late == nil {
			late = time.NewTimer(settleWait)
			defer late.Stop()
		}
		select {
		case <-told:
		case <-late.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// lastEnds returns what is closed when the receivers at these addresses have been told of the end of the
// last publication.
func (h *Hooks) lastEnds(at lane, urls []string) (ends []<-chan struct{}) {
	seen := map[way]bool{}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, url := range urls {
		w := way{at, receiverOf(url), false}
		l := h.lines[w]
		if l == nil || seen[w] {
			continue
		}
		seen[w] = true
		for _, e := range slices.Backward(l.events) {
			if e.action == "on_unpublish" {
				ends = append(ends, e.told)
				break
			}
		}
	}
	return ends
}

// work sends a queue's events until there are none.
func (h *Hooks) work(w way, l *line, to *receiver) {
	for {
		e := h.first(w, l, to)
		if e == nil {
			return
		}
		h.deliver(w, e, to)
		close(e.told)
		h.mu.Lock()
		l.events[0] = nil
		l.events = l.events[1:]
		l.full = l.full && len(l.events) > lineLength/2
		h.waiting--
		h.full = h.full && h.waiting > allLength/2
		h.mu.Unlock()
	}
}

// first returns the event whose turn it is; the queue ends where there is none.
func (h *Hooks) first(w way, l *line, to *receiver) *event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(l.events) > 0 {
		return l.events[0]
	}
	delete(h.lines, w)
	if to.lines--; to.lines == 0 {
		delete(h.receivers, w.receiver)
	}
	if len(h.lines) == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
	return nil
}

// deliver tells a receiver of an event, until it has answered or the event is too old.
func (h *Hooks) deliver(w way, e *event, to *receiver) {
	for rest := firstRest; ; rest = min(2*rest, longRest) {
		rules := h.rules(w.lane.vhost)
		if rules == nil {
			return // callbacks were switched off
		}
		e.timeout, e.secret = rules.Timeout, rules.Secret
		err := h.tell(e, to)
		h.trouble.note(w.receiver, e.action, e.client, err)
		if answered(err) {
			return
		}
		pause := rest/2 + rand.N(rest/2) // not all at once
		if time.Until(e.until) < pause || !h.sleep(pause) {
			h.meters.failed.Add(1)
			h.trouble.lose(w.receiver, e, err)
			return
		}
		h.meters.retried.Add(1)
	}
}

// tell makes the call, when it is its turn with the receiver.
func (h *Hooks) tell(e *event, to *receiver) error {
	select {
	case to.slots <- struct{}{}:
		defer func() { <-to.slots }()
	case <-h.stopping.Done():
		return &mute{words: "the server has stopped"}
	}
	if e.fetch {
		return h.fetch(h.stopping, e)
	}
	return h.post(h.stopping, h.telling, &e.call)
}

// sleep waits, until the server stops at most: then there is one last try. It is false if that was it.
func (h *Hooks) sleep(d time.Duration) bool {
	select {
	case <-h.stop:
		return false
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-h.stop:
	}
	return true
}
