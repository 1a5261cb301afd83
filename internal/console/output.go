package console

import (
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"weir/internal/config"
)

// output is one way to play a stream. The page plays those whose Kind it knows a player for; the
// others are addresses to copy.
type output struct {
	Kind    string  `json:"kind"`    // what plays it: webrtc, flv, ts, aac, mp3, hls, dash, rtmp
	Label   string  `json:"label"`   // for people
	URL     string  `json:"url"`     // a path on this server, or a whole address
	Latency float64 `json:"latency"` // s that a player aims at; 0 leaves it to the player
}

// visit is a look at a stream: who looks matters to its addresses.
type visit struct {
	config      *config.Config
	request     *http.Request
	vhost       *config.Vhost
	app, stream string
	from        string // the kind of session that publishes it; empty if nobody does
}

// maker tells where one kind of output of a stream is; nil if there is none.
type maker func(v visit) *output

// makers is the table of outputs beside WebRTC, which comes before them, best first: what needs no segments starts
// soonest and is the least behind.
var makers = []maker{remuxOutput, hlsOutput, dashOutput, rtmpOutput}

// outputs lists the ways to play a stream.
func (v visit) outputs() []output {
	list := []output{}
	if o := rtcOutput(v); o != nil {
		list = append(list, *o)
	}
	if v.rtcAlone() {
		return list
	}
	for _, makes := range makers {
		if o := makes(v); o != nil {
			list = append(list, *o)
		}
	}
	return list
}

var remuxLabels = map[string]string{"flv": "HTTP-FLV", "ts": "HTTP-TS", "aac": "HTTP-AAC", "mp3": "HTTP-MP3"}

// remuxOutput is the endless answer of http_remux. What its mount has before the first slash is
// a host.
func remuxOutput(v visit) *output {
	remux := v.vhost.HTTPRemux
	kind := strings.TrimPrefix(path.Ext(remux.Mount), ".")
	if !remux.Enabled || remuxLabels[kind] == "" {
		return nil
	}
	mount := strings.Replace(remux.Mount, config.DefaultVhost+"/", "/", 1)
	_, below, _ := strings.Cut(mount, "/")
	return &output{Kind: kind, Label: remuxLabels[kind], URL: v.path("/" + below)}
}

// hlsOutput is the playlist, whose name is the same on the disk and on the web. With low latency a
// player can stay three parts behind the newest picture, and what its own unrest costs.
func hlsOutput(v visit) *output {
	hls := &v.vhost.HLS
	if !hls.Enabled {
		return nil
	}
	o := &output{Kind: "hls", Label: "HLS", URL: v.path("/" + strings.TrimPrefix(hls.HlsM3u8File, "./"))}
	if hls.HlsLowLatency {
		o.Label, o.Latency = "LL-HLS", (3*hls.HlsPart + 600*time.Millisecond).Seconds()
	}
	return o
}

// dashOutput is the manifest, of which the same is true. With low latency it says itself what to
// aim at, and this is that.
func dashOutput(v visit) *output {
	dash := &v.vhost.Dash
	if !dash.Enabled {
		return nil
	}
	o := &output{Kind: "dash", Label: "DASH", URL: v.path("/" + strings.TrimPrefix(dash.DashMpdFile, "./"))}
	if dash.DashLowLatency {
		o.Label, o.Latency = "LL-DASH", max(1500*time.Millisecond, 5*dash.DashPart).Seconds()
	}
	return o
}

func rtmpOutput(v visit) *output {
	return &output{Kind: "rtmp", Label: "RTMP", URL: v.rtmp()}
}

// path fills the variables of a template and escapes the rest.
func (v visit) path(template string) string {
	filled := strings.NewReplacer("[vhost]", v.vhost.Name, "[app]", v.app, "[stream]", v.stream).Replace(template)
	return (&url.URL{Path: path.Clean("/" + filled)}).EscapedPath() + v.query()
}

// query names the vhost where the host alone would lead to another.
func (v visit) query() string {
	if v.config.Vhost(hostname(v.request)) == v.vhost {
		return ""
	}
	return "?vhost=" + url.QueryEscape(v.vhost.Name)
}

// rtmp returns the address to publish to, which is also one to play.
func (v visit) rtmp() string {
	return rtmpServer(v.config, v.request) + "/" + v.app + "/" + v.stream + v.query()
}

// rtmpServer returns where RTMP is, under the name that the visitor knows this server by.
func rtmpServer(c *config.Config, r *http.Request) string {
	host := hostname(r)
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if len(c.Listen) > 0 {
		if port := portOf(c.Listen[0]); port != "1935" {
			host += ":" + port
		}
	}
	return "rtmp://" + host
}

// portOf returns the port of a listen directive, which may be a port alone.
func portOf(listen string) string {
	if _, port, err := net.SplitHostPort(listen); err == nil {
		return port
	}
	return listen
}

// hostname returns the Host header without its port and without brackets.
func hostname(r *http.Request) string {
	return (&url.URL{Host: r.Host}).Hostname()
}
