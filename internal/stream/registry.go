package stream

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"weir/internal/media"
)

// Registry is the single door to all streams.
type Registry struct {
	// Set at construction.
	settings func(vhost string) Settings
	gates    []Gate
	route    Route
	supply   *Supply
	outputs  []Standing
	witness  []Witness
	measures func() bool
	log      *slog.Logger

	telling  sync.Mutex // held while the witnesses are told; taken before mu
	mu       sync.Mutex // taken before any Stream.mu, and that before any Publisher.mu
	streams  map[key]*Stream
	vhosts   map[string]*vhost
	sessions map[string]*session
	entries  roll[*entry]   // the streams in the order of their ids
	roll     roll[*session] // the sessions in the order of theirs
	total    totals         // of sessions that have ended
	missed   uint64         // frames that these had lost
	rate     rate
	served   uint64
	firsts   firstFrames
	news     []Event        // of which the witnesses have not heard yet
	moving   bool           // clients are asked to go elsewhere
	retiring bool           // nobody may publish any more
	closed   bool           // waits for lost publishers no more, and starts no standing outputs
	standing sync.WaitGroup // of their runs; counts up under mu
}

// Options set up a Registry.
type Options struct {
	Settings  func(vhost string) Settings // the rules in force; nil is the zero Settings
	Gates     []Gate                      // asked in order; the first that does not allow decides
	Route     Route                       // nil keeps every stream here
	Supply    *Supply                     // nil brings none
	Standing  []Standing                  // the outputs that are always on
	Witnesses []Witness                   // told of all events, in this order
	Measures  func() bool                 // bit rates are sampled; nil is always
	Log       *slog.Logger                // nil says nothing
}

