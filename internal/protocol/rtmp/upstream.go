package rtmp

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"weir/internal/format/amf0"
	"weir/internal/stream"
	"weir/internal/transport"
)

const (
	viaName   = "weir_via"   // the argument of connect that names the servers a stream comes by
	lapsName  = "weir_laps"  // the one that names those that have sent it on
	maxVia    = 32           // of either
	knockName = "weir_knock" // the one of who asks whether a client may come: the name of the stream that it wants
)

// deafTime is for how long an origin may acknowledge nothing, or take nothing, of what it is sent: there is another one. The target of
// a forward has nobody in its place, and may be slow.
const deafTime = 5 * time.Second

// visiting are the choices of a client that visits another server for this one.
func (v *Server) visiting(visit *transport.Visit) DialOptions {
	o := DialOptions{
		TCURL: visit.TCURL, DialTimeout: relayDial, ReplyTimeout: relayDial, Server: true,
		Properties: amf0.Object{{Name: "capsEx", Value: capsReconnect}},
	}
	dialer := net.Dialer{KeepAliveConfig: transport.Lively()}
	if visit.Request != nil {
		dialer.Control = unheard(deafTime)
	}
	o.Dial = dialer.DialContext
	if visit.Dial != nil {
		o.Dial = visit.Dial
	}
	if visit.Traffic != nil {
		o.Dial = transport.Counted(o.Dial, visit.Traffic)
	}
	if visit.Signed {
		o.Args = v.signature(visit.Request)
		o.Args = append(o.Args, besides(argsOf(visit.Request), o.Args)...)
	}
	for _, x := range []struct {
		name string
		list []string
	}{{viaName, visit.Via}, {lapsName, visit.Laps}} {
		if len(x.list) > 0 {
			o.Args = append(o.Args, amf0.Property{Name: x.name, Value: strings.Join(x.list, ",")})
		}
	}
	return o
}

// signature tells another server who comes, and for whom.
func (v *Server) signature(r *stream.Request) amf0.Object {
	p := v.options.Product
	args := amf0.Object{
		{Name: "srs_sig", Value: "SRS"},
		{Name: "srs_server", Value: p.Signature},
		{Name: "srs_license", Value: "MIT"},
		{Name: "srs_url", Value: ""},
		{Name: "srs_version", Value: p.Version},
		{Name: "srs_pid", Value: v.pid},
	}
	if r != nil {
		args = append(args, amf0.Property{Name: "srs_id", Value: r.ID})
	}
	return append(args, amf0.Property{Name: "srs_server_ip", Value: ownAddress()})
}

// argsOf is what a client has said behind the command object of connect.
func argsOf(r *stream.Request) amf0.Object {
	if r == nil {
		return nil
	}
	own, _ := r.Args.(amf0.Object)
	return own
}

// besides are the properties of an object that others do not have, without those that are not the client's own.
func besides(own, others amf0.Object) (left amf0.Object) {
	for _, p := range own {
		if _, taken := others.Get(p.Name); !taken && !slices.Contains([]string{viaName, lapsName, knockName}, p.Name) {
			left = append(left, p)
		}
	}
	return left
}

// ownAddress is the first address of this machine by which others may know it.
func ownAddress() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			return p.Addr().Unmap().String()
		}
	}
	return "127.0.0.1"
}

// isServer reports whether a client says that it is a server: SRS, or one like this.
func isServer(args amf0.Object) bool {
	_, sign := args.Get("srs_sig")
	_, via := args.Get(viaName)
	return sign || via
}

// serversOf are the servers that a client names by an argument: those that it is, or comes by; or those that have sent it on.
func serversOf(args amf0.Object, name string) []string {
	list := args.String(name)
	if list == "" {
		return nil
	}
	return strings.SplitN(list, ",", maxVia)
}

// Fetch plays the stream at an address for another part of this server.
func (v *Server) Fetch(ctx context.Context, url string, visit transport.Visit) (transport.Feed, error) {
	c, err := Dial(ctx, url, v.visiting(&visit))
	if err != nil {
		return nil, err
	}
	if err := c.Play(ctx); err != nil {
		_ = c.Close() // the error is told
		return nil, err
	}
	return c.Feed(visit.Log), nil
}

// Knock asks the server at an address whether a client may connect: in the client's own words. A server that asks for a
// client's leave only when it knows the stream is told which one.
func (v *Server) Knock(ctx context.Context, url string, visit transport.Visit) error {
	o := v.visiting(&visit)
	o.Args = append(o.Args, besides(argsOf(visit.Request), o.Args)...)
	if r := visit.Request; r != nil {
		o.Args = append(o.Args, amf0.Property{Name: knockName, Value: r.Name + r.Param})
		o.Properties = append(o.Properties, amf0.Property{Name: "swfUrl", Value: r.SWFURL}, amf0.Property{Name: "pageUrl", Value: r.PageURL})
		if strings.HasPrefix(r.TCURL, "rtmp") {
			o.TCURL = r.TCURL
		}
	}
	c, err := Dial(ctx, url, o)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Connect(ctx)
}
