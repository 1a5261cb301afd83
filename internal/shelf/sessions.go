package shelf

import (
	"errors"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"weir/internal/stream"
	"weir/internal/web"
)

const (
	maxID = 64 // bytes of an id
	ownID = 8  // of one that we make
)

// PerConnection is how many sessions there may be for each of max_connections: players come back for every segment.
const PerConnection = 8

// Why sessions end, or do not begin.
var (
	ErrStopped = errors.New("the server stops")
	ErrFull    = errors.New("too many players: see max_connections")
	ErrNothing = errors.New("the stream has not come")
)

// Options set up Sessions.
type Options struct {
	Kind     string                  // of the sessions, in the API and callbacks
	Param    string                  // of addresses, which has the id
	Registry func() *stream.Registry // where they ask
	Limit    func() int              // the connections that there may be
	Log      *slog.Logger
}

// Sessions are those who fetch files of streams.
type Sessions struct {
	o Options

	mu       sync.Mutex // guards what follows
	all      map[string]*Session
	plain    map[string]*Session // by who they are
	stopping bool
}

// NewSessions returns none yet.
func NewSessions(o Options) *Sessions {
	return &Sessions{o: o, all: map[string]*Session{}, plain: map[string]*Session{}}
}

// ID returns the session's id in a query.
func (s *Sessions) ID(query string) string {
	for part := range strings.SplitSeq(query, "&") {
		if id, ok := strings.CutPrefix(part, s.o.Param+"="); ok {
			return id
		}
	}
	return ""
}

