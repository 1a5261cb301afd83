package rtmp

import "syscall"

// hush has the socket tell of restBytes and more, or of an end, and of nothing else; or again
// of each byte. What cannot be set costs wake-ups, and works.
func (s *socket) hush(fd uintptr, on bool) {
	least := 1
	if on {
		least = restBytes
	}
	_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, least)
	s.quiet = on
}
