//go:build !windows

package srt

import "syscall"

func room(fd uintptr, option int) int {
	n, _ := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, option) // else it is 0, and no room
	return n
}
