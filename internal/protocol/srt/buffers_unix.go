//go:build !windows

package srt

import "syscall"

// buffers asks the system for room in the socket. It may give less, as net.core.rmem_max says on Linux.
func buffers(receive, send int) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, receive) // less room is no reason to stop
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, send)
		})
	}
}