// NewRegistry returns an empty registry.
func NewRegistry(o Options) *Registry {
	if o.Settings == nil {
		o.Settings = func(string) Settings { return Settings{} }
	}
	if o.Measures == nil {
		o.Measures = func() bool { return true }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Registry{
		settings: o.Settings, gates: o.Gates, route: o.Route, supply: o.Supply, outputs: o.Standing, witness: o.Witnesses,
		measures: o.Measures, log: o.Log,
		streams:  map[key]*Stream{},
		vhosts:   map[string]*vhost{},
		sessions: map[string]*session{},
	}
}

// Publish asks the gates and gives the right to write to the stream that r names. Whoever of
// several comes first through the gates has it; the others get ErrBusy, unless the virtual
// host's rules let a newcomer take over. Readers do not hear of a takeover, nor of a publisher who
// comes while a lost one is waited for: they see a splice. Gate errors come as they are.
func (g *Registry) Publish(ctx context.Context, r *Request) (*Publisher, error) {
	defer g.tell()
	if g.retired() {
		return nil, ErrEnding
	}
	defer g.release(g.reserve(r))
	if err := g.ask(ctx, Publish, r); err != nil {
		return nil, err
	}
	p, before, err := g.place(ctx, r)
	if err != nil {
		if ctx.Err() == nil {
			g.refused(Publish, r, err)
		}
		return nil, err
	}
	if h := before.hold; h != nil {
		g.returned(p, h)
	}
	if old := before.publisher; old != nil {
		g.log.Info("publisher takes over", "cid", r.ID, "stream", p.stream.url, "before", old.request.ID)
		if old.request.Kick != nil {
			old.request.Kick(ErrReplaced)
		}
	}
	return p, nil
}

// Subscribe asks the gates and gives a position in the stream that r names: at its newest key
// frame where that is cached, else at its end. The stream need not be published yet.
func (g *Registry) Subscribe(ctx context.Context, r *Request) (*Subscriber, error) {
	defer g.tell()
	defer g.release(g.reserve(r))
	if err := g.ask(ctx, Play, r); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stream(r)
	sub := s.subscribe(r, r.Indirect)
	sub.close = sync.OnceFunc(func() {
		g.leave(sub)
		g.tell()
	})
	sub.listed = true
	g.enter(&session{request: r, stream: s, subscriber: sub})
	g.note(Event{What: Played, Request: r, StreamID: s.ID})
	s.mu.Lock()
	defer s.mu.Unlock()
	g.want(s, r, 1)
	return sub, nil
}

// place is who had a publisher's place before it: nobody, one who was replaced, or one who was
// lost.
type place struct {
	publisher *Publisher
	hold      *hold
}

// place gives a publisher its place, and the stream its way to elsewhere.
func (g *Registry) place(ctx context.Context, r *Request) (p *Publisher, before place, err error) {
	for {
		to, underway, err := g.routed(ctx, r)
		if err != nil {
			return nil, place{}, err
		}
		if p, before, err = g.commit(r, to, underway); err == nil {
			return p, before, nil
		}
		if to != nil {
			to.Close()
		}
		if !errors.Is(err, errRouted) {
			return nil, place{}, err
		}
	}
}

// commit decides between racing publishers. It is errRouted if the stream's way is underway no more.
func (g *Registry) commit(r *Request, to Onward, underway bool) (p *Publisher, before place, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stream(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	before = place{s.publisher, s.hold}
	if old := before.publisher; old != nil {
		if !old.request.Supplied && (r.Yields || !s.settings().Takeover) || old.request.Supplied && r.Supplied {
			return nil, place{}, ErrBusy
		}
	}
	if before.hold != nil && r.Supplied && !before.hold.request.Supplied {
		return nil, place{}, ErrBusy
	}
	if underway && !s.way.on(s) {
		return nil, place{}, errRouted
	}
	if old := before.publisher; old != nil {
		old.stop(ErrReplaced)
		g.noteEnd(old, ErrReplaced)
	}
	p = &Publisher{
		request: r, stream: s, started: time.Now(),
		feedback: make(chan struct{}, 1),
	}
	s.begin(p)
	g.lead(s, p, to)
	g.stand(s)
	g.enter(&session{request: r, stream: s, publisher: p})
	g.note(Event{What: Published, Request: r, StreamID: s.ID})
	g.attend(s)
	return p, before, nil
}

// stream finds or makes the stream that r names; g.mu is held.
func (g *Registry) stream(r *Request) *Stream {
	k := r.key()
	if s := g.streams[k]; s != nil {
		return s
	}
	v := g.vhost(k.vhost)
	s := &Stream{
		ID: g.newStreamID(), VhostID: v.id, registry: g, key: k, url: r.URL(),
		main: -1, request: r, lonely: time.Now(),
		readers: map[*Subscriber]struct{}{},
		derived: map[any]*derived{},
	}
	g.list(s, v)
	return s
}

// unpublish ends a publication for a cause, nil if its client wants it. If it was lost, it may come
// back.
func (g *Registry) unpublish(p *Publisher, cause error, lost bool) {
	defer g.tell()
	p.stop(ErrClosed)
	if limit := g.vacate(p, cause, lost); limit > 0 {
		g.lost(p, limit, cause)
	}
}

// vacate takes a publisher out of its place, if it still has it, and returns for how long its
// readers wait for the next.
func (g *Registry) vacate(p *Publisher, cause error, lost bool) (limit time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.noteEnd(p, cause)
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publisher == p {
		if limit = g.keep(s, p, lost); limit == 0 {
			s.end()
			g.attend(s)
		}
	}
	g.retire(s, p.request)
	return limit
}

// leave ends a subscription.
func (g *Registry) leave(r *Subscriber) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsubscribe(r)
	close(r.done)
	g.noteStop(r)
	if r.listed {
		g.missed, s.missed = g.missed+r.lost, s.missed+r.lost
		g.want(s, r.request, -1)
	}
	g.retire(s, r.request)
}

// retire forgets a session, and its stream with the last one; both locks are held.
func (g *Registry) retire(s *Stream, r *Request) {
	if t := r.Traffic; t != nil {
		news, v := t.news(), g.vhost(s.key.vhost)
		t.counted = t.counted.plus(news)
		g.total, v.past, s.past = g.total.plus(news), v.past.plus(news), s.past.plus(news)
	}
	if x := g.sessions[r.ID]; x != nil && x.request == r {
		g.exit(x)
	}
	g.bury(s)
}

// bury forgets a stream that has neither publisher nor readers and waits for nobody; both locks
// are held.
func (g *Registry) bury(s *Stream) {
	if !s.live() && len(s.readers) == 0 && s.asked == 0 && s.supply == nil && g.streams[s.key] == s {
		g.unlist(s)
	}
}

// Kick ends the session with that id, publisher or reader, for the reason given; a publisher's
// name is free when it returns. The id of a publisher that was lost ends the waiting for it. It
// returns ErrNoSession if there is none, or none that can be ended.
func (g *Registry) Kick(id string, cause error) error {
	defer g.tell()
	g.mu.Lock()
	x := g.sessions[id]
	if x == nil {
		s, h := g.dropOf(id)
		g.mu.Unlock()
		if h == nil {
			return ErrNoSession
		}
		g.gaveUp(s, h, cause)
		return nil
	}
	switch {
	case x.request.Kick == nil:
	case x.publisher != nil:
		x.stream.oust(x.publisher, cause)
		g.noteEnd(x.publisher, cause)
	default:
		x.subscriber.why(cause)
	}
	g.mu.Unlock()
	if x.request.Kick == nil {
		return ErrNoSession
	}
	x.request.Kick(cause)
	return nil
}

// oust takes p out of its place before its session ends, and reports whether it had it; g.mu is
// held.
func (s *Stream) oust(p *Publisher, cause error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.stop(cause)
	if s.publisher != p {
		return false
	}
	s.end()
	s.registry.attend(s)
	return true
}

// begin puts p in place, behind a publisher that has ended, was lost or is replaced; g.mu and
// s.mu are held.
func (s *Stream) begin(p *Publisher) {
	if s.hold != nil {
		s.hold.timer.Stop()
		s.hold = nil
	}
	if s.lane != nil {
		s.lane.end()
	}
	s.drain() // of one who is replaced
	s.publisher, s.request = p, p.request
	s.sorter = sorter{}
	s.epoch++
	s.clock = media.Clock{Start: s.clock.End()}
	s.layout, s.main = nil, -1
	s.audios = 0
	s.health = health{}
	if s.viewers == 0 {
		s.lonely = time.Now()
	}
}

// end takes the publisher out of its place: readers drain what is left, nobody starts there any more.
func (s *Stream) end() {
	s.drain()
	s.publisher = nil
	s.ended++
	s.lastEnd = s.frames.next
	s.cached = false
	s.trim()
	s.rouse()
	if s.lane != nil {
		s.lane.end()
	}
}

// subscribe adds a reader; an idle one holds no frames until it reads.
func (s *Stream) subscribe(r *Request, idle bool) *Subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.admit(r, idle)
	sub.timed = s.publisher != nil && s.health.count > 0 && !idle
	return sub
}

