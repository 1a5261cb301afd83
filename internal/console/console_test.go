package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/internal/config"
	"weir/internal/media"
	"weir/internal/stream"
)

// studio is the pages of a server with a configuration and some streams.
type studio struct {
	pages    *Pages
	registry *stream.Registry
	config   *config.Config
	host     string // by which browsers know it; empty is video.example
}

const settings = `listen 1936;
http_server { enabled on; }
vhost __defaultVhost__ {
	http_remux { enabled on; }
	hls { enabled on; hls_entry_prefix https://cdn.example/x; }
}
vhost ts.example {
	http_remux { enabled on; mount [vhost]/tv/[app]/[stream].ts; }
}
vhost list.example {
	hls { enabled on; hls_m3u8_file [vhost]/[app]/[stream].m3u8; }
}
vhost quick.example {
	hls { enabled on; hls_low_latency on; hls_part 0.5; }
	dash { enabled on; dash_low_latency on; }
}
vhost dash.example {
	dash { enabled on; dash_mpd_file ./[vhost]/[app]/[stream]/manifest.mpd; }
}
vhost bare.example { }
`

func newStudio(t *testing.T, text string) *studio {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{File: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &studio{config: c}
	s.registry = stream.NewRegistry(stream.Options{Supply: &stream.Supply{
		Wanted: func(vhost string) bool { v := s.config.Exactly(vhost); return v != nil && v.Cluster.Fetches() },
		Linger: func(string) time.Duration { return 0 },
		Run:    func(context.Context, *stream.Request) {},
	}})
	s.pages = New(Options{Registry: s.registry, Config: func() *config.Config { return s.config }})
	return s
}

// publish starts a stream of pictures and sound.
func (s *studio) publish(t *testing.T, vhost, app, name string) {
	t.Helper()
	s.publishAs(t, "fmle-publish", vhost, app, name)
}

func (s *studio) publishAs(t *testing.T, kind, vhost, app, name string) {
	t.Helper()
	p, err := s.registry.Publish(t.Context(), &stream.Request{
		ID: stream.NewID(), Kind: kind, Remote: netip.MustParseAddr("192.0.2.1"), Vhost: vhost, App: app, Stream: name,
	})
	if err != nil {
		t.Fatal(err)
	}
	layout := &media.Layout{
		Tracks: []*media.Track{
			{Kind: media.Video, Codec: media.H264, Info: media.Info{Profile: "High", Width: 1280, Height: 720}},
			{Kind: media.Audio, Codec: media.AAC, Info: media.Info{SampleRate: 48000, Channels: 2}},
		},
		Meta: &media.Meta{Fields: []media.Field{{Name: "framerate", Value: 25.0}}},
	}
	if err := p.WriteBatch([]*media.Frame{{Layout: layout, Key: true}}); err != nil {
		t.Fatal(err)
	}
}

// get asks for a path as a browser does.
func (s *studio) get(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://"+cmp.Or(s.host, "video.example")+":8080"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.pages.ServeHTTP(w, r)
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

func TestFiles(t *testing.T) {
	s := newStudio(t, settings)
	for path, kind := range map[string]string{
		"/":                                       "text/html; charset=utf-8",
		"/players/":                               "text/html; charset=utf-8",
		"/players/?stream=live/x":                 "text/html; charset=utf-8",
		"/players/style.css":                      "text/css; charset=utf-8",
		"/players/player.js":                      "text/javascript; charset=utf-8",
		"/players/icon.svg":                       "image/svg+xml",
		"/players/vendor/mpegts.js":               "text/javascript; charset=utf-8",
		"/players/vendor/hls.min.js":              "text/javascript; charset=utf-8",
		"/players/vendor/hls.LICENSE.txt":         "text/plain; charset=utf-8",
		"/players/compare.js":                     "text/javascript; charset=utf-8",
		"/players/vendor/dash.mediaplayer.min.js": "text/javascript; charset=utf-8",
		"/players/publish.html":                   "text/html; charset=utf-8",
		"/players/publish.js":                     "text/javascript; charset=utf-8",
		"/players/arrow.svg":                      "image/svg+xml",
	} {
		w := s.get("GET", path)
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != kind || w.Body.Len() < 100 {
			t.Errorf("%s: status %d, %d bytes of %s", path, w.Code, w.Body.Len(), h.Get("Content-Type"))
		}
		if h.Get("Cache-Control") != "no-cache" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, h)
		}
		head := s.get("HEAD", path)
		if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != h.Get("Content-Length") {
			t.Errorf("HEAD %s: status %d, %d bytes, headers %v", path, head.Code, head.Body.Len(), head.Header())
		}
		again := s.get("GET", path, "If-None-Match", h.Get("ETag"))
		if h.Get("ETag") == "" || again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s once more: status %d, %d bytes", path, again.Code, again.Body.Len())
		}
		small := s.get("GET", path, "Accept-Encoding", "br, gzip;q=0.5")
		if w.Body.Len() > 1000 && (small.Header().Get("Content-Encoding") != "gzip" || small.Body.Len() >= w.Body.Len()) {
			t.Errorf("%s: %d bytes zipped, %d as they are, headers %v", path, small.Body.Len(), w.Body.Len(), small.Header())
		}
	}
}

