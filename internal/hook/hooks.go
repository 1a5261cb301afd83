package hook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
)

// Options set up Hooks.
type Options struct {
	Config    func() *config.Config // the configuration in force
	Server    string                // the server's id, the same at every start
	Service   string                // this start's id
	Agent     string                // the User-Agent header
	Transport http.RoundTripper     // nil is one of our own
	Log       *slog.Logger          // nil: slog.Default()
}

// Hooks make the callbacks. They are a stream.Gate; Witness and Segment tell them what to inform of.
type Hooks struct {
	// Set at construction.
	o      Options
	client *http.Client
	own    *http.Transport // nil where the transport is somebody else's
	meters meters

	mu       sync.Mutex // guards what follows
	lines    map[lane]*line
	places   map[string]lane // of connections: the stream that each was with last
	waiting  int             // events of all lines
	full     bool            // it has been logged that there are too many
	stopping context.Context // ends when deliveries are given up
	giveUp   context.CancelFunc
	idle     chan struct{} // closed when the last line has ended; nil before the stop
}

// New returns callbacks; Run has to be called.
func New(o Options) *Hooks {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	h := &Hooks{o: o, lines: map[lane]*line{}, places: map[string]lane{}}
	h.stopping, h.giveUp = context.WithCancel(context.Background())
	if o.Transport == nil {
		h.own = newTransport()
		o.Transport = h.own
	}
	h.client = newClient(o.Transport)
	return h
}

// stopWait is how long the server's end waits for what is still to be told.
const stopWait = 3 * time.Second

// Run sends until ctx ends, and then what is left for a moment. What comes later than that is lost.
func (h *Hooks) Run(ctx context.Context) error {
	<-ctx.Done()
	h.mu.Lock()
	h.idle = make(chan struct{})
	if len(h.lines) == 0 {
		close(h.idle)
	}
	idle := h.idle
	h.mu.Unlock()
	late := time.AfterFunc(stopWait, h.giveUp)
	defer late.Stop()
	<-idle
	h.giveUp()
	if h.own != nil {
		h.own.CloseIdleConnections()
	}
	return nil
}

// rules returns the callbacks of a vhost, nil where they are off.
func (h *Hooks) rules(vhost string) *config.HTTPHooks {
	v := h.o.Config().Vhost(vhost)
	if v == nil || !v.HTTPHooks.Enabled {
		return nil
	}
	return &v.HTTPHooks
}

// Check asks the business system. It is a stream.Gate.
func (h *Hooks) Check(ctx context.Context, a stream.Ask) error {
	rules := h.rules(a.Request.Vhost)
	if rules == nil {
		return nil
	}
	var action string
	var urls []string
	switch a.Act {
	case stream.Connect:
		action, urls = "on_connect", rules.OnConnect
	case stream.Publish:
		action, urls = "on_publish", rules.OnPublish
	case stream.Play:
		action, urls = "on_play", rules.OnPlay
	}
	if len(urls) == 0 {
		return nil
	}
	if a.Act == stream.Publish {
		h.settle(ctx, laneOf(a.Request))
	}
	return h.ask(ctx, rules, call{
		action: action, client: a.Request.ID, urls: urls, body: h.body(action, a.Request, about{id: a.StreamID}),
	})
}

// ask makes a call that decides.
func (h *Hooks) ask(ctx context.Context, rules *config.HTTPHooks, c call) error {
	c.id, c.secret, c.timeout = newEventID(), rules.Secret, rules.Timeout
	for _, url := range c.urls {
		err := h.post(ctx, &c, url)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if rules.OnError == "allow" && !answered(err) {
			h.o.Log.Warn("callback has no answer; http_hooks { on_error allow; } lets the client in",
				"cid", c.client, "action", c.action, "url", bare(url), "cause", err)
			continue
		}
		return &stream.Denied{Gate: c.action, Reason: err.Error()}
	}
	return nil
}

// Witness informs of what has become of a client. It is a stream.Witness.
func (h *Hooks) Witness(e stream.Event) {
	r, at := e.Request, laneOf(e.Request)
	switch e.What {
	case stream.Connected, stream.Published, stream.Played:
		h.remember(r.ID, at, e.What == stream.Connected)
		return
	case stream.Closed:
		at = h.forget(r.ID, at)
	}
	rules := h.rules(r.Vhost)
	if rules == nil {
		return
	}
	switch e.What {
	case stream.Closed:
		h.inform(at, "on_close", r.ID, rules.OnClose, h.body("on_close", r, about{sent: e.Sent, received: e.Received}))
	case stream.Unpublished:
		h.inform(at, "on_unpublish", r.ID, rules.OnUnpublish, h.body("on_unpublish", r, about{id: e.StreamID}))
	case stream.Stopped:
		h.inform(at, "on_stop", r.ID, rules.OnStop, h.body("on_stop", r, about{id: e.StreamID}))
	}
}

// maxPlaces bounds the connections whose stream is remembered.
const maxPlaces = 100_000

// remember notes which stream a connection is with: its end is told behind what is told of that.
func (h *Hooks) remember(id string, at lane, comes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, connected := h.places[id]; connected || comes && len(h.places) < maxPlaces {
		h.places[id] = at
	}
}

func (h *Hooks) forget(id string, otherwise lane) lane {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, ok := h.places[id]
	if !ok {
		return otherwise
	}
	delete(h.places, id)
	return at
}
