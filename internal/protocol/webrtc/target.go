package webrtc

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"weir/internal/web"
)

// The names of a stream that an address does not name.
const (
	defaultApp    = "live"
	defaultStream = "livestream"
)

// target is what a client wants.
type target struct {
	publish            bool
	vhost, app, stream string
	param              string // the whole query, for gates and callbacks
	candidate          string // an address at which the client says that we are
	codec              string // of the pictures that it sends
	ufrag, pwd         string // credentials of ICE that we are to have
	token              string
	remote             netip.Addr
	page               string
	plain              string // which of encrypt and dtls the client wants off
}

// check refuses what a client cannot have.
func (t *target) check() error {
	if t.plain != "" {
		return refuse(http.StatusBadRequest, "%s=false cannot be had: WebRTC is always encrypted here; leave it out", t.plain)
	}
	if t.candidate != "" && len(ported([]string{t.candidate}, 1)) == 0 {
		return refuse(http.StatusBadRequest, "the address in eip, or candidate, is none")
	}
	return checkCredentials(t.ufrag, t.pwd)
}

// targetOf reads an address of WHIP or WHEP, such as /rtc/v1/whip/?app=live&stream=livestream.
func targetOf(r *http.Request) target {
	q := r.URL.Query()
	t := target{
		vhost: web.Host(r), app: or(q.Get("app"), defaultApp), stream: or(q.Get("stream"), defaultStream), param: r.URL.RawQuery,
		candidate: or(q.Get("eip"), q.Get("candidate")), codec: q.Get("codec"), ufrag: q.Get("ice-ufrag"), pwd: q.Get("ice-pwd"),
		token: web.Bearer(r), remote: remoteOf(r), page: r.Referer(),
	}
	for _, name := range []string{"encrypt", "dtls"} {
		if q.Get(name) == "false" {
			t.plain = name
		}
	}
	t.publish = strings.HasPrefix(r.URL.Path, pathWHIP) && q.Get("action") != "play"
	return t
}

// parseStreamURL reads webrtc://host[:port]/app/stream?k=v of SRS's older calls.
func parseStreamURL(raw string, t *target) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "webrtc" {
		return errStreamURL
	}
	path := strings.Trim(u.Path, "/")
	at := strings.LastIndexByte(path, '/')
	if at <= 0 || at == len(path)-1 {
		return errStreamURL
	}
	t.app, t.stream, t.param = path[:at], path[at+1:], u.RawQuery
	q := u.Query()
	t.vhost = or(or(q.Get("vhost"), q.Get("domain")), u.Hostname())
	return nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func remoteOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
