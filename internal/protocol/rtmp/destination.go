package rtmp

import (
	"errors"
	"fmt"
	"strings"
)

// The ports of addresses that name none.
const (
	defaultPort       = "1935"
	defaultSecurePort = "443"
)

var errDestination = errors.New("rtmp: bad url")

// destination is where a client goes, as it says it to the server: the URL split as it stands,
// nothing decoded.
type destination struct {
	address string // host:port
	app     string
	tcURL   string
	name    string // of the stream, with its query
	secure  bool   // over TLS: rtmps
}

// parseDestination reads rtmp://host[:port]/app/stream?query, where app may have several parts, or
// be missing, or the same with rtmps. The older rtmp://host/app?query/stream leaves the query with the app.
func parseDestination(raw string) (destination, error) {
	scheme, rest, _ := strings.Cut(raw, "://")
	port := defaultPort
	switch scheme {
	case "rtmp":
	case "rtmps":
		port = defaultSecurePort
	default:
		return destination{}, fmt.Errorf("%w: %q: neither rtmp nor rtmps", errDestination, raw)
	}
	host, path, _ := strings.Cut(rest, "/")
	if host == "" {
		return destination{}, fmt.Errorf("%w: %q: no host", errDestination, raw)
	}
	t := destination{address: host, secure: scheme == "rtmps"}
	if strings.LastIndexByte(host, ':') <= strings.LastIndexByte(host, ']') {
		t.address += ":" + port
	}
	query := strings.IndexByte(path+"?", '?')
	at := strings.LastIndexByte(path[:query], '/')
	if at < 0 {
		at = strings.LastIndexByte(path, '/')
	}
	t.tcURL = scheme + "://" + t.address
	if at > 0 {
		t.app = path[:at]
		t.tcURL += "/" + t.app
	}
	t.name = path[at+1:]
	if t.name == "" {
		return destination{}, fmt.Errorf("%w: %q: no stream", errDestination, raw)
	}
	return t, nil
}
