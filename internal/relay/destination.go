package relay

import (
	"net/url"
	"strings"

	"weir/internal/stream"
)

// address is where a stream is sent by a destination: host:port of an RTMP server, where it has the same names, or an
// address with variables.
func address(destination string, r *stream.Request) string {
	param := strings.TrimPrefix(r.Param, "?")
	scheme, _, found := strings.Cut(destination, "://")
	if !found {
		if r.Vhost != stream.DefaultVhost && !strings.Contains("&"+param, "&vhost=") {
			param = strings.TrimPrefix(param+"&vhost="+r.Vhost, "&")
		}
		if param != "" {
			param = "?" + param
		}
		return "rtmp://" + destination + "/" + r.App + "/" + r.Stream + param
	}
	if scheme == "srt" && !strings.Contains(destination, "streamid=") {
		destination += map[bool]string{true: "&", false: "?"}[strings.Contains(destination, "?")] + "streamid=" + url.QueryEscape(streamID(r, param))
	}
	escape := func(s string) string { return s }
	if scheme == "srt" {
		escape = url.QueryEscape
	}
	return strings.NewReplacer(
		"[vhost]", escape(r.Vhost), "[app]", escape(r.App), "[stream]", escape(r.Stream), "[param]", escape(param),
	).Replace(destination)
}

// streamID is the one that an SRT server like this one takes a stream by.
func streamID(r *stream.Request, param string) string {
	id := "#!::r=" + r.App + "/" + r.Stream + ",m=publish"
	if r.Vhost != stream.DefaultVhost {
		id = "#!::h=" + r.Vhost + "," + strings.TrimPrefix(id, "#!::")
	}
	if param != "" {
		id += "," + strings.ReplaceAll(param, "&", ",")
	}
	return id
}
