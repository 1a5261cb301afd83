package hls

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/shelf"
	"weir/internal/stream"
	"weir/internal/web"
)

const (
	ctxName       = "hls_ctx"
	typePlaylist  = "application/vnd.apple.mpegurl"
	typeTransport = "video/MP2T"
	typeMP4       = "video/mp4"
	typeKey       = "application/octet-stream"
)

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

// published finds what a request is for, and the stream that it is of; nil is nothing.
func (s *Server) published(r *http.Request) (*place, stream.Info) {
	v := s.o.Config().Vhost(web.Host(r))
	vhost := ""
	if v != nil {
		vhost = v.Name
	}
	if x, _ := s.sessions.Find(s.sessions.ID(r.URL.RawQuery)); x != nil {
		vhost = x.Name.Vhost
	}
	p, _ := s.places.Find(vhost, r.URL.Path)
	if p == nil {
		return nil, stream.Info{}
	}
	return p, s.desk.Info(p.output.name)
}

// Route is a web.Route for playlists, segments and keys.
func (s *Server) Route(r *http.Request) http.Handler {
	v := s.o.Config().Vhost(web.Host(r))
	vhost := ""
	if v != nil {
		vhost = v.Name
	}
	if x, _ := s.sessions.Find(s.sessions.ID(r.URL.RawQuery)); x != nil && !strings.HasSuffix(r.URL.Path, ".m3u8") {
		vhost = x.Name.Vhost // the address of a segment has the session's id and not ?vhost=
	}
	p, _ := s.places.Find(vhost, r.URL.Path)
	if p != nil && p.list() && v != nil && v.HLS.Enabled && p.output.name.Vhost != v.Name && p.output.dir != shelf.Dir(v.HLS.HlsPath) {
		p = nil // another virtual host's stream of that name is not this one's, unless their files are the same
	}
	if p == nil && strings.HasSuffix(r.URL.Path, ".m3u8") {
		if p = s.wake(v, r.URL.Path); p == nil {
			p = s.seek(v, r.URL.Path)
		}
	}
	if p == nil {
		if v != nil && secret(&v.HLS, r.URL.Path) {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { forbidKey(w) })
		}
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, p) })
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, p *place) {
	if !shelf.Fetched(w, r) {
		return
	}
	h, guarded := s.guarded(p.output)
	if guarded && !p.list() && !s.desk.Member(w, r, p.output) {
		return
	}
	switch {
	case p.segment != nil:
		s.serveSegment(w, r, p, h)
	case p.part != nil:
		s.servePart(w, r, p, h)
	case p.header != nil:
		s.serveHeader(w, r, p, h)
	case p.key != nil:
		s.serveKey(w, r, p, h)
	case h.HlsCtx:
		s.servePlayer(w, r, p.output, h)
	default:
		s.servePlain(w, r, p.output)
	}
}

// servePlain serves a playlist to who has no session.
func (s *Server) servePlain(w http.ResponseWriter, r *http.Request, o *output) {
	s.desk.Ask(w, r, o, func(o *output, wait time.Duration, anew bool) bool {
		d, ok := s.await(w, r, o, wait, anew)
		if ok {
			shelf.Send(w, r, typePlaylist, d.age(), d.text().plain)
		}
		return ok
	})
}

// servePlayer serves a playlist to a player: the first one leads to that of its session.
func (s *Server) servePlayer(w http.ResponseWriter, r *http.Request, o *output, h *config.HLS) {
	id := s.sessions.ID(r.URL.RawQuery)
	x, ended := s.sessions.Find(id)
	if ended {
		s.desk.FailEnded(w, id)
		return
	}
	if x != nil && x.Name != o.name { // the id is of another stream's player
		x, id = nil, ""
	}
	again := x != nil || shelf.Ours(id) // it had a session with us, or with the process before
	var d delivery
	anew := x == nil && s.desk.Brings(o.name.Vhost) && !o.Here(time.Now())
	if anew && r.Method == http.MethodGet {
		x = s.desk.Summon(w, r, o, id, idleFor(h), func(_ *shelf.Session, o *output, wait time.Duration) (ok bool) {
			d, ok = s.await(w, r, o, wait, true)
			return ok
		})
		if x == nil {
			return
		}
		s.sessions.Hear(x, idleFor(h), false)
		again = again && x.ID == id
	} else {
		var ok bool
		if d, ok = s.await(w, r, o, shelf.FirstWait, anew); !ok {
			return
		}
	}
	if x == nil && r.Method == http.MethodGet {
		if x = s.desk.Admit(w, r, o, id, idleFor(h)); x == nil {
			return
		}
		again = again && x.ID == id
	}
	if again && x != nil {
		s.sessions.Hear(x, idleFor(h), true)
		shelf.Send(w, r, typePlaylist, "no-cache", d.text().render("?"+ctxName+"="+x.ID, h.HlsTSCtx))
		return
	}
	if x == nil { // HEAD: nobody plays
		shelf.Send(w, r, typePlaylist, "no-cache", nil)
		return
	}
	uri := path.Base(r.URL.EscapedPath()) + "?" + ctxName + "=" + x.ID
	if rest := s.sessions.Without(r.URL.RawQuery, directivePrefix); rest != "" {
		uri += "&" + rest
	}
	rates, tracks := d.output.describe()
	shelf.Send(w, r, typePlaylist, "no-cache", master(rates, tracks, uri))
}

