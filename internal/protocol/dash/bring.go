package dash

import (
	"context"
	"net/http"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
)

// Where streams are brought here from other servers, the request for a manifest has that done. A player with a session is
// a reader of the stream, and is let in before there is anything to play. For one without, the stream is wished for, and
// stays as long as somebody asks for its manifest.

// comeBack is how long a session stays for its player to come back, beside the time for which its first segment is waited for.
const comeBack = 5 * time.Second

// brings reports whether the streams of a virtual host are brought here.
func (s *Server) brings(vhost string) bool { return s.o.Registry().Supplies(vhost) }

// seek is the place of the manifest of a stream that may be brought here; nil if it is none's.
func (s *Server) seek(v *config.Vhost, at string) *place {
	if v == nil || !v.Enabled || !v.Dash.Enabled || !s.brings(v.Name) {
		return nil
	}
	file, ok := strings.CutPrefix(at, strings.TrimSuffix(shelf.Base(s.o.Config(), v, v.Dash.DashPath), "/")+"/")
	if !ok {
		return nil
	}
	n, ok := shelf.NameOf(v.Name, v.Dash.DashMpdFile, file)
	if !ok {
		return nil
	}
	return &place{output: s.newOutput(n, v)}
}

// arrive waits for somebody to add to what there is of a stream, and returns that, and for how long its first segment may
// be waited for.
func (s *Server) arrive(r *http.Request, o *output) (*output, time.Duration) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), firstWait)
	defer cancel()
	if now, ok := s.outputs.Await(ctx, o.name); ok {
		o = now
	}
	return o, firstWait - time.Since(began)
}

// servePlain serves a manifest to who has no session.
func (s *Server) servePlain(w http.ResponseWriter, r *http.Request, o *output) {
	a, came := arrival{wait: firstWait}, false
	if s.brings(o.name.Vhost) {
		a.anew = !o.here(time.Now())
		asking, err := s.wishes.Ask(o.name, !a.anew)
		if err != nil && a.anew {
			shelf.Refuse(w, r, err)
			return
		}
		if err == nil {
			asking.Summon(s.sessions.NewWish(r, o.name, o.file))
			defer func() { asking.Done(came, o.idleFor()) }()
		}
	}
	if a.anew {
		o, a.wait = s.arrive(r, o)
	}
	now := s.await(w, r, o, a)
	came = now != nil || s.outputs.Busy(o)
	if now != nil {
		shelf.Send(w, r, typeManifest, "max-age=1", now.plain)
	}
}

// summon begins the session of a player whose stream is to be brought here first, and finds its manifest. If there is
// none, the request is answered, and the session is none.
func (s *Server) summon(w http.ResponseWriter, r *http.Request, o *output, id string) (x *shelf.Session, now *page) {
	asking, err := s.wishes.Ask(o.name, false)
	if err != nil {
		shelf.Refuse(w, r, err)
		return nil, nil
	}
	came := false
	defer func() { asking.Done(came, o.idleFor()) }()
	if x = s.admit(w, r, o, id, max(o.idleFor(), firstWait+comeBack)); x == nil {
		return nil, nil
	}
	o, wait := s.arrive(r, o)
	if now = s.await(w, r, o, arrival{since: x.Began, wait: wait, anew: true}); now != nil {
		return x, now
	}
	if came = s.outputs.Busy(o); came { // its first segment takes long: the player will find it when it asks again
		asking.Summon(s.sessions.NewWish(r, o.name, o.file))
	}
	s.sessions.Drop(x, shelf.ErrNothing)
	return nil, nil
}

// here reports whether what there is of a stream is of now: somebody adds to it, or did so not long ago.
func (o *output) here(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fed || o.page != nil && !o.old(now)
}

// old reports whether the newest frame is older than all that the manifest has; mu is held.
func (o *output) old(now time.Time) bool {
	if len(o.periods) == 0 {
		return false
	}
	first, newest := o.periods[0], o.periods[len(o.periods)-1]
	span := newest.ends() - first.start
	if s := first.sets()[0]; len(s.list) > 0 {
		span = newest.ends() - first.since(s, s.list[0].start)
	}
	return now.Sub(o.last) > max(span, fewest*o.longest)
}

// feed notes that there is another publisher, and somebody who adds what is its. A stream that is brought here is gone on
// with after a short break; after a long one players see nothing of what was.
func (o *output) feed(brought bool) {
	now := time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if brought && o.old(now) {
		for len(o.periods) > 0 {
			o.leave(o.periods[0], now)
		}
		o.page = nil
	}
	o.came, o.first, o.fed = now, o.nextPeriod, true
	if o.page != nil {
		o.page = &page{marked: o.page.marked, plain: o.page.plain, came: o.came}
	}
}

// release is the end of what feed began.
func (s *Server) release(o *output) {
	o.mu.Lock()
	o.fed = false
	o.mu.Unlock()
	s.outputs.Release(o)
}
