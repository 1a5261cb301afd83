package listen

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// TestOpenGroup has two groups on one port, each on a socket of its own.
func TestOpenGroup(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("sockets are not kept apart on this system")
	}
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint16(free.LocalAddr().(*net.UDPAddr).Port)
	free.Close()
	if conn, err := OpenGroup(netip.AddrPortFrom(netip.MustParseAddr("ff11::8:1"), port), "lo"); err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	groups := [2]string{"239.255.8.1", "239.255.8.2"}
	var conns [2]*net.UDPConn
	for i, g := range groups {
		at := netip.AddrPortFrom(netip.MustParseAddr(g), port)
		if conns[i], err = OpenGroup(at, "lo"); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	for i, g := range groups {
		out, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.UDPAddr{IP: net.ParseIP(g), Port: int(port)})
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		_, _ = out.Write([]byte{byte(i)})
	}
	for i, conn := range conns {
		var b [10]byte
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := conn.Read(b[:]); n != 1 || err != nil || b[0] != byte(i) {
			t.Errorf("%s: %v, %v", groups[i], b[:n], err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, err := conn.Read(b[:]); err == nil {
			t.Errorf("%s: then %v", groups[i], b[:n])
		}
	}
	if _, err := OpenGroup(netip.MustParseAddrPort("239.255.8.1:9"), "nothing0"); err == nil {
		t.Error("an interface that is not there is joined on")
	}
}
