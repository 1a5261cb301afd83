//go:build !linux

package rtmp

import (
	"syscall"
	"time"
)

// unheard does nothing: other systems have no such limit.
func unheard(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
