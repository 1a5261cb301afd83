package webrtc

import (
	"context"
	"errors"
	"net"

	"github.com/pion/transport/v4"
)

var errNoSocket = errors.New("webrtc: the library opens no sockets here")

// here is a network of one interface, by which a client has one cable for each way that packets come: not one for each
// address of this machine, which clients are not told anyway. It opens no sockets, and looks nothing up. It is a
// transport.Net.
type here struct{}

// Interfaces is all that the library asks for.
func (here) Interfaces() ([]*transport.Interface, error) {
	lo := transport.NewInterface(net.Interface{Index: 1, Name: "lo", Flags: net.FlagUp | net.FlagLoopback})
	lo.AddAddress(&net.IPNet{IP: net.IPv4(127, 0, 0, 1), Mask: net.CIDRMask(8, 32)})
	lo.AddAddress(&net.IPNet{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)})
	return []*transport.Interface{lo}, nil
}

// InterfaceByIndex is refused, as is all below.
func (here) InterfaceByIndex(int) (*transport.Interface, error) { return nil, errNoSocket }

// InterfaceByName is refused.
func (here) InterfaceByName(string) (*transport.Interface, error) { return nil, errNoSocket }

// ListenPacket is refused.
func (here) ListenPacket(string, string) (net.PacketConn, error) { return nil, errNoSocket }

// ListenUDP is refused.
func (here) ListenUDP(string, *net.UDPAddr) (transport.UDPConn, error) { return nil, errNoSocket }

// ListenTCP is refused.
func (here) ListenTCP(string, *net.TCPAddr) (transport.TCPListener, error) { return nil, errNoSocket }

// Dial is refused.
func (here) Dial(string, string) (net.Conn, error) { return nil, errNoSocket }

// DialUDP is refused.
func (here) DialUDP(string, *net.UDPAddr, *net.UDPAddr) (transport.UDPConn, error) {
	return nil, errNoSocket
}

// DialTCP is refused.
func (here) DialTCP(string, *net.TCPAddr, *net.TCPAddr) (transport.TCPConn, error) {
	return nil, errNoSocket
}

// ResolveIPAddr is refused.
func (here) ResolveIPAddr(string, string) (*net.IPAddr, error) { return nil, errNoSocket }

// ResolveUDPAddr is refused.
func (here) ResolveUDPAddr(string, string) (*net.UDPAddr, error) { return nil, errNoSocket }

// ResolveTCPAddr is refused.
func (here) ResolveTCPAddr(string, string) (*net.TCPAddr, error) { return nil, errNoSocket }

// CreateDialer gives one that refuses.
func (here) CreateDialer(*net.Dialer) transport.Dialer { return here{} }

// CreateListenConfig gives one that refuses.
func (here) CreateListenConfig(*net.ListenConfig) transport.ListenConfig { return deaf{} }

// deaf listens nowhere. It is a transport.ListenConfig.
type deaf struct{}

// Listen is refused.
func (deaf) Listen(context.Context, string, string) (net.Listener, error) { return nil, errNoSocket }

// ListenPacket is refused.
func (deaf) ListenPacket(context.Context, string, string) (net.PacketConn, error) {
	return nil, errNoSocket
}
