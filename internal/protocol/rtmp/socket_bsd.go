//go:build unix && !linux

package rtmp

// hush does nothing: other systems wake who waits, and nobody does.
func (*socket) hush(uintptr, bool) {}
