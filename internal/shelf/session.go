package shelf

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"weir/internal/stream"
	"weir/internal/web"
)

// Session is one player: what it asks for carries the session's id.
type Session struct {
	// Set at construction.
	ID      string
	Name    Name
	Request *stream.Request
	Began   time.Time
	log     *slog.Logger
	once    sync.Once

	// Guarded by Sessions.mu.
	sub   *stream.Subscriber // nil while the gates are asked
	seen  time.Time          // when it asked for its list
	limit time.Duration      // after which it is over
	ended bool               // by somebody else than the player, who is still to hear of it
	plain string             // who it is, for a player that asks without its id; empty: it asks with it
}

// end is the end of the session, for whoever comes first.
func (x *Session) end(sub *stream.Subscriber, cause error) {
	x.once.Do(func() {
		sub.End(cause)
		args := []any{
			"ip", x.Request.Remote, "stream", x.Request.URL(), "time", time.Since(x.Began).Round(time.Millisecond),
			"sent", x.Request.Traffic.Sent.Load(),
		}
		stream.LogEnd(x.log, "play", cause, true, args...)
	})
}

// refused logs the end of a session that was not let in, or whose player has not waited for that.
func (x *Session) refused(ctx context.Context, cause error) {
	args := []any{"ip", x.Request.Remote, "stream", x.Request.URL(), "time", time.Since(x.Began).Round(time.Millisecond)}
	if ctx.Err() != nil {
		x.log.Info("play ended: client left", args...)
		return
	}
	x.log.Warn("play refused", append(args, "cause", cause)...)
}

// Count returns an answer whose bytes count as sent to the session, and what notes them when it is done;
// x may be nil.
func (x *Session) Count(w http.ResponseWriter) (counted http.ResponseWriter, done func()) {
	if x == nil {
		return w, func() {}
	}
	c := &counter{ResponseWriter: w}
	return c, func() { x.Request.Traffic.Sent.Add(uint64(c.n)) }
}

// Ours reports whether an id looks like one that a server of this kind has given.
func Ours(id string) bool {
	return len(id) == ownID && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyz") == ""
}

// usable reports whether an id that a client brings can be its session's.
func usable(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return id != "" && len(id) <= maxID && strings.Trim(id, letters) == ""
}

// whois tells players apart who do not say which they are: by all that the gates may have let them in for.
func whois(r *http.Request, n Name) string {
	return strings.Join([]string{
		n.URL(), web.ClientAddr(r).String(), r.UserAgent(), r.URL.RawQuery, r.Header.Get("Authorization"), r.Referer(),
	}, "\n")
}

// Patience is how long the player may be silent.
func (s *Sessions) Patience(x *Session) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return x.limit
}