func TestNothingElse(t *testing.T) {
	s := newStudio(t, settings)
	for _, path := range []string{
		"/x", "/players", "/players/x.js", "/players/index.html", "/players/../console.go", "/players/vendor/",
		"/index.html", "/players/vendor", "/live/x.flv", "/players/%2e%2e/x",
	} {
		if w := s.get("GET", path); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	if w := s.get("POST", "/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, headers %v", w.Code, w.Header())
	}
	off := newStudio(t, strings.Replace(settings, "http_server {", "http_server { pages off;", 1))
	for _, path := range []string{"/", "/players/", "/players/streams.json", "/players/style.css", "/players/srs_player.html"} {
		if w := off.get("GET", path); w.Code != http.StatusNotFound {
			t.Errorf("pages off: %s: status %d", path, w.Code)
		}
	}
}

func TestPolicy(t *testing.T) {
	s := newStudio(t, settings)
	for path, fetch := range map[string]string{
		"/players/":                   "connect-src 'self' https://cdn.example; media-src 'self' https://cdn.example blob:;",
		"/players/?vhost=ts.example":  "connect-src 'self'; media-src 'self' blob:;",
		"/players/?vhost=gone%3B.com": "connect-src 'self' https://cdn.example;",
	} {
		policy := s.get("GET", path).Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none';", "script-src 'self';", "style-src 'self';", fetch} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q has no %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "gone") {
			t.Errorf("%s: policy %q", path, policy)
		}
	}
	for _, page := range []string{"/", "/players/", studioPath} {
		body := s.get("GET", page).Body.String()
		for _, bad := range []string{"<style", " style=", "onclick", "http://", "https://", "//cdn"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %q, which the policy forbids", page, bad)
			}
		}
		if strings.Count(body, "<script") != strings.Count(body, "<script type=\"module\" src=\"/players/") {
			t.Errorf("%s has a script inline", page)
		}
	}
}

func TestStreams(t *testing.T) {
	s := newStudio(t, settings)
	empty := decode[streamsAnswer](t, s.get("GET", "/players/streams.json"))
	if empty.Server != "rtmp://video.example:1936" || empty.Streams == nil || len(empty.Streams) != 0 || empty.Now == 0 {
		t.Errorf("without streams: %+v", empty)
	}
	s.publish(t, stream.DefaultVhost, "live", "cam")
	s.publish(t, "gone.example", "live", "cam") // by the settings of the default one
	answer := decode[streamsAnswer](t, s.get("GET", "/players/streams.json"))
	if len(answer.Streams) != 2 || answer.Total != 2 || answer.Next != 0 {
		t.Fatalf("%+v", answer)
	}
	for _, got := range answer.Streams {
		if !got.Live || got.Since == 0 || got.Viewers != 0 || got.Vhost != stream.DefaultVhost ||
			*got.Video != (video{"H264", "High", 1280, 720, 25}) || *got.Audio != (audio{"AAC", 48000, 2}) {
			t.Errorf("%+v, %+v, %+v", got, got.Video, got.Audio)
		}
	}
	if head := s.get("HEAD", "/players/streams.json"); head.Code != http.StatusOK || head.Body.Len() != 0 {
		t.Errorf("HEAD: status %d, %d bytes", head.Code, head.Body.Len())
	}
}

