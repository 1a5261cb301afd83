package dash

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"weir/internal/shelf"
	"weir/internal/stream"
	"weir/internal/web"
)

const (
	ctxName      = "dash_ctx"
	typeManifest = "application/dash+xml"
	typeSegment  = "video/iso.segment"
	typeHeader   = "video/mp4"
	typeTime     = "text/plain; charset=utf-8"
)

// place is what is somewhere on the web server: a segment, a header, the time, or the manifest of an output.
type place struct {
	output  *output
	segment *segment
	header  *header
	clock   bool
}

// list reports whether it is the manifest.
func (p *place) list() bool { return p.segment == nil && p.header == nil && !p.clock }

// Lent is Route for another process of this server: it knows the streams that are published here, and no others.
func (s *Server) Lent(r *http.Request) http.Handler {
	p, info := s.published(r)
	if p == nil || !info.Live {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, p) })
}

// Has reports whether a request is for a stream that a client publishes here.
func (s *Server) Has(r *http.Request) bool {
	p, info := s.published(r)
	return p != nil && info.Live && !info.Supplied
}

// published finds what a request is for, and the stream that it is of; nil is nothing, or the time.
func (s *Server) published(r *http.Request) (*place, stream.Info) {
	vhost := ""
	if v := s.o.Config().Vhost(web.Host(r)); v != nil {
		vhost = v.Name
	}
	p, ok := s.places.Find(vhost, r.URL.Path)
	if x, _ := s.sessions.Find(s.sessions.ID(r.URL.RawQuery)); x != nil && !ok {
		p, ok = s.places.Find(x.Name.Vhost, r.URL.Path)
	}
	if !ok || p.clock {
		return nil, stream.Info{}
	}
	return &p, s.desk.Info(p.output.name)
}

// Route is a web.Route for manifests and segments.
func (s *Server) Route(r *http.Request) http.Handler {
	vhost := ""
	v := s.o.Config().Vhost(web.Host(r))
	if v != nil {
		vhost = v.Name
	}
	p, ok := s.places.Find(vhost, r.URL.Path)
	foreign := ok && p.list() && v != nil && v.Dash.Enabled && p.output.name.Vhost != v.Name && p.output.dir != shelf.Dir(v.Dash.DashPath)
	if x, _ := s.sessions.Find(s.sessions.ID(r.URL.RawQuery)); !foreign && x != nil && (!ok || !p.list()) {
		p, ok = s.places.Find(x.Name.Vhost, r.URL.Path) // the address of a segment has the session's id and not ?vhost=
	}
	if !ok || foreign { // another virtual host's stream of that name is not this one's, unless their files are the same
		sought := s.seek(v, r.URL.Path)
		if sought == nil {
			return nil
		}
		p = *sought
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, &p) })
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, p *place) {
	if !shelf.Fetched(w, r) {
		return
	}
	h, guarded := s.guarded(p.output)
	if guarded && !p.list() && !p.clock && !s.desk.Member(w, r, p.output) {
		return
	}
	switch {
	case p.segment != nil:
		s.serveSegment(w, r, p)
	case p.header != nil:
		if w, done, ok := s.counted(w, r); ok {
			defer done()
			shelf.Send(w, r, typeHeader, lasting(p.output), p.header.data)
		}
	case p.clock:
		shelf.Send(w, r, typeTime, "no-store", []byte(time.Now().UTC().Format("2006-01-02T15:04:05.000Z")))
	case h.DashCtx:
		s.servePlayer(w, r, p.output)
	default:
		s.servePlain(w, r, p.output)
	}
}

// servePlain serves a manifest to who has no session.
func (s *Server) servePlain(w http.ResponseWriter, r *http.Request, o *output) {
	s.desk.Ask(w, r, o, func(o *output, wait time.Duration, anew bool) bool {
		now := s.await(w, r, o, arrival{wait: wait, anew: anew})
		if now != nil {
			shelf.Send(w, r, typeManifest, "max-age=1", now.plain)
		}
		return now != nil
	})
}

// servePlayer serves a manifest to a player, in a session of its own. One that asks again without the id which
// the first manifest has told is known by its address.
func (s *Server) servePlayer(w http.ResponseWriter, r *http.Request, o *output) {
	id := s.sessions.ID(r.URL.RawQuery)
	x, ended := s.sessions.Find(id)
	told := x != nil
	if id == "" {
		x, ended = s.sessions.Recall(r, o.name)
	}
	if ended {
		s.desk.FailEnded(w, x.ID)
		return
	}
	if x != nil && x.Name != o.name { // the id is of another stream's player
		x, id = nil, ""
	}
	began := time.Now()
	if x != nil {
		began = x.Began
	}
	known := x != nil
	var now *page
	anew := !known && s.desk.Brings(o.name.Vhost) && !o.Here(began)
	if anew && r.Method == http.MethodGet {
		x = s.desk.Summon(w, r, o, id, o.idleFor(), func(x *shelf.Session, o *output, wait time.Duration) bool {
			now = s.await(w, r, o, arrival{since: x.Began, wait: wait, anew: true})
			return now != nil
		})
		if x == nil {
			return
		}
	} else if now = s.await(w, r, o, arrival{since: began, wait: shelf.FirstWait, anew: anew}); now == nil {
		return
	} else if x == nil && r.Method == http.MethodGet {
		if x = s.desk.Admit(w, r, o, id, o.idleFor()); x == nil {
			return
		}
		if now = s.await(w, r, o, arrival{since: x.Began, wait: shelf.FirstWait}); now == nil { // all may be different by now
			return
		}
	}
	if x == nil { // HEAD: nobody plays
		shelf.Send(w, r, typeManifest, "no-cache", nil)
		return
	}
	if !known {
		told = id != ""
	}
	s.sessions.Hear(x, o.idleFor(), told)
	query := ctxName + "=" + x.ID
	location := r.URL.EscapedPath() + "?" + query // a whole path, which means the same from wherever it is seen
	if rest := s.sessions.Without(r.URL.RawQuery); rest != "" {
		location += "&" + rest
	}
	shelf.Send(w, r, typeManifest, "no-cache", now.render(x.Began, "?"+query, location))
}

