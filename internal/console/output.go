package console

import (
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"

	"weir/internal/config"
)

// output is one way to play a stream. The page plays those whose Kind it knows a player for; the
// others are addresses to copy.
type output struct {
	Kind  string `json:"kind"`  // what plays it: flv, ts, aac, mp3, hls, rtmp
	Label string `json:"label"` // for people
	URL   string `json:"url"`   // a path on this server, or a whole address
}

// visit is a look at a stream: who looks matters to its addresses.
type visit struct {
	config      *config.Config
	request     *http.Request
	vhost       *config.Vhost
	app, stream string
}

// maker tells where one kind of output of a stream is; nil if there is none.
type maker func(v visit) *output

// makers is the table of outputs, best first.
var makers = []maker{remuxOutput, hlsOutput, rtmpOutput}

// outputs lists the ways to play a stream.
func (v visit) outputs() []output {
	list := []output{}
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
	return &output{kind, remuxLabels[kind], v.path("/" + below)}
}

// hlsOutput is the playlist, whose name is the same on the disk and on the web.
func hlsOutput(v visit) *output {
	if !v.vhost.HLS.Enabled {
		return nil
	}
	return &output{"hls", "HLS", v.path("/" + strings.TrimPrefix(v.vhost.HLS.HlsM3u8File, "./"))}
}

func rtmpOutput(v visit) *output {
	return &output{"rtmp", "RTMP", v.rtmp()}
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