// Without returns a query without the session's id, and without what begins with one of the prefixes.
func (s *Sessions) Without(query string, prefixes ...string) string {
	var kept []string
next:
	for part := range strings.SplitSeq(query, "&") {
		if part == "" || strings.HasPrefix(part, s.o.Param+"=") {
			continue
		}
		for _, p := range prefixes {
			if strings.HasPrefix(part, p) {
				continue next
			}
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, "&")
}

// Find returns the session with that id.
func (s *Sessions) Find(id string) (x *Session, ended bool) {
	if id == "" {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return known(s.all[id])
}

// Recall returns the session of a player that does not say which it is: one that plays the stream from the
// same address with the same program and query, and has never told its id.
func (s *Sessions) Recall(r *http.Request, n Name) (x *Session, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return known(s.plain[whois(r, n)])
}

func known(x *Session) (*Session, bool) {
	if x == nil || x.sub == nil && !x.ended {
		return nil, false
	}
	return x, x.ended
}

// Hear notes that a session's player is there, and whether it has told the session's id.
func (s *Sessions) Hear(x *Session, limit time.Duration, told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.seen, x.limit = time.Now(), limit
	if told {
		s.named(x)
	}
}

// named notes that a session's player tells its id; mu is held.
func (s *Sessions) named(x *Session) {
	if x.plain != "" && s.plain[x.plain] == x {
		delete(s.plain, x.plain)
	}
	x.plain = ""
}

// Admit begins a session: the gates are asked. An id that the client brings is its own if nobody has it.
// What is played is called file in the API; the session is over when its player is silent for longer than
// the limit.
func (s *Sessions) Admit(r *http.Request, n Name, file, id string, limit time.Duration, hidden ...string) (*Session, error) {
	registry := s.o.Registry()
	if _, taken := registry.Session(id); taken || !usable(id) {
		id = stream.NewID()
	}
	x := &Session{ID: id, Name: n, Began: time.Now(), seen: time.Now(), limit: limit, plain: whois(r, n)}
	x.Request = s.request(r, n, file, hidden)
	x.Request.ID, x.Request.Viewer, x.Request.Indirect, x.Request.Wait, x.Request.Traffic = id, true, true, true, &stream.Traffic{}
	x.Request.Kick = func(cause error) { s.kick(x, cause) }
	if err := s.reserve(x); err != nil {
		return nil, err
	}
	sub, err := registry.Subscribe(r.Context(), x.Request)
	if err != nil {
		s.forget(x)
		x.refused(r.Context(), err)
		return nil, err
	}
	s.begin(x, sub)
	return x, nil
}

// NewWish is the request for a stream of a player that has no session.
func (s *Sessions) NewWish(r *http.Request, n Name, file string, hidden ...string) *stream.Request {
	q := s.request(r, n, file, hidden)
	q.ID = stream.NewID()
	return q
}

// request is for a stream whose list somebody asks for.
func (s *Sessions) request(r *http.Request, n Name, file string, hidden []string) *stream.Request {
	query := s.Without(r.URL.RawQuery, hidden...)
	if query != "" {
		query = "?" + query
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &stream.Request{
		Kind: s.o.Kind, Remote: web.ClientAddr(r),
		Vhost: n.Vhost, App: n.App, Stream: n.Stream, Name: n.Stream + path.Ext(file), Param: query,
		TCURL: scheme + "://" + web.Host(r) + "/" + n.App, PageURL: r.Referer(), Token: web.Bearer(r),
	}
}

// reserve keeps an id for a session, if there may be one more: another one if it is taken.
func (s *Sessions) reserve(x *Session) error {
	limit := PerConnection * s.o.Limit()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return ErrStopped
	}
	if len(s.all) >= limit {
		return ErrFull
	}
	for s.all[x.ID] != nil {
		x.ID = stream.NewID()
	}
	x.Request.ID = x.ID
	x.log = s.o.Log.With("cid", x.ID)
	s.all[x.ID] = x
	return nil
}

// begin is for a session that has been let in.
func (s *Sessions) begin(x *Session, sub *stream.Subscriber) {
	what := "playing"
	if sub.Layout() == nil {
		what = "playing, once somebody publishes"
	}
	x.log.Info(what, "ip", x.Request.Remote, "stream", x.Request.URL())
	s.mu.Lock()
	x.sub, x.seen = sub, time.Now()
	ended, stopping := x.ended, s.stopping
	s.plain[x.plain] = x
	s.mu.Unlock()
	switch {
	case stopping:
		s.drop(x, sub, ErrStopped)
	case ended:
		x.end(sub, stream.ErrKicked)
	}
}

// kick ends a session whose player is still to hear of it.
func (s *Sessions) kick(x *Session, cause error) {
	s.mu.Lock()
	x.ended = true
	sub := x.sub
	s.mu.Unlock()
	if sub != nil {
		x.end(sub, cause)
	}
}

// Drop ends a session whose player has not been told its id, and forgets it.
func (s *Sessions) Drop(x *Session, cause error) {
	s.mu.Lock()
	sub := x.sub
	s.mu.Unlock()
	s.drop(x, sub, cause)
}

// drop ends a session and forgets it.
func (s *Sessions) drop(x *Session, sub *stream.Subscriber, cause error) {
	s.forget(x)
	x.end(sub, cause)
}

func (s *Sessions) forget(x *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[x.ID] == x { // another one may have the id by now
		delete(s.all, x.ID)
	}
	s.named(x)
}

// Len returns how many there are, those included that the gates are asked for.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// Expire ends the sessions whose players are silent.
func (s *Sessions) Expire(now time.Time) {
	for x, sub := range s.some(func(x *Session) bool { return now.Sub(x.seen) > x.limit }) {
		s.drop(x, sub, nil)
	}
}

// Stop ends all sessions, and lets no other in.
func (s *Sessions) Stop() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	for x, sub := range s.some(func(*Session) bool { return true }) {
		s.drop(x, sub, ErrStopped)
	}
}

// some returns those of the sessions that have been let in.
func (s *Sessions) some(which func(*Session) bool) map[*Session]*stream.Subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found map[*Session]*stream.Subscriber
	for _, x := range s.all {
		if x.sub == nil || !which(x) {
			continue
		}
		if found == nil {
			found = map[*Session]*stream.Subscriber{}
		}
		found[x] = x.sub
	}
	return found
}
