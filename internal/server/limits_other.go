//go:build !windows

package server

import (
	"fmt"
	"syscall"
)

// RaiseFiles raises the soft limit of open files to the hard one and gives what is in force
// then. A system that does not let us is no error: macOS has a hard limit it never grants.
func RaiseFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("open files: %w", err)
	}
	raised := syscall.Rlimit{Cur: limit.Max, Max: limit.Max}
	if limit.Cur < limit.Max && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
		return raised.Cur, nil
	}
	return limit.Cur, nil
}
