package hls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/web"
)

// firstWait is how long a request for the playlist of a stream that is live waits for the first
// segment: hls.js gives up after 20 s, and ffmpeg at a 404.
const firstWait = 15 * time.Second

const (
	typePlaylist = "application/vnd.apple.mpegurl"
	typeSegment  = "video/MP2T"
	typeKey      = "application/octet-stream"
)

// Route is a web.Route for playlists, segments and keys.
func (s *Server) Route(r *http.Request) http.Handler {
	v := s.o.Config().Vhost(web.Host(r))
	vhost := ""
	if v != nil {
		vhost = v.Name
	}
	if x, _ := s.session(ctxOf(r.URL.RawQuery)); x != nil && !strings.HasSuffix(r.URL.Path, ".m3u8") {
		vhost = x.output.name.vhost // the address of a segment has the session's id and not ?vhost=
	}
	p := s.find(vhost, r.URL.Path)
	if p == nil && strings.HasSuffix(r.URL.Path, ".m3u8") {
		p = s.wake(v, r.URL.Path)
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
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		web.Fail(w, http.StatusMethodNotAllowed, "a playlist or a segment can only be fetched")
		return
	}
	h, guarded := s.guarded(p.output)
	if guarded && (p.segment != nil || p.key != nil) && !s.member(w, r, p.output) {
		return
	}
	switch {
	case p.segment != nil:
		s.serveSegment(w, r, p, h)
	case p.key != nil:
		s.serveKey(w, r, p, h)
	case h.HlsCtx:
		s.servePlayer(w, r, p.output, h)
	default:
		if page := s.await(w, r, p.output); page != nil {
			send(w, r, typePlaylist, "max-age=1", page.plain)
		}
	}
}

// servePlayer serves a playlist to a player: the first one leads to that of its session.
func (s *Server) servePlayer(w http.ResponseWriter, r *http.Request, o *output, h *config.HLS) {
	id := ctxOf(r.URL.RawQuery)
	x, ended := s.session(id)
	if ended {
		web.Fail(w, http.StatusNotFound, "HLS stream "+id+" is EOF")
		return
	}
	if x != nil && x.output.name != o.name { // the id is of another stream's player
		x, id = nil, ""
	}
	page := s.await(w, r, o)
	if page == nil {
		return
	}
	again := x != nil || ours(id) // it had a session with us, or with the process before
	if x == nil && r.Method == http.MethodGet {
		if v := s.vhost(o.name.vhost); v != nil && !v.Enabled {
			web.Fail(w, http.StatusForbidden, "The virtual host "+v.Name+" is switched off.")
			return
		}
		var err error
		if x, err = s.admit(r, o, id); err != nil {
			refuse(w, r, err)
			return
		}
		again = again && x.id == id
	}
	if again && x != nil {
		s.hear(x, idleFor(h))
		send(w, r, typePlaylist, "no-cache", page.render(x.id, h.HlsTSCtx))
		return
	}
	if x == nil { // HEAD: nobody plays
		send(w, r, typePlaylist, "no-cache", nil)
		return
	}
	uri := path.Base(r.URL.EscapedPath()) + "?" + ctxName + "=" + x.id
	if rest := without(r.URL.RawQuery); rest != "" {
		uri += "&" + rest
	}
	rates, tracks := o.describe()
	send(w, r, typePlaylist, "no-cache", master(rates, tracks, uri))
}

// await returns the playlist. If the stream is live and it will come soon, it waits; otherwise it
// answers and returns nil.
func (s *Server) await(w http.ResponseWriter, r *http.Request, o *output) *page {
	page, shown := o.look()
	if page == nil && s.isActive(o) {
		timeout := time.NewTimer(firstWait)
		defer timeout.Stop()
		select {
		case <-shown:
			page, _ = o.look()
		case <-timeout.C:
		case <-r.Context().Done():
		}
	}
	if page == nil {
		web.Fail(w, http.StatusNotFound, "there is no segment of this stream yet")
	}
	return page
}

// refuse answers a player whom a gate has not let in.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var denied *stream.Denied
	var moved *stream.Moved
	switch {
	case errors.As(err, &moved) && strings.HasPrefix(moved.URL, "http"):
		http.Redirect(w, r, moved.URL, http.StatusFound)
	case errors.As(err, &denied):
		web.Fail(w, http.StatusForbidden, denied.Error())
	case errors.Is(err, errFull), errors.Is(err, errStopped):
		web.Fail(w, http.StatusServiceUnavailable, err.Error())
	default:
		web.Fail(w, http.StatusForbidden, err.Error())
	}
}

func send(w http.ResponseWriter, r *http.Request, kind, cache string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", cache)
	if r.Method != http.MethodHead {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client has gone: nobody is left to tell
	}
}

// serveSegment serves a segment, out of memory where it is there.
func (s *Server) serveSegment(w http.ResponseWriter, r *http.Request, p *place, h *config.HLS) {
	id := ctxOf(r.URL.RawQuery)
	x, ended := s.session(id)
	if ended {
		web.Fail(w, http.StatusNotFound, "HLS stream "+id+" is EOF")
		return
	}
	if x != nil {
		counted := &counter{ResponseWriter: w}
		defer func() { x.request.Traffic.Sent.Add(uint64(counted.n)) }()
		w = counted
	}
	header, g := w.Header(), p.segment
	header.Set("Content-Type", typeSegment)
	header.Set("Cache-Control", fmt.Sprintf("max-age=%d", int(h.HlsWindow.Seconds())))
	header.Set("Etag", fmt.Sprintf("\"%x-%x\"", g.at.UnixNano(), g.size))
	if g.data != nil {
		http.ServeContent(w, r, "", g.at, bytes.NewReader(g.data))
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

// serveKey serves a key: with hls_ctx to players of the stream only, where the playlist says that
// it is fetched here.
func (s *Server) serveKey(w http.ResponseWriter, r *http.Request, p *place, h *config.HLS) {
	if h.HlsCtx && p.key.own {
		if x, ended := s.session(ctxOf(r.URL.RawQuery)); x == nil || ended || x.output.name != p.output.name {
			forbidKey(w)
			return
		}
	}
	send(w, r, typeKey, "no-store", p.key.value[:])
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

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// ReadFrom keeps the way from a file to a socket short.
func (c *counter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.ResponseWriter, r)
	c.n += n
	return n, err
}
