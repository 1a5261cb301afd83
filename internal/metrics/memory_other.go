//go:build !linux

package metrics

// Memory returns the bytes that the process has in memory.
func Memory() uint64 { return reserved() }