// counted finds the session that a request for a piece of a stream is of, and counts what is sent. It is false,
// and the request is answered, if the session has been ended.
func (s *Server) counted(w http.ResponseWriter, r *http.Request) (counted http.ResponseWriter, done func(), ok bool) {
	x, ok := s.desk.Session(w, r)
	if !ok {
		return nil, nil, false
	}
	counted, done = x.Count(w)
	return counted, done, true
}

// lasting is how long others may keep what never changes.
func lasting(h *config.HLS) string { return fmt.Sprintf("max-age=%d", int(h.HlsWindow.Seconds())) }

// serveSegment serves a segment, out of memory where it is there.
func (s *Server) serveSegment(w http.ResponseWriter, r *http.Request, p *place, h *config.HLS) {
	w, done, ok := s.counted(w, r)
	if !ok {
		return
	}
	defer done()
	header, g := w.Header(), p.segment
	kind := typeTransport
	if g.header != nil {
		kind = typeMP4
	}
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", lasting(h))
	header.Set("Etag", fmt.Sprintf("\"%x-%x\"", g.at.UnixNano(), g.size))
	if g.data != nil {
		http.ServeContent(w, r, "", g.at, g.data.Reader())
		return
	}
	f, err := os.OpenInRoot(string(p.output.dir), g.file)
	if err != nil {
		for _, name := range [...]string{"Content-Type", "Cache-Control", "Etag"} {
			header.Del(name)
		}
		web.Fail(w, http.StatusNotFound, "the segment has been deleted")
		return
	}
	defer f.Close()
	http.ServeContent(w, r, "", g.at, f)
}

// servePart serves a part, and waits for the one that comes next.
func (s *Server) servePart(w http.ResponseWriter, r *http.Request, p *place, h *config.HLS) {
	w, done, ok := s.counted(w, r)
	if !ok {
		return
	}
	defer done()
	timeout := time.NewTimer(p.output.patience())
	defer timeout.Stop()
	select {
	case <-p.part.ready:
	case <-timeout.C:
		web.Fail(w, http.StatusServiceUnavailable, "this part of the stream has not come")
		return
	case <-r.Context().Done():
		return
	}
	if p.part.data == nil {
		web.Fail(w, http.StatusNotFound, "this part of the stream will not come")
		return
	}
	w.Header().Set("Content-Type", typeMP4)
	w.Header().Set("Cache-Control", lasting(h))
	http.ServeContent(w, r, "", time.Time{}, p.part.data.Reader())
}

// serveHeader serves what goes before segments. Another stream of the same name has another one under the
// same address, so it is not kept for long.
func (s *Server) serveHeader(w http.ResponseWriter, r *http.Request, p *place, h *config.HLS) {
	w, done, ok := s.counted(w, r)
	if !ok {
		return
	}
	defer done()
	shelf.Send(w, r, typeMP4, fmt.Sprintf("max-age=%d", max(1, int(h.HlsFragment.Seconds()))), p.header.data)
}

// serveKey serves a key: with hls_ctx to players of the stream only, where the playlist says that
// it is fetched here.
func (s *Server) serveKey(w http.ResponseWriter, r *http.Request, p *place, h *config.HLS) {
	if h.HlsCtx && p.key.own {
		if x, ended := s.sessions.Find(s.sessions.ID(r.URL.RawQuery)); x == nil || ended || x.Name != p.output.name {
			forbidKey(w)
			return
		}
	}
	shelf.Send(w, r, typeKey, "no-store", p.key.value[:])
}

// secret reports whether a path looks like that of a key for players only, of whatever stream:
// the file of one that no playlist has any more is not for everybody either.
func secret(h *config.HLS, at string) bool {
	end := path.Ext(h.HlsKeyFile)
	return h.Enabled && h.HlsKeys && h.HlsCtx && ownKeys(h) && end != "" && path.Ext(at) == end
}

func forbidKey(w http.ResponseWriter) {
	web.Fail(w, http.StatusForbidden, "keys are for players: begin with the playlist")
}
