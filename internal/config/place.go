package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Place is a stream of this server, as an RTMP address names it.
type Place struct {
	Vhost  string // empty for none
	App    string
	Stream string
	Param  string // the rest of the query, without its "?"
}

// ParsePlace reads rtmp://127.0.0.1:1935/app/stream?vhost=name, or the older form with the query behind the app. It is an
// error if that is not on this server: another host, or a port that is none of ports, where RTMP is listened to. An
// address without a port is ours.
func ParsePlace(raw string, ports []string) (Place, error) {
	rest, ok := strings.CutPrefix(raw, "rtmp://")
	if !ok {
		return Place{}, fmt.Errorf("%q does not begin with rtmp://", raw)
	}
	host, path, _ := strings.Cut(rest, "/")
	if err := checkHere(host, ports); err != nil {
		return Place{}, fmt.Errorf("%q: %w", raw, err)
	}
	path, query, _ := strings.Cut(path, "?")
	if at := strings.LastIndexByte(query, '/'); at >= 0 { // app?vhost=name/stream
		path, query = path+"/"+query[at+1:], query[:at]
		if name, more, found := strings.Cut(path, "?"); found {
			path, query = name, query+"&"+more
		}
	}
	at := strings.LastIndexByte(path, '/')
	if at <= 0 || at == len(path)-1 {
		return Place{}, fmt.Errorf("%q names no stream: write rtmp://127.0.0.1/app/stream", raw)
	}
	p := Place{App: path[:at], Stream: path[at+1:]}
	var others []string
	for part := range strings.SplitSeq(query, "&") {
		if v, found := strings.CutPrefix(part, "vhost="); found {
			p.Vhost = v
		} else if part != "" {
			others = append(others, part)
		}
	}
	p.Param = strings.Join(others, "&")
	return p, nil
}

var errElsewhere = errors.New("it is not on this server: write rtmp://127.0.0.1/app/stream, and forward it from here")

// checkHere returns an error for a host that is not this server.
func checkHere(host string, ports []string) error {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	if ip, err := netip.ParseAddr(name); name != "localhost" && (err != nil || !ip.IsLoopback() && !ip.IsUnspecified()) {
		return errElsewhere
	}
	ours := func(listen string) bool { return portOf(listen) == port }
	if port != "" && !slices.ContainsFunc(ports, ours) {
		return fmt.Errorf("%w; listen has no port %s", errElsewhere, port)
	}
	return nil
}

// portOf returns the port of an address to listen on.
func portOf(listen string) string { return listen[strings.LastIndexByte(listen, ':')+1:] }
