package listen

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// OpenGroup opens a UDP socket that receives what is sent to a multicast group and port, on the interface of that name;
// without one the system chooses. On Linux it does not receive what other sockets have joined on the same port.
func OpenGroup(group netip.AddrPort, iface string) (*net.UDPConn, error) {
	var on *net.Interface
	if iface != "" {
		var err error
		if on, err = net.InterfaceByName(iface); err != nil {
			return nil, fmt.Errorf("interface %s: %w", iface, err)
		}
	}
	network := "udp4"
	if group.Addr().Is6() {
		network = "udp6"
	}
	config := net.ListenConfig{Control: ownGroups}
	c, err := config.ListenPacket(context.Background(), network, group.String())
	if err != nil {
		return nil, err
	}
	conn, to := c.(*net.UDPConn), net.UDPAddrFromAddrPort(group)
	if network == "udp4" {
		err = ipv4.NewPacketConn(conn).JoinGroup(on, to)
	} else {
		err = ipv6.NewPacketConn(conn).JoinGroup(on, to)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot join %s: %w", group.Addr(), err)
	}
	return conn, nil
}
