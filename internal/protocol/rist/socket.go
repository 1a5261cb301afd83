package rist

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/debug"

	"weir/internal/listen"
)

const (
	socketBuffer = 4 << 20 // bytes that are asked for; the system may grant less
	pairTries    = 64      // for two free ports, one after the other
	maxFailures  = 100     // of a socket in a row, until it is given up
)

// listenPair opens the sockets of a receiver: addr, whose port is even, and the port after it. Port 0 takes any two.
func listenPair(addr, iface string) (media, control *net.UDPConn, err error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, nil, fmt.Errorf("rist: %w", err)
	}
	if at.Port%2 != 0 {
		return nil, nil, fmt.Errorf("rist: port %d is odd: RTP is received on an even port, and RTCP on the one after it", at.Port)
	}
	for range pairTries {
		media, control, err = openPair(at, iface)
		if err == nil || at.Port != 0 {
			break
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("rist: %w", err)
	}
	return media, control, nil
}

func openPair(at *net.UDPAddr, iface string) (media, control *net.UDPConn, err error) {
	if media, err = open(at, iface); err != nil {
		return nil, nil, err
	}
	second := *at
	second.Port = media.LocalAddr().(*net.UDPAddr).Port + 1
	if second.Port%2 == 0 {
		media.Close()
		return nil, nil, errors.New("the system chose an odd port")
	}
	if control, err = open(&second, iface); err != nil {
		media.Close()
		return nil, nil, err
	}
	return media, control, nil
}

// open opens one socket, which joins the group where its address is one.
func open(at *net.UDPAddr, iface string) (conn *net.UDPConn, err error) {
	if !at.IP.IsMulticast() {
		conn, err = net.ListenUDP("udp", at)
	} else {
		conn, err = listen.OpenGroup(plain(at.AddrPort()), iface)
	}
	if err != nil {
		return nil, err
	}
	enlarge(conn)
	return conn, nil
}

// enlarge asks for room in the system; with less than that, bursts are lost more often.
func enlarge(conn *net.UDPConn) {
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
}

// plain writes an IPv4 address always the same way, so that addresses can be compared.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// recovered is deferred to the end of a goroutine that reads RTCP: a panic of it ends the Receiver or Sender alone.
func recovered(fail func(error)) {
	if p := recover(); p != nil {
		fail(fmt.Errorf("%w: panic: %v\n%s", ErrBroken, p, debug.Stack()))
	}
}

// verdict is what an error of a socket's read means.
type verdict int

const (
	readAgain verdict = iota // a deadline that has passed, or a packet of ours that nobody took
	readClosed
	readBroken
)

// failures counts errors of a socket in a row.
type failures int

// judge says what an error of a read means. A read that worked, or that waited in vain, ends the row: Windows has one fail for
// each packet that we have sent to nobody.
func (f *failures) judge(err error) verdict {
	switch {
	case err == nil, errors.Is(err, os.ErrDeadlineExceeded):
		*f = 0
	case errors.Is(err, net.ErrClosed):
		return readClosed
	default:
		if *f++; *f >= maxFailures {
			return readBroken
		}
	}
	return readAgain
}
