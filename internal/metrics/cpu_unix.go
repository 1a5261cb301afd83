//go:build unix

package metrics

import (
	"syscall"
	"time"
)

// cpuTime returns what the process has used of processors. It is 0 where nobody knows.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
