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

const (
	resolveTime = 2 * time.Second // for which the name of the API is looked up
	maxHost     = 253             // bytes of a host's name
)

// addresses are where the answer says that we are, most with no port yet: what the client asks for, what it called the API
// by, and what the configuration says.
func addresses(ctx context.Context, c *config.RTCServer, extra, host string) (list []string) {
	if extra != "" {
		list = append(list, extra)
	}
	if c.APIAsCandidates {
		list = append(list, apiHost(ctx, c, host)...)
	}
	for at := range strings.FieldsSeq(c.Candidate) {
		if at != "*" && at != "0.0.0.0" && at != "::" {
			list = append(list, at)
			continue
		}
		if c.UseAutoDetectNetworkIP {
			list = append(list, own(c.IPFamily)...)
		}
	}
	if len(list) == 0 { // where there is no network but the machine itself
		list = append(list, "127.0.0.1")
	}
	return list
}

// ported gives each address that has none a port, and leaves out what comes twice or is no address.
func ported(addresses []string, port int) (list []string) {
	for _, at := range addresses {
		at = withPort(at, port)
		if !slices.Contains(list, at) && sound(at) {
			list = append(list, at)
		}
	}
	return list
}

// sound reports whether an address can stand in an answer: clients write some of them.
func sound(at string) bool {
	host, port, err := net.SplitHostPort(at)
	_, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && host != "" && len(host) <= maxHost && strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-") == ""
}

// places are the candidates of an answer.
type places struct{ udp, tcp []string }

// places says which ways a client is told of.
func (v *Server) places(ctx context.Context, c *config.RTCServer, extra, host string) (o places) {
	list := addresses(ctx, c, extra, host)
	if c.Protocol != "tcp" || v.tcp == nil {
		o.udp = ported(list, v.sockets[0].LocalAddr().(*net.UDPAddr).Port)
	}
	if c.Protocol != "udp" && v.tcp != nil {
		o.tcp = ported(list, v.tcp.port)
	}
	return o
}

// list names them for people.
func (o places) list() (list []string) {
	for _, at := range o.udp {
		list = append(list, "udp "+at)
	}
	for _, at := range o.tcp {
		list = append(list, "tcp "+at)
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

// The priorities of the first candidates: those of hosts, of which UDP is liked better. Spec: RFC 8445, 5.1.2.1; RFC 6544, 4.2.
const (
	udpPriority = 126<<24 | 65535<<8 | 255
	tcpPriority = 99<<24 | 65535<<8 | 255
)

// lines are the candidates of an answer. Spec: RFC 8839, 5.1; RFC 6544, 4.5. The first is the liked one.
func (o places) lines() string {
	var b strings.Builder
	for i, at := range o.udp {
		host, port, _ := net.SplitHostPort(at)
		b.WriteString("a=candidate:" + strconv.Itoa(i) + " 1 udp " + strconv.Itoa(udpPriority-i) + " " + host + " " + port + " typ host generation 0\r\n")
	}
	for i, at := range o.tcp {
		host, port, _ := net.SplitHostPort(at)
		b.WriteString("a=candidate:" + strconv.Itoa(len(o.udp)+i) + " 1 tcp " + strconv.Itoa(tcpPriority-i) + " " + host + " " + port + " typ host tcptype passive\r\n")
	}
	return b.String()
}

// withCandidates puts ours in place of those that the library has found.
func withCandidates(sdp string, candidates places) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		switch {
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
			continue
		case strings.HasPrefix(line, "a=ice-pwd:"):
			b.WriteString(line + candidates.lines())
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}
