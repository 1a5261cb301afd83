package hls

import (
	"context"
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
	ctxName     = "hls_ctx"
	maxCtx      = 64 // bytes of an id
	ownCtx      = 8  // of one that we make
	sessionsPer = 8  // sessions for each of max_connections: players come back for every segment
)

// Why sessions end.
var (
	errStopped = errors.New("the server stops")
	errFull    = errors.New("too many players: see max_connections")
)

// session is one player: what it asks for carries the session's id.
type session struct {
	// Set at construction.
	id      string
	output  *output
	request *stream.Request
	log     *slog.Logger
	began   time.Time
	once    sync.Once

	// Guarded by Server.mu.
	sub   *stream.Subscriber // nil while the gates are asked
	seen  time.Time          // when it asked for its playlist
	limit time.Duration      // after which it is over
	ended bool               // by somebody else than the player, who is still to hear of it
}

// end is the end of the session, for whoever comes first.
func (x *session) end(sub *stream.Subscriber, cause error) {
	x.once.Do(func() {
		sub.End(cause)
		args := []any{
			"ip", x.request.Remote, "stream", x.request.URL(), "time", time.Since(x.began).Round(time.Millisecond),
			"sent", x.request.Traffic.Sent.Load(),
		}
		if cause == nil {
			x.log.Info("play ended: client left", args...)
			return
		}
		x.log.Info("play ended", append(args, "cause", cause)...)
	})
}

// refused logs the end of a session that was not let in, or whose player has not waited for that.
func (x *session) refused(ctx context.Context, cause error) {
	args := []any{"ip", x.request.Remote, "stream", x.request.URL(), "time", time.Since(x.began).Round(time.Millisecond)}
	if ctx.Err() != nil {
		x.log.Info("play ended: client left", args...)
		return
	}
	x.log.Warn("play refused", append(args, "cause", cause)...)
}

// ctxOf returns the session's id in a query.
func ctxOf(query string) string {
	for part := range strings.SplitSeq(query, "&") {
		if id, ok := strings.CutPrefix(part, ctxName+"="); ok {
			return id
		}
	}
	return ""
}

// without returns a query without the session's id.
func without(query string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		if part != "" && !strings.HasPrefix(part, ctxName+"=") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// ours reports whether an id looks like one that a server of this kind has given.
func ours(id string) bool {
	return len(id) == ownCtx && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// usable reports whether an id that a client brings can be its session's.
func usable(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return id != "" && len(id) <= maxCtx && strings.Trim(id, letters) == ""
}

// session returns the session with that id.
func (s *Server) session(id string) (x *session, ended bool) {
	if id == "" {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	x = s.sessions[id]
	if x == nil || x.sub == nil && !x.ended {
		return nil, false
	}
	return x, x.ended
}

// hear notes that a session's player is there.
func (s *Server) hear(x *session, limit time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.seen, x.limit = time.Now(), limit
}

// admit begins a session: the gates are asked. An id that the client brings is its own if nobody
// has it.
func (s *Server) admit(r *http.Request, o *output, id string) (*session, error) {
	registry := s.o.Registry()
	if _, taken := registry.Session(id); taken || !usable(id) {
		id = stream.NewID()
	}
	query := without(r.URL.RawQuery)
	if query != "" {
		query = "?" + query
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	x := &session{id: id, output: o, began: time.Now(), seen: time.Now()}
	x.request = &stream.Request{
		ID: id, Kind: "hls-play", Remote: web.ClientAddr(r),
		Vhost: o.name.vhost, App: o.name.app, Stream: o.name.stream, Name: o.name.stream + path.Ext(o.file), Param: query,
		TCURL: scheme + "://" + web.Host(r) + "/" + o.name.app, PageURL: r.Referer(), Token: web.Bearer(r),
		Viewer: true, Indirect: true, Wait: true, Traffic: &stream.Traffic{},
		Kick: func(cause error) { s.kick(x, cause) },
	}
	x.limit = idleFor(s.rules(o))
	if err := s.reserve(x); err != nil {
		return nil, err
	}
	sub, err := registry.Subscribe(r.Context(), x.request)
	if err != nil {
		s.mu.Lock()
		delete(s.sessions, x.id)
		s.mu.Unlock()
		x.refused(r.Context(), err)
		return nil, err
	}
	s.begin(x, sub)
	return x, nil
}

// reserve keeps an id for a session, if there may be one more: another one if it is taken.
func (s *Server) reserve(x *session) error {
	limit := sessionsPer * s.o.Config().MaxConnections
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return errStopped
	}
	if len(s.sessions) >= limit {
		return errFull
	}
	for s.sessions[x.id] != nil {
		x.id = stream.NewID()
	}
	x.request.ID = x.id
	x.log = s.o.Log.With("cid", x.id)
	s.sessions[x.id] = x
	return nil
}

// begin is for a session that has been let in.
func (s *Server) begin(x *session, sub *stream.Subscriber) {
	what := "playing"
	if sub.Layout() == nil {
		what = "playing, once somebody publishes"
	}
	x.log.Info(what, "ip", x.request.Remote, "stream", x.request.URL())
	s.mu.Lock()
	x.sub, x.seen = sub, time.Now()
	ended, stopping := x.ended, s.stopping
	s.mu.Unlock()
	switch {
	case stopping:
		s.drop(x, sub, errStopped)
	case ended:
		x.end(sub, stream.ErrKicked)
	}
}

// kick ends a session whose player is still to hear of it.
func (s *Server) kick(x *session, cause error) {
	s.mu.Lock()
	x.ended = true
	sub := x.sub
	s.mu.Unlock()
	if sub != nil {
		x.end(sub, cause)
	}
}

// drop ends a session and forgets it.
func (s *Server) drop(x *session, sub *stream.Subscriber, cause error) {
	s.mu.Lock()
	delete(s.sessions, x.id)
	s.mu.Unlock()
	x.end(sub, cause)
}

// expire ends the sessions whose players are silent.
func (s *Server) expire(now time.Time) {
	for x, sub := range s.some(func(x *session) bool { return now.Sub(x.seen) > x.limit }) {
		s.drop(x, sub, nil)
	}
}

// endAll ends all sessions.
func (s *Server) endAll(cause error) {
	for x, sub := range s.some(func(*session) bool { return true }) {
		s.drop(x, sub, cause)
	}
}

// some returns those of the sessions that have been let in.
func (s *Server) some(which func(*session) bool) map[*session]*stream.Subscriber {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found map[*session]*stream.Subscriber
	for _, x := range s.sessions {
		if x.sub == nil || !which(x) {
			continue
		}
		if found == nil {
			found = map[*session]*stream.Subscriber{}
		}
		found[x] = x.sub
	}
	return found
}
