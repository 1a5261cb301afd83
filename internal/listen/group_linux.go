package listen

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownGroups has a socket receive of the groups that it joins itself alone.
func ownGroups(network, _ string, c syscall.RawConn) error {
	var err error
	failed := c.Control(func(fd uintptr) {
		if strings.HasSuffix(network, "6") {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
		} else {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
		}
	})
	if failed != nil {
		return failed
	}
	return err
}
