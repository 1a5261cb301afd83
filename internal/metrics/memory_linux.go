package metrics

import "github.com/prometheus/procfs"

// Memory returns the bytes that the process has in memory.
func Memory() uint64 {
	self, err := procfs.Self()
	if err != nil {
		return reserved()
	}
	stat, err := self.Stat()
	if err != nil {
		return reserved()
	}
	return uint64(max(0, stat.ResidentMemory()))
}
