package rtmp

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unheard has a connection fail that sends, once nothing of it has been acknowledged for so long: a cable may have been
// cut, and the system would try for a quarter of an hour. It is the Control of a net.Dialer.
func unheard(after time.Duration) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(after.Milliseconds())) // else it takes longer
		})
	}
}
