//go:build !linux

package rtmp

import (
	"net"
	"syscall"
)

// pen writes to sockets without waiting, where the system can.
type pen struct{}

func newPen() *pen { return &pen{} }

// rawOf returns nil: a goroutine writes to each player.
func rawOf(net.Conn) syscall.RawConn { return nil }

func (*pen) offer(syscall.RawConn, *burst) (written int, err error) { return 0, nil }
