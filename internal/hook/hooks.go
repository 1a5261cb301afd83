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
	Vhost     func(name string) *config.Vhost // its settings in force; nil where it has none
	Server    string                          // the server's id, the same at every start
	Service   string                          // this start's id
	Agent     string                          // the User-Agent header
	Transport http.RoundTripper               // nil is one of our own
	Log       *slog.Logger                    // nil: slog.Default()
}

// Hooks make the callbacks. They are a stream.Gate; Witness and Segment tell them what to inform of.
type Hooks struct {
	// Set at construction.
	o        Options
	asking   *http.Client
	telling  *http.Client // whose calls take no connection from those that clients wait for
	meters   meters
	trouble  trouble
	stop     chan struct{}   // closed when the server stops: nothing is sent again
	stopping context.Context // ends when deliveries are given up
	giveUp   context.CancelFunc
	leaving  sync.WaitGroup // of calls for players who may have left

	mu        sync.Mutex // guards what follows
	lines     map[way]*line
	receivers map[string]*receiver
	places    map[string]lane // of connections: the stream that each was with last
	waiting   int             // events of all lines
	full      bool            // it has been logged that there are too many
	idle      chan struct{}   // closed when the last line has ended; nil before the stop
}

// New returns callbacks; Run has to be called.
func New(o Options) *Hooks {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	h := &Hooks{
		o: o, asking: newClient(o.Transport, maxAsking), telling: newClient(o.Transport, maxTelling),
		trouble: trouble{log: o.Log}, stop: make(chan struct{}),
		lines: map[way]*line{}, receivers: map[string]*receiver{}, places: map[string]lane{},
	}
	h.stopping, h.giveUp = context.WithCancel(context.Background())
	return h
}

// stopWait is how long the server's end waits for what is still to be told.
const stopWait = 3 * time.Second

// Run sends until ctx ends, and then what is left, once, for a moment. It is to be called once; what comes
// after it is lost.
func (h *Hooks) Run(ctx context.Context) error {
	<-ctx.Done()
	close(h.stop)
	late := time.AfterFunc(stopWait, h.giveUp)
	defer late.Stop()
	h.leaving.Wait()
	h.mu.Lock()
	h.idle = make(chan struct{})
	if len(h.lines) == 0 {
		close(h.idle)
	}
	idle := h.idle
	h.mu.Unlock()
	<-idle
	h.giveUp()
	if h.o.Transport == nil {
		h.asking.CloseIdleConnections()
		h.telling.CloseIdleConnections()
	}
	return nil
}

// rules returns the callbacks of a vhost, nil where they are off.
func (h *Hooks) rules(vhost string) *config.HTTPHooks {
	v := h.o.Vhost(vhost)
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
		h.settle(ctx, laneOf(a.Request), urls)
	}
	c := call{action: action, client: a.Request.ID, id: newEventID(), body: h.body(action, a.Request, about{id: a.StreamID})}
	if a.Act == stream.Play {
		return h.askToPlay(ctx, urls, c, a)
	}
	return h.askAll(ctx, a.Request.Vhost, urls, c)
}

// askToPlay makes the calls to their end also where the player leaves meanwhile, for whom nobody waits
// then: who is said yes to is counted by the receiver, and has to be told of again.
func (h *Hooks) askToPlay(ctx context.Context, urls []string, c call, a stream.Ask) error {
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	asked := make(chan error) // nobody takes it once the player has left
	h.leaving.Go(func() {
		defer cancel()
		defer context.AfterFunc(h.stopping, cancel)()
		err := h.askAll(whole, a.Request.Vhost, urls, c)
		select {
		case asked <- err:
		case <-ctx.Done():
			if err == nil {
				h.left(a)
			}
		}
	})
	select {
	case err := <-asked:
		if err == nil && ctx.Err() != nil {
			h.left(a) // at the same moment, and will not play
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// left tells that a player who was let in has not come to play.
func (h *Hooks) left(a stream.Ask) {
	if rules := h.rules(a.Request.Vhost); rules != nil {
		r := a.Request
		h.inform(laneOf(r), "on_stop", r.ID, rules.OnStop, h.body("on_stop", r, about{id: a.StreamID}))
	}
}

// askAll asks one receiver after another, up to the first that refuses.
func (h *Hooks) askAll(ctx context.Context, vhost string, urls []string, c call) error {
	for _, c.url = range urls {
		if err := h.ask(ctx, vhost, &c); err != nil {
			return err
		}
	}
	return nil
}

// ask makes a call that decides.
func (h *Hooks) ask(ctx context.Context, vhost string, c *call) error {
	rules := h.rules(vhost)
	if rules == nil {
		return nil // callbacks were switched off
	}
	c.secret, c.timeout = rules.Secret, rules.Timeout
	err := h.post(ctx, h.asking, c)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	outage := err
	if answered(err) {
		outage = nil // a no is what it is there for
	}
	h.trouble.note(receiverOf(c.url), c.action, c.client, outage)
	switch {
	case err == nil:
		return nil
	case rules.OnError == "allow" && !answered(err):
		h.o.Log.Info("nobody answers, and http_hooks { on_error allow; } lets the client in", "cid", c.client, "action", c.action)
		return nil
	}
	return &stream.Denied{Gate: c.action, Reason: said(err)}
}

// Witness informs of what has become of a client. It is a stream.Witness.
func (h *Hooks) Witness(e stream.Event) {
	r, at := e.Request, laneOf(e.Request)
	if r.Supplied {
		return // it is no client, and nobody was asked about it
	}
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
