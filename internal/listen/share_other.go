//go:build !linux

package listen

import "syscall"

// CanShare says that several UDP sockets may have one address, and that the system spreads those who send there over them.
const CanShare = false

// ShareControl changes nothing on this system.
func ShareControl(_, _ string, _ syscall.RawConn) error { return nil }
