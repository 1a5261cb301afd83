//go:build !windows

package server

import (
	"fmt"
	"syscall"
)

// RaiseFiles raises the soft limit of open files to the hard one and gives what is in force.
func RaiseFiles() (uint64, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("open files: %w", err)
	}
	if limit.Cur >= limit.Max {
		return limit.Cur, nil
	}
	raised := syscall.Rlimit{Cur: limit.Max, Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return limit.Cur, fmt.Errorf("open files: raise the limit from %d to %d: %w", limit.Cur, limit.Max, err)
	}
	return raised.Cur, nil
}
