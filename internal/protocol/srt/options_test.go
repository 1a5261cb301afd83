package srt

import (
	"net"
	"syscall"
	"testing"
	"time"

	"weir/internal/config"
)

func TestOptions(t *testing.T) {
	for want, c := range map[int]config.SRTServer{
		1316: {Mss: 1500, Payloadsize: 1316}, 1456: {Mss: 1500}, 956: {Mss: 1000, Payloadsize: 1316}, 188: {Mss: 232, Payloadsize: 188},
	} {
		c.ConnectTimeout, c.PeerIdleTimeout, c.Recvlatency, c.Peerlatency = time.Second, 2*time.Second, 3*time.Second, 4*time.Second
		o := options(&c)
		if int(o.PayloadSize) != want || int(o.MSS) != c.Mss || o.ConnectionTimeout != time.Second || o.PeerIdleTimeout != 2*time.Second ||
			o.ReceiverLatency != 3*time.Second || o.PeerLatency != 4*time.Second {
			t.Errorf("%+v gives %+v", c, o)
		}
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
	}
	for listen, want := range map[string]string{"10080": ":10080", "127.0.0.1:1": "127.0.0.1:1", "[::1]:1": "[::1]:1"} {
		if got := addressOf(listen); got != want {
			t.Errorf("%s is %s", listen, got)
		}
	}
}

// TestBuffers asks for room in a socket, and looks whether it is there: the system has twice as much, for its own use.
func TestBuffers(t *testing.T) {
	for _, want := range []int{16 << 10, 64 << 10} {
		lc := net.ListenConfig{Control: buffers(want, want)}
		conn, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(*net.UDPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(fd uintptr) {
			for _, option := range []int{syscall.SO_RCVBUF, syscall.SO_SNDBUF} {
				if got := room(fd, option); got != want && got != 2*want {
					t.Errorf("%d bytes; want %d", got, want)
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}