func TestStreamsByParts(t *testing.T) {
	s := newStudio(t, settings)
	for i := range maxListed + 5 {
		s.publish(t, stream.DefaultVhost, "live", "cam"+strings.Repeat("x", i))
	}
	first := decode[streamsAnswer](t, s.get("GET", "/players/streams.json"))
	if len(first.Streams) != maxListed || first.Next != maxListed || first.Total != maxListed+5 {
		t.Errorf("%d streams of %d, next %d", len(first.Streams), first.Total, first.Next)
	}
	last := decode[streamsAnswer](t, s.get("GET", "/players/streams.json?start=100"))
	if len(last.Streams) != 5 || last.Next != 0 || last.Start != 100 {
		t.Errorf("%d streams from %d, next %d", len(last.Streams), last.Start, last.Next)
	}
	for _, start := range []string{"-5", "x", "999999999999999999999", "2000000000"} {
		decode[streamsAnswer](t, s.get("GET", "/players/streams.json?start="+start))
	}
}

func TestStream(t *testing.T) {
	s := newStudio(t, settings)
	for query, want := range map[string]struct{ page, publish, outputs string }{
		"stream=live/cam": {
			"/players/?stream=live/cam", "rtmp://video.example:1936/live/cam",
			"flv HTTP-FLV /live/cam.flv, hls HLS /live/cam.m3u8, rtmp RTMP rtmp://video.example:1936/live/cam",
		},
		"stream=a/b/cam&vhost=ts.example": {
			"/players/?stream=a/b/cam&vhost=ts.example", "rtmp://video.example:1936/a/b/cam?vhost=ts.example",
			"ts HTTP-TS /tv/a/b/cam.ts?vhost=ts.example, rtmp RTMP rtmp://video.example:1936/a/b/cam?vhost=ts.example",
		},
		"stream=live/cam&vhost=list.example": {
			"/players/?stream=live/cam&vhost=list.example", "rtmp://video.example:1936/live/cam?vhost=list.example",
			"hls HLS /list.example/live/cam.m3u8?vhost=list.example, rtmp RTMP rtmp://video.example:1936/live/cam?vhost=list.example",
		},
		"stream=live/cam&vhost=quick.example": {
			"/players/?stream=live/cam&vhost=quick.example", "rtmp://video.example:1936/live/cam?vhost=quick.example",
			"hls LL-HLS /live/cam.m3u8?vhost=quick.example 2.1, dash LL-DASH /live/cam.mpd?vhost=quick.example 1.5, " +
				"rtmp RTMP rtmp://video.example:1936/live/cam?vhost=quick.example",
		},
		"stream=live/cam&vhost=dash.example": {
			"/players/?stream=live/cam&vhost=dash.example", "rtmp://video.example:1936/live/cam?vhost=dash.example",
			"dash DASH /dash.example/live/cam/manifest.mpd?vhost=dash.example, rtmp RTMP rtmp://video.example:1936/live/cam?vhost=dash.example",
		},
		"stream=live/cam&vhost=bare.example": {
			"/players/?stream=live/cam&vhost=bare.example", "rtmp://video.example:1936/live/cam?vhost=bare.example",
			"rtmp RTMP rtmp://video.example:1936/live/cam?vhost=bare.example",
		},
		"stream=live/a%20b%3Fc%25": {
			"/players/?stream=live/a+b%3Fc%25", "rtmp://video.example:1936/live/a b?c%",
			"flv HTTP-FLV /live/a%20b%3Fc%25.flv, hls HLS /live/a%20b%3Fc%25.m3u8, rtmp RTMP rtmp://video.example:1936/live/a b?c%",
		},
	} {
		got := decode[streamAnswer](t, s.get("GET", "/players/stream.json?"+query)).Stream
		var outputs []string
		for _, o := range got.Outputs {
			words := o.Kind + " " + o.Label + " " + o.URL
			if o.Latency != 0 {
				words += " " + strconv.FormatFloat(o.Latency, 'f', -1, 64)
			}
			outputs = append(outputs, words)
		}
		if got.Live || got.Video != nil || got.Page != want.page || got.Publish != want.publish || strings.Join(outputs, ", ") != want.outputs {
			t.Errorf("%s: page %s, publish %s, outputs %s; want %+v", query, got.Page, got.Publish, strings.Join(outputs, ", "), want)
		}
	}
	s.publish(t, stream.DefaultVhost, "live", "cam")
	if got := decode[streamAnswer](t, s.get("GET", "/players/stream.json?stream=live/cam")).Stream; !got.Live || got.Video == nil {
		t.Errorf("a stream that is on: %+v", got)
	}
	strict := newStudio(t, "listen 1935; http_server { enabled on; } vhost a.example { }")
	for _, path := range []string{"?stream=cam", "", "?stream=/", "?stream=live/cam"} {
		w := strict.get("GET", "/players/stream.json"+path)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), `"reason":"`) {
			t.Errorf("%s: status %d, %s", path, w.Code, w.Body)
		}
	}
}

