package listen

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// CanShare says that several UDP sockets may have one address, and that the system spreads those who send there over them:
// what comes from one of these goes to the same socket always.
const CanShare = true

// ShareControl is for net.ListenConfig.Control: it lets a socket have the address of others.
func ShareControl(_, _ string, c syscall.RawConn) error {
	var err error
	failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	if failed != nil {
		return failed
	}
	return err
}
