//go:build !linux

package listen

import "syscall"

// ownGroups would have a socket receive of the groups that it joins itself alone; there is no such option here.
func ownGroups(string, string, syscall.RawConn) error { return nil }
