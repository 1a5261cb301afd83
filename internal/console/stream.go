package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/internal/config"
	"weir/internal/stream"
	"weir/internal/web"
)

// maxListed is how many streams one answer describes.
const maxListed = 100

// streamsAnswer is a part of the list of streams.
type streamsAnswer struct {
	Now     int64  `json:"now"`     // ms since 1970
	Server  string `json:"server"`  // where to publish: rtmp://host
	Studio  string `json:"studio"`  // the page that publishes; empty where no WebRTC is served
	Brought bool   `json:"brought"` // streams are brought here from other servers once they are played, so there are more than are listed
	Total   int    `json:"total"`   // streams, those nobody publishes included
	Start   int    `json:"start"`
	Next    int    `json:"next"` // the start of the next part; 0 if this is the last
	Streams []item `json:"streams"`
}

// streamAnswer is one stream, on or not.
type streamAnswer struct {
	Now    int64  `json:"now"`
	Server string `json:"server"`
	Secure string `json:"secure"` // the web server over TLS; empty without
	Stream item   `json:"stream"`
}

// item is a stream for the pages.
type item struct {
	Vhost   string   `json:"vhost"`
	App     string   `json:"app"`
	Stream  string   `json:"stream"`
	Page    string   `json:"page"` // that plays it
	Live    bool     `json:"live"`
	Brought bool     `json:"brought"` // where it is not on, it is brought here from another server once it is played
	Onward  bool     `json:"onward"`  // what is published here goes on to another server
	Since   int64    `json:"since"`   // ms since 1970; 0 if it is not on
	Viewers int      `json:"viewers"`
	Kbps    int      `json:"kbps"`    // what the publisher sends
	Video   *video   `json:"video"`   // null without
	Audio   *audio   `json:"audio"`   // null without
	Publish string   `json:"publish"` // the address of its publisher
	WHIP    string   `json:"whip"`    // that by WebRTC; empty where none is served
	Studio  string   `json:"studio"`  // the page that publishes there; empty the same
	Outputs []output `json:"outputs"`
}

type video struct {
	Codec   string  `json:"codec"`
	Profile string  `json:"profile"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	FPS     float64 `json:"fps"` // 0 if nobody says
}

type audio struct {
	Codec      string `json:"codec"`
	SampleRate int    `json:"sample_rate"`
	Channels   int    `json:"channels"`
}

// streams answers with those that are published now. It looks at no more than maxListed, so one
// part may hold fewer, or none.
func (p *Pages) streams(w http.ResponseWriter, r *http.Request) {
	start, _ := strconv.Atoi(r.URL.Query().Get("start")) // else from the first
	start = max(0, start)
	c := p.o.Config()
	answer := streamsAnswer{
		Now: time.Now().UnixMilli(), Server: rtmpServer(c, r),
		Total: p.o.Registry.Totals().Streams, Start: start, Streams: []item{},
	}
	infos := p.o.Registry.StreamPage(start, maxListed)
	if len(infos) == maxListed && start+maxListed < answer.Total {
		answer.Next = start + maxListed
	}
	for _, info := range infos {
		vhost := c.Vhost(info.Vhost)
		if info.Publisher == "" || vhost == nil {
			continue
		}
		answer.Streams = append(answer.Streams, p.describe(visit{config: c, request: r, vhost: vhost, app: info.App, stream: info.Name}, info))
	}
	if vhost := c.Vhost(hostname(r)); vhost != nil {
		answer.Brought = p.o.Registry.Supplies(vhost.Name)
		if (visit{config: c, request: r, vhost: vhost}).whip() != "" {
			answer.Studio = studioPath
		}
	}
	writeJSON(w, r, answer)
}

// stream answers with the one that is asked for, as stream=app/name.
func (p *Pages) stream(w http.ResponseWriter, r *http.Request) {
	c, vhost := p.o.Config(), p.vhost(r)
	app, stream, ok := cutLast(r.URL.Query().Get("stream"))
	if !ok || vhost == nil {
		web.Fail(w, http.StatusNotFound, "no such stream can be: say stream=app/name, and a vhost that is configured")
		return
	}
	info, _ := p.o.Registry.Find(vhost.Name, app, stream)
	item := p.describe(visit{config: c, request: r, vhost: vhost, app: app, stream: stream}, info)
	writeJSON(w, r, streamAnswer{time.Now().UnixMilli(), rtmpServer(c, r), secure(c, r), item})
}

// vhost returns the vhost that a request means, nil if it is not configured.
func (p *Pages) vhost(r *http.Request) *config.Vhost {
	return p.o.Config().Vhost(web.Host(r))
}

// describe says what is known of a stream; info is empty where nobody publishes or reads it.
func (p *Pages) describe(v visit, info stream.Info) item {
	page := url.Values{"stream": {v.app + "/" + v.stream}}
	if v.query() != "" {
		page.Set("vhost", v.vhost.Name)
	}
	s, on := p.o.Registry.Session(info.Publisher)
	if on {
		v.from = s.Request.Kind
	}
	out := item{
		Vhost: v.vhost.Name, App: v.app, Stream: v.stream, Page: pagePath(page),
		Brought: p.o.Registry.Supplies(v.vhost.Name), Onward: v.vhost.Cluster.Remote() && v.vhost.Cluster.Fetches(),
		Viewers: info.Clients, Publish: v.rtmp(), WHIP: v.whip(), Outputs: v.outputs(),
	}
	if out.WHIP != "" {
		out.Studio = studioPath + strings.TrimPrefix(out.Page, "/players/")
	}
	if info.Publisher == "" {
		return out
	}
	out.Live, out.Kbps = true, info.Usage.ReceivedKbps
	out.Viewers--
	if on {
		out.Since = s.Started.UnixMilli()
		if on := time.Since(s.Started); out.Kbps == 0 && on > time.Second { // too new for an average of 30 s
			out.Kbps = int(float64(s.Usage.Received) * 8 / 1000 / on.Seconds())
		}
	}
	if info.Layout != nil {
		out.Video, out.Audio = tracks(info)
	}
	return out
}

// tracks describes the first track of pictures and the first of sound.
func tracks(s stream.Info) (v *video, a *audio) {
	for _, t := range s.Layout.Tracks {
		switch kind := t.Kind.String(); {
		case kind == "video" && v == nil:
			v = &video{t.Codec.String(), t.Info.Profile, t.Info.Width, t.Info.Height, t.Info.FPS}
		case kind == "audio" && a == nil:
			a = &audio{t.Codec.String(), t.Info.SampleRate, t.Info.Channels}
		}
	}
	if fps, ok := s.Layout.Meta.Get("framerate").(float64); ok && v != nil && v.FPS == 0 && fps > 0 && fps < 1000 {
		v.FPS = fps
	}
	return v, a
}

// cutLast takes app/name apart; an app may have slashes itself.
func cutLast(s string) (app, stream string, ok bool) {
	s = strings.Trim(s, "/")
	slash := strings.LastIndexByte(s, '/')
	if slash < 0 {
		return "", "", false
	}
	return s[:slash], s[slash+1:], true
}

// writeJSON answers with what is true at this moment only.
func writeJSON(w http.ResponseWriter, r *http.Request, answer any) {
	body, err := json.Marshal(answer) // with < as \u003c
	if err != nil {
		web.Fail(w, http.StatusInternalServerError, "the answer cannot be written")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(body, '\n')) // the visitor has gone: nobody is left to tell
	}
}
