package webrtc

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/config"
)

// resolveTime is how long the name of the API is looked up for.
const resolveTime = 2 * time.Second

// candidates are the addresses, each with its port, that an answer names: what the client asks for, what it called the
// API by, and what the configuration says.
func candidates(ctx context.Context, c *config.RTCServer, extra, host string, port int) []string {
	var list []string
	add := func(at string) {
		at = withPort(at, port)
		if !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	if extra != "" {
		add(extra)
	}
	if c.APIAsCandidates {
		for _, at := range apiHost(ctx, c, host) {
			add(at)
		}
	}
	for at := range strings.FieldsSeq(c.Candidate) {
		if at != "*" && at != "0.0.0.0" && at != "::" {
			add(at)
			continue
		}
		if c.UseAutoDetectNetworkIP {
			for _, ip := range own(c.IPFamily) {
				add(ip)
			}
		}
	}
	if len(list) == 0 { // where there is no network but the machine itself
		add("127.0.0.1")
	}
	return list
}

// apiHost is what the host by which the API was called says of where we are.
func apiHost(ctx context.Context, c *config.RTCServer, host string) (list []string) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsLoopback() || ip.IsUnspecified() || !family(ip, c.IPFamily) {
			return nil
		}
		return []string{host}
	}
	if host == "" || host == "localhost" {
		return nil
	}
	if c.KeepAPIDomain {
		list = append(list, host)
	}
	if c.ResolveAPIDomain {
		ctx, done := context.WithTimeout(ctx, resolveTime)
		defer done()
		ips, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host) // a name that nobody knows is none of ours
		for _, ip := range ips {
			if ip = ip.Unmap(); !ip.IsLoopback() && family(ip, c.IPFamily) {
				list = append(list, ip.String())
			}
		}
	}
	return list
}

// own lists the addresses of this machine at which others reach it.
func own(of string) (list []string) {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		if ip = ip.Unmap(); ok && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && family(ip, of) {
			list = append(list, ip.String())
		}
	}
	return list
}

func family(ip netip.Addr, of string) bool {
	return of == "all" || ip.Is4() == (of == "ipv4")
}

// withPort adds a port to an address that has none.
func withPort(at string, port int) string {
	if host, p, err := net.SplitHostPort(at); err == nil && p != "" {
		return net.JoinHostPort(host, p)
	}
	return net.JoinHostPort(strings.Trim(at, "[]"), strconv.Itoa(port))
}

// lines are the candidates of an answer. Spec: RFC 8839, 5.1; the first is the liked one.
func lines(candidates []string) string {
	var b strings.Builder
	for i, at := range candidates {
		host, port, _ := net.SplitHostPort(at)
		b.WriteString("a=candidate:" + strconv.Itoa(i) + " 1 udp " + strconv.Itoa(2130706431-i) + " " + host + " " + port + " typ host generation 0\r\n")
	}
	return b.String()
}

// withCandidates puts ours in place of those that the library has found.
func withCandidates(sdp string, candidates []string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		switch {
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
			continue
		case strings.HasPrefix(line, "a=ice-pwd:"):
			b.WriteString(line + lines(candidates))
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}