// arrival is what a request for a manifest waits for.
type arrival struct {
	since time.Time     // when its player began
	wait  time.Duration // for the first segment
	anew  bool          // one of long ago will not do
}

// await returns the manifest, for who plays since then. If the stream is live and it will come soon, it waits;
// otherwise it answers and returns nil.
func (s *Server) await(w http.ResponseWriter, r *http.Request, o *output, a arrival) *page {
	late := a.anew && !o.Here(time.Now())
	now, fit, changed := o.look(a.since)
	var old *page
	if late {
		old, now, fit = now, nil, false
	}
	if !fit {
		ctx, cancel := context.WithTimeout(r.Context(), a.wait)
		defer cancel()
		for !fit && ctx.Err() == nil && s.outputs.Busy(o) {
			select {
			case <-changed:
				now, fit, changed = o.look(a.since)
				if fit = fit && now != old; now == old {
					now = nil
				}
			case <-ctx.Done():
			}
		}
	}
	if now == nil {
		web.Fail(w, http.StatusNotFound, "there is no segment of this stream yet")
	}
	return now
}

// counted finds the session that a request for a piece of a stream is of, and counts what is sent. It is false,
// and the request is answered, if the session has been ended.
func (s *Server) counted(w http.ResponseWriter, r *http.Request) (counted http.ResponseWriter, done func(), ok bool) {
	x, ok := s.desk.Session(w, r)
	if !ok {
		return nil, nil, false
	}
	if x != nil {
		s.sessions.Hear(x, s.sessions.Patience(x), false)
	}
	counted, done = x.Count(w)
	return counted, done, true
}

// serveSegment serves a segment: from memory, from its file, or as it comes.
func (s *Server) serveSegment(w http.ResponseWriter, r *http.Request, p *place) {
	w, done, ok := s.counted(w, r)
	if !ok {
		return
	}
	defer done()
	g, o := p.segment, p.output
	g.enter()
	defer g.leave()
	if !g.comes(w, r, o.patience()) {
		return
	}
	size, at, whole, gone := g.state()
	h := w.Header()
	h.Set("Content-Type", typeSegment)
	h.Set("Cache-Control", lasting(o))
	if !whole {
		g.follow(w, r)
		return
	}
	h.Set("Etag", fmt.Sprintf("\"%x-%x\"", at.UnixNano(), size))
	if !gone {
		pieces, _ := g.look(0)
		http.ServeContent(w, r, "", at, pieces.Reader())
		return
	}
	f, err := os.OpenInRoot(string(o.dir), g.file)
	if err != nil {
		for _, name := range [...]string{"Content-Type", "Cache-Control", "Etag"} {
			h.Del(name)
		}
		web.Fail(w, http.StatusNotFound, "the segment has been deleted")
		return
	}
	defer f.Close()
	http.ServeContent(w, r, "", at, f)
}

// comes waits until there is something of a segment. If nothing comes, it is false, and the request is answered.
func (f *feed) comes(w http.ResponseWriter, r *http.Request, wait time.Duration) bool {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		if _, _, whole, _ := f.state(); whole {
			return true
		}
		pieces, more := f.look(0)
		if len(pieces) > 0 {
			return true
		}
		if more == nil {
			web.Fail(w, http.StatusNotFound, "this segment will not come")
			return false
		}
		select {
		case <-more:
		case <-timeout.C:
			web.Fail(w, http.StatusNotFound, "this segment has not come")
			return false
		case <-r.Context().Done():
			return false
		}
	}
}

// follow sends what there is of a segment, and what comes as it comes.
func (f *feed) follow(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	for sent := 0; ; {
		pieces, more := f.look(sent)
		for _, b := range pieces {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
		if sent += len(pieces); more == nil {
			return
		}
		if len(pieces) > 0 {
			_ = control.Flush() // the client has gone: its context tells
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

// patience is how long a request waits for what comes next.
func (o *output) patience() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return behind * max(o.longest, time.Second)
}

// lasting is how long others may keep what never changes.
func lasting(o *output) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return fmt.Sprintf("max-age=%d", max(1, int(o.afterwards().Seconds())))
}

// idleFor is how long a player may be silent before its session is over.
func (o *output) idleFor() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return max(2*o.afterwards(), 2*shelf.SweepEvery, 2*o.rules.DashUpdatePeriod)
}