// admit is subscribe with s.mu held.
func (s *Stream) admit(r *Request, idle bool) *Subscriber {
	sub := &Subscriber{
		request: r, stream: s, started: time.Now(), done: make(chan struct{}),
		pos: s.join(), ended: s.ended, idle: idle,
	}
	s.readers[sub] = struct{}{}
	if r.Viewer {
		s.viewers++
	}
	if p := s.publisher; p != nil && !s.cached && !r.Asks {
		p.ask(Feedback{Key: true})
	}
	return sub
}

func (s *Stream) unsubscribe(r *Subscriber) {
	r.lost = r.missed()
	r.closed = true
	delete(s.readers, r)
	s.call()
	s.reads(r, false)
	if r.request.Viewer {
		if s.viewers--; s.viewers == 0 {
			s.lonely = time.Now()
		}
	}
	if len(s.readers) == 0 || s.publisher == nil && r.pos < s.frames.next {
		s.trim()
	}
}

// reads notes whether r reads frames, which is when a lane makes them.
func (s *Stream) reads(r *Subscriber, on bool) {
	if r.reads == on {
		return
	}
	r.reads = on
	if s.reading--; on {
		s.reading += 2
	}
	if !r.calm {
		s.hurry(on)
	}
	if s.lane != nil {
		s.lane.attend()
	}
}
