package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// used is what a process has used.
type used struct {
	cpu    time.Duration
	memory int64 // bytes that are resident
}

// usage reads what a process has used, on Linux. Spec: proc_pid_stat(5).
func usage(pid int) (u used, err error) {
	if pid == 0 {
		return u, nil
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return u, fmt.Errorf("%d fields in the state of process %d", len(fields), pid)
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(fields[i], 10, 64) // of the kernel's making
		return n
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all that Go runs on
	return used{cpu: time.Duration(number(11)+number(12)) * tick, memory: number(21) * int64(os.Getpagesize())}, nil
}
