package fanout

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"weir/internal/stream"
)

// LinkOf returns a function that asks the system about the network behind a connection, also one over
// TLS. It may be called from anywhere, also when the connection is closed: then it knows nothing, as
// for one that is no TCP.
func LinkOf(conn net.Conn) func() (stream.Link, bool) {
	return func() (stream.Link, bool) {
		raw := socketOf(conn)
		if raw == nil {
			return stream.Link{}, false
		}
		return readLink(raw)
	}
}

// socketOf finds the socket inside a connection; nil if there is none.
func socketOf(conn net.Conn) syscall.RawConn {
	for {
		outer, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		conn = outer.NetConn()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readLink asks the system. The socket stays open meanwhile.
func readLink(raw syscall.RawConn) (l stream.Link, ok bool) {
	err := raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return
		}
		queued, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		if err != nil {
			return
		}
		ok, l = true, stream.Link{
			RoundTrip:   time.Duration(info.Rtt) * time.Microsecond,
			Variance:    time.Duration(info.Rttvar) * time.Microsecond,
			Segments:    uint64(info.Data_segs_out),
			Retransmits: uint64(info.Total_retrans),
			Unacked:     int(info.Unacked),
			Queued:      queued,
			Unsent:      int(info.Notsent_bytes),
			Window:      int(info.Snd_wnd),
			Segment:     int(info.Snd_mss),
		}
	})
	return l, ok && err == nil
}