func TestStrangeNames(t *testing.T) {
	s := newStudio(t, settings)
	names := []string{`<script>alert(1)<script>`, `"'&<b>`, "[app]", "[stream]", "..", "a\nb", "%2e%2e", "мир"}
	for _, name := range names {
		s.publish(t, stream.DefaultVhost, "live", name)
	}
	w := s.get("GET", "/players/streams.json")
	for _, bad := range []string{"<script", "<b>", "&"} {
		if strings.Contains(w.Body.String(), bad) {
			t.Errorf("the answer holds %q: %s", bad, w.Body)
		}
	}
	found := map[string]bool{}
	for _, item := range decode[streamsAnswer](t, w).Streams {
		found[item.Stream] = true
		path := strings.TrimPrefix(item.Page, "/players/")
		if again := decode[streamAnswer](t, s.get("GET", "/players/stream.json"+path)).Stream; again.Stream != item.Stream || !again.Live {
			t.Errorf("the page of %q leads to %q", item.Stream, again.Stream)
		}
		for _, o := range item.Outputs[:2] {
			if strings.ContainsAny(o.URL, "<>\"' \n") || !strings.HasPrefix(o.URL, "/live/") && item.Stream != ".." {
				t.Errorf("%q plays at %q", item.Stream, o.URL)
			}
		}
	}
	for _, name := range names {
		if !found[name] {
			t.Errorf("%q is not listed", name)
		}
	}
}

func TestAlias(t *testing.T) {
	s := newStudio(t, settings)
	for old, want := range map[string]string{
		"rtc_player.html?app=live&stream=livestream":              "/players/?format=webrtc&stream=live/livestream",
		"whep.html?autostart=true&app=live&stream=livestream":     "/players/?format=webrtc&stream=live/livestream",
		"rtc_publisher.html?app=live&stream=livestream&vhost=a.b": "/players/publish.html?stream=live/livestream&vhost=a.b",
		"whip.html": "/players/publish.html",
	} {
		w := s.get("GET", "/players/"+old)
		if got := w.Header().Get("Location"); w.Code != http.StatusFound || got != want {
			t.Errorf("%s: status %d, to %q, want %q", old, w.Code, got, want)
		}
	}
	for query, want := range map[string]string{
		"autostart=true&app=live&stream=livestream.flv&server=1.2.3.4&port=8080&vhost=a.b&schema=http": "/players/?format=flv&stream=live/livestream&vhost=a.b",
		"app=live&stream=livestream.m3u8":     "/players/?format=hls&stream=live/livestream",
		"app=live&stream=livestream.mpd":      "/players/?format=dash&stream=live/livestream",
		"app=live&stream=v1.2":                "/players/?stream=live/v1.2",
		"stream=live/livestream":              "/players/?stream=live/livestream",
		"":                                    "/players/",
		"app=live&stream=%3Cscript%3E%0d%0ax": "/players/?stream=live/%3Cscript%3E%0D%0Ax",
	} {
		w := s.get("GET", "/players/srs_player.html?"+query)
		if got := w.Header().Get("Location"); w.Code != http.StatusFound || got != want {
			t.Errorf("%s: status %d, to %q, want %q", query, w.Code, got, want)
		}
	}
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]string{
		"video.example:8080": "rtmp://video.example:1936", "[2001:db8::1]:8080": "rtmp://[2001:db8::1]:1936",
		"192.0.2.1": "rtmp://192.0.2.1:1936", "[::1]": "rtmp://[::1]:1936",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		if got := rtmpServer(newStudio(t, settings).config, r); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
	for listen, want := range map[string]string{"1935": "1935", "127.0.0.1:1936": "1936", "[::]:19": "19"} {
		if got := portOf(listen); got != want {
			t.Errorf("%s: port %s, want %s", listen, got, want)
		}
	}
}
