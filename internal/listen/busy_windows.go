package listen

import (
	"errors"
	"syscall"
)

func inUse(err error) bool {
	const wsaAddrInUse = syscall.Errno(10048)
	return errors.Is(err, wsaAddrInUse)
}
