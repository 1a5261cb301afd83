package console

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"weir/internal/config"
)

// rtcPublisher is the kind of session that publishes over WebRTC.
const rtcPublisher = "rtc-publish"

// rtc reports whether the stream's vhost lets WebRTC clients in.
func (v visit) rtc() bool { return v.config.RTCServer.Enabled && v.vhost.RTC.Enabled }

// rtcAlone reports whether what is published reaches WebRTC players only.
func (v visit) rtcAlone() bool { return v.from == rtcPublisher && !v.vhost.RTC.RtcToRtmp }

// rtcOutput is WHEP. What comes by another protocol is there where it is carried over.
func rtcOutput(v visit) *output {
	if v.foreign() && !v.vhost.RTC.RtmpToRtc {
		return nil
	}
	at := v.signal("whep")
	if at == "" {
		return nil
	}
	return &output{Kind: "webrtc", Label: "WebRTC", URL: at}
}

// foreign reports whether the stream comes by another protocol than WebRTC, as all do that are fetched from other servers.
func (v visit) foreign() bool {
	if v.from == "" {
		return v.vhost.Cluster.Fetches()
	}
	return v.from != rtcPublisher
}

// whip returns the address to publish to by WHIP; empty if there is none. An edge takes only what it can send on to its origin.
func (v visit) whip() string {
	if v.vhost.Cluster.Remote() && !v.vhost.RTC.RtcToRtmp {
		return ""
	}
	return v.signal("whip")
}

// signal returns the address of the stream by WHIP or WHEP; empty if there is none.
func (v visit) signal(protocol string) string {
	base, ok := apiBase(v.config, v.request)
	if !ok || !v.rtc() {
		return ""
	}
	query := url.Values{"app": {v.app}, "stream": {v.stream}}.Encode()
	if vhost := v.query(); vhost != "" {
		query += "&" + vhost[1:]
	}
	return base + "/rtc/v1/" + protocol + "/?" + strings.ReplaceAll(query, "%2F", "/")
}

// apiBase returns the origin of the API for this visitor, under the name by which he knows this server; empty where the
// API has the page's own. It is not ok where there is none that he could reach: a page over TLS may only call an API
// over TLS.
func apiBase(c *config.Config, r *http.Request) (origin string, ok bool) {
	if !c.HTTPAPI.Enabled {
		return "", false
	}
	if c.SharesAPI() { // over TLS too
		return "", true
	}
	scheme, addrs := "http", c.HTTPAPI.Listen
	if r.TLS != nil {
		scheme, addrs = "https", c.HTTPAPI.HTTPS.Listen
		if !c.HTTPAPI.HTTPS.Enabled {
			return "", false
		}
	}
	host := hostname(r)
	for _, at := range addrs {
		if ip, _, err := net.SplitHostPort(at); err == nil && isLoopback(ip) && !isLoopback(host) {
			continue // the visitor is on another machine
		}
		return scheme + "://" + net.JoinHostPort(host, portOf(at)), true
	}
	return "", false
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// secure returns the address of the web server over TLS, where browsers give pages the camera; empty if there is none.
func secure(c *config.Config, r *http.Request) string {
	https := &c.HTTPServer.HTTPS
	if !https.Enabled || len(https.Listen) == 0 {
		return ""
	}
	return "https://" + net.JoinHostPort(hostname(r), portOf(https.Listen[0]))
}
