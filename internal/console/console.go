// Package console is what a browser sees of the server: a page of the streams that are on, one
// that plays them, and one that publishes the visitor's camera. All of it is in the binary; nothing is fetched from elsewhere.
package console

import (
	"net/http"
	"net/url"
	"strings"

	"weir/internal/config"
	"weir/internal/stream"
)

// studioPath is the page that publishes.
const studioPath = "/players/publish.html"

// Options set up the pages.
type Options struct {
	Registry *stream.Registry
	Config   func() *config.Config // the configuration in force
}

// Pages answers / and everything below /players/, and nothing else. A name that it does not
// know is 404, and so is every one while http_server has pages off.
type Pages struct {
	o      Options
	files  map[string]*file            // by the path that serves them
	topics map[string]http.HandlerFunc // what is made for each request
}

// New returns the pages.
func New(o Options) *Pages {
	p := &Pages{o: o, files: files()}
	p.topics = map[string]http.HandlerFunc{
		"/players/streams.json":    p.streams,
		"/players/stream.json":     p.stream,
		"/players/srs_player.html": p.alias("/players/", ""),
		"/players/rtc_player.html": p.alias("/players/", "webrtc"), "/players/whep.html": p.alias("/players/", "webrtc"),
		"/players/rtc_publisher.html": p.alias(studioPath, ""), "/players/whip.html": p.alias(studioPath, ""),
	}
	return p
}

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, topic := p.files[r.URL.Path], p.topics[r.URL.Path]
	if file == nil && topic == nil || !p.o.Config().HTTPServer.Pages {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	p.protect(w.Header(), r)
	if file != nil {
		file.serve(w, r)
		return
	}
	topic(w, r)
}

// protect tells the browser what a page may do: run the scripts of this server, and fetch from
// it, from where the vhost's playlists point, and from the API, which WebRTC asks. The page that
// publishes may ask the visitor for the camera, no other one. A stream's name is the choice of whoever
// publishes it, so nothing inline is ever run.
func (p *Pages) protect(h http.Header, r *http.Request) {
	from := []string{"'self'"}
	if v := p.vhost(r); v != nil {
		for _, prefix := range []string{v.HLS.HlsEntryPrefix, v.HLS.HlsKeyURL} {
			if o := origin(prefix); o != "" {
				from = append(from, o)
			}
		}
	}
	sources, calls := strings.Join(from, " "), ""
	if c := p.o.Config(); c.RTCServer.Enabled {
		base, _ := apiBase(c, r)
		calls = strings.TrimRight(" "+origin(base), " ")
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"worker-src 'self' blob:; connect-src "+sources+calls+"; media-src "+sources+" blob:; "+
		"base-uri 'none'; form-action 'self'; frame-ancestors 'self'")
	devices := "camera=(), microphone=(), display-capture=()"
	if r.URL.Path == studioPath {
		devices = strings.ReplaceAll(devices, "()", "(self)")
	}
	h.Set("Permissions-Policy", devices)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// origin returns the origin of an address on another server, else nothing.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(u.Host, " ;,'") {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// alias leads from the address of a page that people have in their bookmarks to ours, with a
// format that it is to play. It names the stream with app, stream and vhost.
func (p *Pages) alias(page, format string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		old, to := r.URL.Query(), url.Values{}
		name, ending, _ := cutFormat(old.Get("stream"))
		if app := old.Get("app"); name != "" && app != "" {
			name = app + "/" + name
		}
		if format != "" {
			ending = format
		}
		if page == studioPath {
			ending = ""
		}
		for key, value := range map[string]string{"stream": name, "format": ending, "vhost": old.Get("vhost")} {
			if value != "" {
				to.Set(key, value)
			}
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, page+strings.TrimPrefix(pagePath(to), "/players/"), http.StatusFound)
	}
}

// pagePath returns the address of the player's page; slashes stay legible.
func pagePath(query url.Values) string {
	if len(query) == 0 {
		return "/players/"
	}
	return "/players/?" + strings.ReplaceAll(query.Encode(), "%2F", "/")
}

// cutFormat takes the ending off a stream's name if it names a form that the page plays.
func cutFormat(name string) (stream, format string, found bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return name, "", false
	}
	switch ending := name[dot+1:]; ending {
	case "flv", "ts", "aac", "mp3":
		return name[:dot], ending, true
	case "m3u8":
		return name[:dot], "hls", true
	case "mpd":
		return name[:dot], "dash", true
	}
	return name, "", false
}
