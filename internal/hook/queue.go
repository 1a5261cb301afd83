package hook

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"weir/internal/stream"
)

const (
	lineLength = 1000   // events that wait in one stream's queue
	allLength  = 50_000 // events that wait in all of them
	settleWait = 2 * time.Second
	firstRest  = 250 * time.Millisecond
	longRest   = 10 * time.Second
)

// lane names the queue of a stream.
type lane struct{ vhost, app, stream string }

func laneOf(r *stream.Request) lane { return lane{r.Vhost, r.App, r.Stream} }

// line is the queue of a stream: its events go out in their order, one at a time, by a goroutine that
// ends when there are no more.
type line struct {
	// Guarded by Hooks.mu.
	events []*event
	full   bool // it has been logged
}

// event is what a receiver is to be told.
type event struct {
	call
	fetch bool // it is an address to be fetched, and no body to be sent
	limit int64
	until time.Time     // from when on it is not sent again
	told  chan struct{} // closed when it is told, or given up
}

// inform puts a call into its stream's queue.
func (h *Hooks) inform(at lane, action, client string, urls []string, body []byte) {
	if len(urls) == 0 {
		return
	}
	h.put(at, &event{call: call{action: action, client: client, urls: urls, body: body, id: newEventID()}})
}

// put appends to a stream's queue; where that is full, the event is lost.
func (h *Hooks) put(at lane, e *event) {
	rules := h.rules(at.vhost)
	if rules == nil {
		return
	}
	e.until, e.told = time.Now().Add(rules.Retry), make(chan struct{})
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lines[at]
	if h.waiting >= allLength || l != nil && len(l.events) >= lineLength {
		h.meters.dropped.Add(1)
		if l == nil || !l.full {
			h.o.Log.Error("callbacks wait in a queue that is full: events are lost",
				"cid", e.client, "action", e.action, "stream", at.app+"/"+at.stream, "waiting", h.waiting)
		}
		if l != nil {
			l.full = true
		}
		return
	}
	h.waiting++
	if l != nil {
		l.events = append(l.events, e)
		return
	}
	l = &line{events: []*event{e}}
	h.lines[at] = l
	go h.work(at, l)
}

// settle waits until a stream's last end is told, before a new publisher is asked about: a receiver
// that hears of them the other way round takes the stream for dead.
func (h *Hooks) settle(ctx context.Context, at lane) {
	told := h.lastEnd(at)
	if told == nil {
		return
	}
	late := time.NewTimer(settleWait)
	defer late.Stop()
	select {
	case <-told:
	case <-late.C:
	case <-ctx.Done():
	}
}

// lastEnd returns what is closed when the end of the last publication is told; nil if it is.
func (h *Hooks) lastEnd(at lane) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.lines[at]
	if l == nil {
		return nil
	}
	for _, e := range slices.Backward(l.events) {
		if e.action == "on_unpublish" {
			return e.told
		}
	}
	return nil
}

// work sends a stream's events until there are none.
func (h *Hooks) work(at lane, l *line) {
	for {
		e := h.first(at, l)
		if e == nil {
			return
		}
		h.deliver(at, e)
		close(e.told)
		h.mu.Lock()
		l.events = l.events[1:]
		l.full = l.full && len(l.events) > lineLength/2
		h.waiting--
		h.mu.Unlock()
	}
}

// first returns the event whose turn it is; the line ends where there is none.
func (h *Hooks) first(at lane, l *line) *event {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(l.events) > 0 {
		return l.events[0]
	}
	delete(h.lines, at)
	if len(h.lines) == 0 && h.idle != nil {
		close(h.idle)
		h.idle = nil
	}
	return nil
}

// deliver tells all receivers of an event, until each has answered or it is too old.
func (h *Hooks) deliver(at lane, e *event) {
	for _, url := range e.urls {
		for rest := firstRest; ; rest = min(2*rest, longRest) {
			rules := h.rules(at.vhost)
			if rules == nil {
				return // callbacks were switched off
			}
			e.timeout, e.secret = rules.Timeout, rules.Secret
			err := h.send(e, url)
			if answered(err) {
				if err != nil {
					h.o.Log.Warn("callback was answered with no, which changes nothing",
						"cid", e.client, "action", e.action, "url", bare(url), "cause", err)
				}
				break
			}
			pause := rest/2 + rand.N(rest/2) // not all at once
			if h.stopping.Err() != nil || time.Until(e.until) < pause {
				h.meters.failed.Add(1)
				h.o.Log.Error("callback given up: nobody answers",
					"cid", e.client, "action", e.action, "url", bare(url), "event", e.id, "cause", err)
				break
			}
			h.meters.retried.Add(1)
			h.sleep(pause)
		}
	}
}

func (h *Hooks) send(e *event, url string) error {
	if e.fetch {
		return h.fetch(h.stopping, e, url)
	}
	return h.post(h.stopping, &e.call, url)
}

// sleep waits, unless deliveries are given up.
func (h *Hooks) sleep(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-h.stopping.Done():
	}
}
